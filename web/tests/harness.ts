/**
 * What a test in the browser stands on: a real livekit-server, a stand-in agent (agent.py), a token
 * endpoint whose answer a test scripts, and Chromium with a WAV as its microphone.
 */

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcp, type AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

const WEB = process.cwd();
const TOOLS = path.join(homedir(), ".cache/sidetone/tools");
const LIVEKIT = process.env["SIDETONE_LIVEKIT_SERVER"] ?? path.join(TOOLS, "livekit-server-1.13.3");
const PYTHON = process.env["SIDETONE_PYTHON"] ?? path.join(TOOLS, "python/bin/python");
const S3 = process.env["SIDETONE_VERSITYGW"] ?? path.join(TOOLS, "versitygw-1.8.0");
const CHROMIUM = process.env["SIDETONE_CHROMIUM"] ?? "/usr/bin/chromium";
/** Deadline of every wait: generous, for a test waits on conditions and a busy machine is slow. */
export const PATIENCE_MS = 90_000;

/** The demo loads its models and places a whole call of its own before it gives its address. */
const DEMO_MS = 300_000;

export const KEY = "testkey";
export const SECRET = "a-secret-of-tests-that-is-long-enough-for-livekit";

for (const [what, file, fix] of [
  ["livekit-server", LIVEKIT, "set SIDETONE_LIVEKIT_SERVER"],
  ["Python with LiveKit's SDK", PYTHON, "set SIDETONE_PYTHON"],
  ["versitygw, an S3 server", S3, "scripts/tools.sh s3, or set SIDETONE_VERSITYGW"],
  ["Chromium", CHROMIUM, "apt-get install chromium, or set SIDETONE_CHROMIUM"],
] as const) {
  if (!existsSync(file)) throw new Error(`${what} is not at ${file}: ${fix}`);
}

export async function freePort(): Promise<number> {
  const server = createTcp();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Polls a condition until it holds; the error says what was waited for. */
export async function until<T>(what: string, condition: () => T | Promise<T>, patience = PATIENCE_MS): Promise<NonNullable<T>> {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${patience / 1000} s in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export class LiveKit {
  private child: ChildProcessWithoutNullStreams | undefined;
  private constructor(private readonly folder: string, readonly port: number) {}

  static async start(): Promise<LiveKit> {
    const folder = await mkdtemp(path.join(tmpdir(), "sidetone-web-"));
    const [port, tcp, udp] = await Promise.all([freePort(), freePort(), freePort()]);
    const config = {
      port,
      bind_addresses: ["127.0.0.1"],
      keys: { [KEY]: SECRET },
      rtc: {
        node_ip: "127.0.0.1",
        use_external_ip: false,
        enable_loopback_candidate: true,
        ips: { includes: ["127.0.0.1/32"] },
        stun_servers: [`127.0.0.1:${udp}`],
        tcp_port: tcp,
        udp_port: udp,
      },
      room: { empty_timeout: 30, departure_timeout: 20 },
      logging: { level: "warn" },
    };
    await writeFile(path.join(folder, "livekit.yaml"), JSON.stringify(config));
    const server = new LiveKit(folder, port);
    await server.run();
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  async run(): Promise<void> {
    const child = spawn(LIVEKIT, ["--config", path.join(this.folder, "livekit.yaml")]);
    this.child = child;
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    await until("livekit-server answers", async () => {
      if (child.exitCode !== null) throw new Error(`livekit-server ended:\n${output}`);
      return fetch(`http://127.0.0.1:${this.port}/`).then((r) => r.ok, () => false);
    });
  }

  /** Kills the server; `run()` brings it back on the same port. */
  async halt(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
  }

  async stop(): Promise<void> {
    await this.halt();
    await rm(this.folder, { recursive: true, force: true });
  }

  async deleteRoom(room: string): Promise<void> {
    await this.ask("DeleteRoom", { room });
  }

  /** Tells everybody in a room something, as the control plane does. */
  async tell(room: string, topic: string, message: unknown): Promise<void> {
    const data = Buffer.from(JSON.stringify(message)).toString("base64");
    await this.ask("SendData", { room, topic, data, kind: "RELIABLE" });
  }

  /** Who is in a room. */
  async people(room: string): Promise<string[]> {
    const { participants = [] } = (await this.ask("ListParticipants", { room })) as { participants?: { identity: string }[] };
    return participants.map(({ identity }) => identity);
  }

  private async ask(method: string, body: { room: string } & Record<string, unknown>): Promise<unknown> {
    const token = mint({ identity: "test", video: { roomCreate: true, roomAdmin: true, room: body.room } });
    const response = await fetch(`http://127.0.0.1:${this.port}/twirp/livekit.RoomService/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} answered ${response.status}: ${await response.text()}`);
    return response.json();
  }
}

export interface Grant {
  identity: string;
  name?: string;
  kind?: "agent" | "egress";
  video: Record<string, unknown>;
  /** Seconds from now; negative for an expired token. */
  expiresIn?: number;
}

/** A LiveKit access token. */
export function mint({ identity, name, kind, video, expiresIn = 600 }: Grant): string {
  const now = Math.floor(Date.now() / 1000);
  return jwt({ iss: KEY, sub: identity, nbf: now - 3600, exp: now + expiresIn, video, ...(name && { name }), ...(kind && { kind }) });
}

/** A token with these claims (HS256). */
export function jwt(claims: Record<string, unknown>): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${body}.${createHmac("sha256", SECRET).update(body).digest("base64url")}`;
}

type Report = { event: string } & Record<string, unknown>;

/** The stand-in agent; see agent.py for its commands. */
export class Agent {
  readonly reports: Report[] = [];
  private readonly child = spawn(PYTHON, [path.join(WEB, "tests/agent.py")]);
  private errors = "";

  constructor() {
    createInterface({ input: this.child.stdout }).on("line", (line) => this.reports.push(JSON.parse(line) as Report));
    this.child.stderr.on("data", (data) => (this.errors += data));
    this.child.stdin.on("error", () => undefined);
  }

  /** Gives a command and waits until it is carried out. */
  async do(command: string, fields: Record<string, unknown> = {}): Promise<void> {
    const from = this.reports.length;
    this.child.stdin.write(`${JSON.stringify({ do: command, ...fields })}\n`);
    if (command === "crash") return void (await until("the agent is gone", () => this.child.exitCode !== null));
    await this.hears((r) => r.event === "done" && r["do"] === command, from, `agent did ${command}`);
  }

  /** Waits for a report; by default also those that have come already. */
  hears(match: (report: Report) => boolean, from = 0, what = String(match)): Promise<Report> {
    return until(what, () => {
      if (this.child.exitCode !== null) throw new Error(`the agent ended (${this.child.exitCode}):\n${this.errors}`);
      return this.reports.slice(from).find(match);
    });
  }

  async join(livekit: LiveKit, room: string): Promise<void> {
    const token = mint({
      identity: `agent-${randomUUID()}`,
      kind: "agent",
      video: { roomJoin: true, room, agent: true, canPublish: true, canSubscribe: true, canPublishData: true, canUpdateOwnMetadata: true },
    });
    await this.do("join", { url: livekit.url, token });
  }

  /** Joins as no agent, but as somebody else whose token is good for the room. */
  async joinAsStranger(livekit: LiveKit, room: string): Promise<void> {
    const token = mint({ identity: `stranger-${randomUUID()}`, video: { roomJoin: true, room, canPublish: true, canSubscribe: true, canPublishData: true } });
    await this.do("join", { url: livekit.url, token });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGKILL");
    await gone;
  }
}

export interface TokenRequest {
  body: Record<string, unknown>;
  authorization: string | undefined;
}
type TokenAnswer = { status: number; body: unknown; headers?: Record<string, string> };

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
};

/** Serves dist/ with the policy of the binary, a token endpoint, and pages that a test adds. */
export class Site {
  readonly asked: TokenRequest[] = [];
  /** What the token endpoint answers; a test may replace it. */
  answer: (request: TokenRequest) => TokenAnswer | Promise<TokenAnswer>;
  /** Further answers by path. */
  readonly routes = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();
  private readonly server: Server;
  private policy = "";

  private constructor(private readonly livekit: LiveKit) {
    this.answer = (request) => this.admit(request);
    this.server = createHttp((request, response) => void this.serve(request, response));
  }

  static async start(livekit: LiveKit): Promise<Site> {
    const site = new Site(livekit);
    const template = (await readFile(path.join(WEB, "csp.txt"), "utf8")).trim();
    site.policy = template.replace("{livekit}", `${livekit.url} ${livekit.url.replace("ws", "http")}`).replaceAll("{bucket}", "");
    await new Promise<void>((done) => site.server.listen(0, "127.0.0.1", done));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The usual answer: a token for a new room. */
  admit({ body }: TokenRequest, expiresIn = 600): TokenAnswer {
    const roomName = `${String(body["roomType"])}-${randomUUID()}`;
    const participantName = String(body["participantName"] ?? "Guest");
    const token = mint({
      identity: `caller-${randomUUID()}`,
      name: participantName,
      expiresIn,
      video: { roomJoin: true, room: roomName, canPublish: true, canSubscribe: true, canPublishData: true },
    });
    return {
      status: 200,
      body: { token, roomName, participantName, livekitHost: this.livekit.url, agentSpawned: true, callId: randomUUID() },
    };
  }

  /** A page of somebody's at `path`, with the element's script and `body`. */
  page(path: string, body: string, headers: Record<string, string> = {}): void {
    this.routes.set(path, (_request, response) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers });
      response.end(`<!doctype html><html lang="en"><title>Host</title><main><h1>Our shop</h1></main>
        <script src="/sidetone-call.js" defer></script>${body}`);
    });
  }

  /** The rooms of the tokens that are given from now on, newest last. */
  rooms(): string[] {
    const rooms: string[] = [];
    this.answer = (request) => {
      const admitted = this.admit(request);
      rooms.push((admitted.body as { roomName: string }).roomName);
      return admitted;
    };
    return rooms;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    response.setHeader("content-security-policy", this.policy);
    const route = this.routes.get(pathname);
    if (route) return route(request, response);
    if (pathname === "/api/voice/token") return this.token(request, response);
    if (pathname === "/ui/config.json") {
      response.setHeader("content-type", "application/json");
      return void response.end(JSON.stringify({
        agents: ["support", "receptionist"], defaultAgent: "support",
        voices: ["alloy", "echo", "fable", "onyx", "nova", "shimmer"], defaultVoice: "alloy",
      }));
    }
    const page = { "/": "index.html", "/admin/calls": "calls.html", "/admin/pool": "pool.html" }[pathname] ?? pathname.slice(1);
    const file = path.join(WEB, "dist", path.normalize(`/${page}`));
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.setHeader("content-type", TYPES[path.extname(file)] ?? "application/octet-stream");
    createReadStream(file).pipe(response);
  }

  private async token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += chunk;
    const asked = { body: JSON.parse(text) as Record<string, unknown>, authorization: request.headers.authorization };
    this.asked.push(asked);
    const { status, body, headers = {} } = await this.answer(asked);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }
}

/** A mono 16-bit WAV of `parts`, each so many seconds of a tone (0 Hz: silence). */
export function wav(parts: { hertz: number; seconds: number }[], rate = 48_000): Buffer {
  const samples = parts.flatMap(({ hertz, seconds }) =>
    Array.from({ length: Math.round(seconds * rate) }, (_, n) => Math.round(Math.sin((2 * Math.PI * hertz * n) / rate) * 0.3 * 32767)));
  const data = Buffer.from(Int16Array.from(samples).buffer);
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

/** A 16-bit WAV file with so many seconds of silence before and after its sound. */
export function padded(file: Buffer, before: number, after: number): Buffer {
  const data = file.indexOf("data", 12);
  const head = Buffer.from(file.subarray(0, data + 8));
  const silence = (seconds: number) => Buffer.alloc(Math.round(seconds * file.readUInt32LE(24)) * file.readUInt16LE(32));
  const body = Buffer.concat([silence(before), file.subarray(data + 8), silence(after)]);
  head.writeUInt32LE(head.length - 8 + body.length, 4);
  head.writeUInt32LE(body.length, data + 4);
  return Buffer.concat([head, body]);
}

/** Tone of the fake microphone. */
export const MICROPHONE_HERTZ = 700;

export class Chromium {
  private constructor(private readonly browser: Browser, private readonly folder: string) {}

  /** Plays `sound`, a WAV file's bytes, as the microphone, over and over; by default a tone and silence. */
  static async launch(sound = wav([{ hertz: MICROPHONE_HERTZ, seconds: 1.5 }, { hertz: 0, seconds: 3 }])): Promise<Chromium> {
    const folder = await mkdtemp(path.join(tmpdir(), "sidetone-mic-"));
    const microphone = path.join(folder, "microphone.wav");
    await writeFile(microphone, sound);
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-audio-capture=${microphone}`,
        // Loopback candidates are hidden behind mDNS names otherwise, which nothing resolves here.
        "--disable-features=WebRtcHideLocalIpsWithMdns",
        "--allow-loopback-in-peer-connection",
      ],
    });
    return new Chromium(browser, folder);
  }

  async page(options: { microphone?: boolean; theme?: "dark" | "light"; still?: boolean; viewport?: { width: number; height: number } } = {}): Promise<Page> {
    const context: BrowserContext = await this.browser.newContext({
      permissions: options.microphone === false ? [] : ["microphone"],
      colorScheme: options.theme ?? "light",
      reducedMotion: options.still ? "reduce" : "no-preference",
      viewport: options.viewport ?? { width: 1280, height: 860 },
      deviceScaleFactor: 1,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    return page;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A real S3 server with one empty bucket. */
export class Bucket {
  private constructor(private readonly child: ChildProcessWithoutNullStreams, private readonly folder: string, readonly endpoint: string) {}

  static async start(): Promise<Bucket> {
    const folder = await mkdtemp(path.join(tmpdir(), "sidetone-s3-"));
    const [bucket, meta] = [path.join(folder, "root/calls"), path.join(folder, "meta")];
    await Promise.all([bucket, meta].map((one) => mkdir(one, { recursive: true })));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(S3, ["--port", address, "posix", "--sidecar", meta, path.dirname(bucket)], {
      env: { ...process.env, ROOT_ACCESS_KEY: KEY, ROOT_SECRET_KEY: SECRET },
    });
    await until("the S3 server answers", () => fetch(`http://${address}/`).then(() => true, () => false));
    return new Bucket(child, folder, `http://${address}`);
  }

  /** What tells Sidetone of it. */
  get environment(): Record<string, string> {
    return {
      LIVEKIT_RECORDING_BUCKET: "calls",
      LIVEKIT_RECORDING_REGION: "us-east-1",
      LIVEKIT_RECORDING_ENDPOINT: this.endpoint,
      AWS_ACCESS_KEY_ID: KEY,
      AWS_SECRET_ACCESS_KEY: SECRET,
    };
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGKILL");
    await gone;
    await rm(this.folder, { recursive: true, force: true });
  }
}

const REPOSITORY = path.join(WEB, "..");

/** The product, as it was built. */
export function product(): string {
  const binary = process.env["SIDETONE_BINARY"] ?? path.join(REPOSITORY, "target/debug/sidetone");
  if (!existsSync(binary)) throw new Error(`the product is not at ${binary}: cargo build, or set SIDETONE_BINARY`);
  return binary;
}

/** `sidetone check --fix`: what it printed. It fails where no LiveKit is, but mends the bucket. */
export async function checkAndFix(environment: Record<string, string>): Promise<string> {
  const child = spawn(product(), ["check", "--fix"], { cwd: REPOSITORY, env: { ...process.env, ...environment } });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  await new Promise((done) => child.once("close", done));
  return output;
}

/** `sidetone demo` as `make demo` starts it: the product, its local models and a livekit-server. */
export class Demo {
  private constructor(private readonly child: ChildProcessWithoutNullStreams, readonly url: string) {}

  /** Comes back when the demo's own call is over and the page's address printed. */
  static async start(environment: Record<string, string> = {}): Promise<Demo> {
    const out = await mkdtemp(path.join(tmpdir(), "sidetone-demo-"));
    const child = spawn(product(), ["demo", "--out", out], { cwd: REPOSITORY, env: { ...process.env, ...environment } });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    const url = await until("the demo prints the page's address", () => {
      if (child.exitCode !== null) throw new Error(`the demo ended:\n${output}`);
      return /Try it yourself: (\S+?)\/? /.exec(output)?.[1];
    }, DEMO_MS).catch((error: unknown) => {
      child.kill("SIGINT");
      throw new Error(`the demo said:\n${output}`, { cause: error });
    });
    await rm(out, { recursive: true, force: true });
    return new Demo(child, url);
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGINT");
    await gone;
  }
}
