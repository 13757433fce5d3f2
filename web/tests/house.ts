/**
 * The real control plane and the real agent (`sidetone serve`), on a real livekit-server, with a provider
 * whose answers are known: what a test of the page asks them for they do as in production.
 */

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort, jwt, KEY, LiveKit, product, SECRET, until } from "./harness.js";

/** Speaks OpenAI's protocol: repeats what it is asked, says it as a tone, and hangs up when it is asked for a goodbye. */
class Provider {
  /** What it takes all speech for. */
  heard = "";
  /** What it was last told to be. */
  prompt = "";
  /** How long it thinks about an answer. */
  thinksMs = 0;
  private readonly server: Server = createServer((request, response) => void this.serve(request, response));

  static async start(): Promise<Provider> {
    const provider = new Provider();
    await new Promise<void>((done) => provider.server.listen(0, "127.0.0.1", done));
    return provider;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const json = (body: unknown) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    switch (new URL(request.url!, "http://provider").pathname) {
      case "/v1/models":
        return void json({ object: "list", data: [] });
      case "/v1/audio/transcriptions":
        return void json({ text: this.heard });
      case "/v1/audio/speech": {
        const { input } = JSON.parse(Buffer.concat(parts).toString()) as { input: string };
        response.writeHead(200, { "content-type": "audio/pcm" });
        return void response.end(tone(Math.max(0.4, input.length * 0.04)));
      }
      case "/v1/chat/completions": {
        const { messages } = JSON.parse(Buffer.concat(parts).toString()) as { messages: { role: string; content: string }[] };
        this.prompt = messages[0]!.content;
        const asked = messages.findLast((message) => message.role === "user")?.content ?? "";
        await new Promise((done) => setTimeout(done, this.thinksMs));
        const deltas: unknown[] = /goodbye/i.test(asked) ? [HANG_UP] : `You wrote: ${asked}.`.split(/(?<= )/).map((content) => ({ content }));
        response.writeHead(200, { "content-type": "text/event-stream" });
        for (const delta of deltas) response.write(`data: ${chunk(delta, null)}\n\n`);
        return void response.end(`data: ${chunk({}, deltas.includes(HANG_UP) ? "tool_calls" : "stop")}\n\ndata: [DONE]\n\n`);
      }
      default:
        response.writeHead(404).end();
    }
  }
}

/** What the agent says last. */
export const GOODBYE = "Goodbye, and come again.";

const HANG_UP = {
  tool_calls: [{ index: 0, id: "bye", type: "function", function: { name: "end_call", arguments: JSON.stringify({ goodbye: GOODBYE }) } }],
};

function chunk(delta: unknown, finish_reason: string | null): string {
  return JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 0, model: "m", choices: [{ index: 0, delta, finish_reason }] });
}

/** 16-bit samples at 24 kHz. */
function tone(seconds: number): Buffer {
  return Buffer.from(Int16Array.from({ length: Math.round(seconds * 24_000) }, (_, n) => Math.sin((n * 2 * Math.PI * 300) / 24_000) * 8_000).buffer);
}

export const GREETING = "Welcome to the shop.";

/** `sidetone serve`, as a demo: the agents "default", "receptionist", which users may choose, and "staff", which they may not. */
export class House {
  /** What the program has said. */
  log = "";

  private constructor(
    readonly livekit: LiveKit,
    readonly provider: Provider,
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly folder: string,
    readonly url: string,
  ) {}

  static async open(): Promise<House> {
    const [livekit, provider] = await Promise.all([LiveKit.start(), Provider.start()]);
    const folder = await mkdtemp(path.join(tmpdir(), "sidetone-house-"));
    const agents = path.join(folder, "agents");
    await mkdir(agents);
    for (const [name, greeting, more] of [
      ["default", GREETING, "[tools.end_call]"],
      ["receptionist", "Reception, good morning.", 'user_may_choose = true\nuser_variables = ["company"]\n[variables]\ncompany = "the shop"'],
      ["staff", "Back office.", ""],
    ] as const) {
      await writeFile(path.join(agents, `${name}.md`), name === "receptionist" ? "You answer for {{ company }}." : "Be kind.");
      await writeFile(path.join(agents, `${name}.toml`), `prompt = "${name}.md"\ngreeting = "${greeting}"\n${more}\n`);
    }
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(product(), ["serve", "--count-jobs", "--agents", agents, "--bind", address], {
      cwd: folder,
      env: {
        ...process.env, LIVEKIT_HOST: livekit.url, LIVEKIT_API_KEY: KEY, LIVEKIT_API_SECRET: SECRET, OPENAI_API_KEY: "sk-test",
        OPENAI_BASE_URL: provider.url, SIDETONE_DATA_DIR: path.join(folder, "data"), SIDETONE_DEMO: "true", SIDETONE_JWT_SECRET: SECRET, SIDETONE_END_OF_TURN: "off",
      },
    });
    const house = new House(livekit, provider, child, folder, `http://${address}`);
    child.stdout.on("data", (data) => (house.log += data));
    child.stderr.on("data", (data) => (house.log += data));
    try {
      await until("the worker is registered", async () => {
        if (child.exitCode !== null) throw new Error(`sidetone serve ended:\n${house.log}`);
        return fetch(`${house.url}/readyz`).then((r) => r.ok, () => false);
      });
    } catch (error) {
      await house.close();
      throw new Error(`sidetone serve said:\n${house.log}`, { cause: error });
    }
    return house;
  }

  /** The token of somebody who is no admin, as a product signs its users in. */
  user(id: string): string {
    return jwt({ sub: id, name: id, exp: Math.floor(Date.now() / 1000) + 600 });
  }

  async get<T>(path: string): Promise<T> {
    return (await fetch(`${this.url}${path}`)).json() as Promise<T>;
  }

  async close(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = new Promise((done) => this.child.once("exit", done));
      this.child.kill("SIGKILL");
      await gone;
    }
    await Promise.all([this.livekit.stop(), this.provider.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
