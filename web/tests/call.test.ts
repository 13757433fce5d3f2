/** The element in a real Chromium, with a real livekit-server and a stand-in agent. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Agent, Chromium, LiveKit, MICROPHONE_HERTZ, Site, until } from "./harness.js";

let livekit: LiveKit;
let site: Site;
let chromium: Chromium;

before(async () => {
  livekit = await LiveKit.start();
  [site, chromium] = await Promise.all([Site.start(livekit), Chromium.launch()]);
  // A host page as strict as one can be, with the microphone's sound left as it is for tone tests.
  site.routes.set("/host", (_request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><html lang="en"><title>Host</title><main><h1>Our shop</h1></main>
      <script src="/sidetone-call.js" defer></script><script src="/host.js" defer></script>
      <sidetone-call id="call"></sidetone-call>`);
  });
  site.routes.set("/host.js", (_request, response) => {
    response.setHeader("content-type", "text/javascript");
    response.end(`
      const call = document.getElementById("call");
      call.audioCapture = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      window.told = [];
      for (const name of ["state", "started", "transcript", "turn", "ended", "failed"]) {
        document.addEventListener("sidetone-" + name, (event) => told.push({ name, detail: event.detail }));
      }`);
  });
});

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await livekit?.stop();
});

interface Told {
  name: string;
  detail: Record<string, unknown>;
}

async function told(page: Page, name: string): Promise<Told["detail"][]> {
  const all = (await page.evaluate("window.told")) as Told[];
  return all.filter((t) => t.name === name).map((t) => t.detail);
}

async function host(options: Parameters<Chromium["page"]>[0] = {}): Promise<Page> {
  const page = await chromium.page(options);
  await page.goto(`${site.url}/host`);
  return page;
}

/** The caller clicks; the agent comes; both are in the room. */
async function connect(page: Page, agent: Agent): Promise<{ room: string; caller: string }> {
  const from = site.asked.length;
  let room = "";
  const { answer } = site;
  site.answer = async (request) => {
    const admitted = site.admit(request);
    room = (admitted.body as { roomName: string }).roomName;
    return admitted;
  };
  await page.getByRole("button", { name: "Talk to us" }).click();
  await page.getByRole("button", { name: "Start call" }).click();
  await until("the page asks for a token", () => site.asked.length > from && room);
  site.answer = answer;
  await agent.join(livekit, room);
  await agent.do("state", { state: "listening" });
  await state(page, "Listening");
  const { identity } = await agent.hears((r) => r.event === "caller");
  return { room, caller: String(identity) };
}

async function state(page: Page, text: string): Promise<void> {
  await page.locator(".state", { hasText: text }).waitFor();
}

async function withAgent(run: (agent: Agent) => Promise<void>): Promise<void> {
  const agent = new Agent();
  try {
    await run(agent);
  } finally {
    await agent.stop();
  }
}

test("a call: states, sound both ways, transcript, chat, mute, hang-up", async () => {
  const page = await host();
  await withAgent(async (agent) => {
    const { caller } = await connect(page, agent);

    // The agent hears the caller's microphone.
    await agent.hears((r) => r.event === "level" && Math.abs(Number(r["hertz"]) - MICROPHONE_HERTZ) < 15 && Number(r["rms"]) > 0.02);

    // The caller hears the agent: measured on what the page plays.
    await agent.do("state", { state: "speaking" });
    await state(page, "Speaking");
    await agent.do("tone", { hertz: 440, amplitude: 0.3 });
    await until("the agent's level rises", async () =>
      (await page.evaluate(() => document.querySelector("sidetone-call")!.levels.agent)) > 0.5);
    await agent.do("tone", {});
    await until("the agent's level falls", async () =>
      (await page.evaluate(() => document.querySelector("sidetone-call")!.levels.agent)) < 0.1);

    // Transcript: interims of the caller replace each other, the agent's deltas grow.
    const log = page.getByRole("log", { name: "Conversation" });
    await agent.do("heard", { id: "SG_1", text: "I would", final: false, identity: caller });
    await log.getByText("I would", { exact: true }).waitFor();
    await agent.do("heard", { id: "SG_1", text: "I would like a table", final: true, identity: caller });
    await log.getByText("I would like a table", { exact: true }).waitFor();
    await agent.do("state", { state: "thinking" });
    await state(page, "Thinking");
    await agent.do("open", { id: "SG_2" });
    await agent.do("write", { id: "SG_2", text: "For how " });
    await log.getByText("For how").waitFor();
    await agent.do("write", { id: "SG_2", text: "many people?" });
    await agent.do("close", { id: "SG_2" });
    await log.getByText("For how many people?", { exact: true }).waitFor();
    await until("two final lines are told", async () => (await told(page, "transcript")).length === 2);
    assert.deepEqual(
      (await told(page, "transcript")).map(({ who, text, typed }) => ({ who, text, typed })),
      [{ who: "caller", text: "I would like a table", typed: false }, { who: "agent", text: "For how many people?", typed: false }],
    );
    assert.equal(await log.getByRole("listitem").count(), 2);

    // Typed text.
    const box = page.getByRole("textbox", { name: "Type a message" });
    await box.fill("Four, at eight");
    await box.press("Enter");
    const chat = await agent.hears((r) => r.event === "chat");
    assert.deepEqual([chat["text"], chat["identity"]], ["Four, at eight", caller]);
    await log.getByText("Four, at eight").waitFor();
    assert.equal(await box.inputValue(), "");

    // Mute reaches the room, and back.
    const mute = page.getByRole("button", { name: "Mute microphone" });
    await mute.click();
    await agent.hears((r) => r.event === "muted" && r["muted"] === true);
    assert.equal(await mute.getAttribute("aria-pressed"), "true");
    await page.getByText("You are muted").waitFor();
    await mute.click();
    await agent.hears((r) => r.event === "muted" && r["muted"] === false);

    // Hang up: the caller leaves the room with a goodbye (CLIENT_INITIATED is 1).
    await page.getByRole("button", { name: "Hang up" }).click();
    const left = await agent.hears((r) => r.event === "caller-left");
    assert.deepEqual([left["identity"], left["reason"]], [caller, 1]);
    await state(page, "Call ended");
    await page.getByRole("button", { name: "Call again" }).waitFor();
    const [ended] = await told(page, "ended");
    assert.equal(ended?.["by"], "caller");
  });
  await page.context().close();
});
