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

test("latency of a turn, as heard, with the agent's own figures", async () => {
  const page = await host();
  await withAgent(async (agent) => {
    await connect(page, agent);
    await agent.do("answer", { hertz: 440, seconds: 1, after: 0.3 });
    await agent.hears((r) => r.event === "answered");
    const [turn] = await until("a turn is told", async () => {
      const turns = await told(page, "turn");
      return turns.length > 0 ? turns : undefined;
    });
    // The agent waited 300 ms after it had noticed the silence; what else there is, is the way.
    assert.ok(Number(turn!["heardMs"]) > 300, JSON.stringify(turn));
    await agent.do("text", { topic: "sidetone.turn", text: '{"sttMs": 80, "llmFirstTokenMs": 120}' });
    await until("the stages are told", async () =>
      (await told(page, "turn")).some((t) => t["number"] === 1 && (t["stages"] as Record<string, number>)?.["sttMs"] === 80));
  });
  await page.context().close();
});

test("words of callers, models and servers are text, never HTML", async () => {
  const evil = `<img src=x onerror="window.pwned=1"><b>bold</b><script>window.pwned=1</script>`;
  const page = await host();
  await withAgent(async (agent) => {
    const { caller } = await connect(page, agent);
    await agent.do("heard", { id: "SG_1", text: evil, final: true, identity: caller });
    await agent.do("open", { id: "SG_2" });
    await agent.do("write", { id: "SG_2", text: evil });
    await agent.do("close", { id: "SG_2" });
    await page.getByRole("textbox").fill(evil);
    await page.getByRole("button", { name: "Send" }).click();
    await until("three lines with the markup as text", async () => (await page.getByText(evil, { exact: true }).count()) === 3);
    await page.getByRole("button", { name: "Hang up" }).click();
  });
  site.answer = () => ({ status: 503, body: { title: "No", detail: evil } });
  await page.getByRole("button", { name: "Call again" }).click();
  await page.locator(".detail", { hasText: evil }).waitFor();
  site.answer = (request) => site.admit(request);
  const found = await page.evaluate(() => ({
    nodes: document.querySelector("sidetone-call")!.shadowRoot!.querySelectorAll("img, b, script").length,
    pwned: "pwned" in window,
  }));
  assert.deepEqual(found, { nodes: 0, pwned: false });
  await page.context().close();
});

test("who else is in the room ends no call, and says nothing as the assistant or as the caller", async () => {
  const page = await host();
  const agent = new Agent();
  const stranger = new Agent();
  try {
    const { room } = await connect(page, agent);
    const [voice] = await page.evaluate(() => {
      const call = document.querySelector("sidetone-call") as unknown as { session: { link: { room: import("livekit-client").Room } } };
      return [...call.session.link.room.localParticipant.trackPublications.values()].map(({ trackSid }) => trackSid);
    });
    await stranger.joinAsStranger(livekit, room);
    await stranger.do("packet", { topic: "sidetone.call", message: { type: "call.failed", code: "no-agent" } });
    await stranger.do("open", { id: "lie" });
    await stranger.do("write", { id: "lie", text: "This is the assistant" });
    await stranger.do("open", { id: "words", track: voice });
    await stranger.do("write", { id: "words", text: "This is the caller" });
    await stranger.do("close", { id: "words" });
    // As livekit-client tells of somebody whom it does not know yet.
    await page.evaluate(() => {
      const call = document.querySelector("sidetone-call") as unknown as { session: { link: { room: import("livekit-client").Room } } };
      const { room } = call.session.link;
      const payload = new TextEncoder().encode('{"type":"call.failed","code":"no-agent"}');
      room.emit("dataReceived" as never, ...([payload, undefined, 0, "sidetone.call", 0, "stranger"] as never));
    });
    await agent.do("open", { id: "truth" });
    await agent.do("write", { id: "truth", text: "Still here" });
    await page.getByRole("log").getByText("Still here").waitFor();
    // The room shows the stranger's last packets after the first ones.
    await stranger.do("text", { topic: "lk.chat", text: "all sent" });
    await agent.hears((r) => r.event === "chat" && r["text"] === "all sent");
    const log = await page.getByRole("log").textContent();
    assert.doesNotMatch(log ?? "", /This is/);
    assert.equal(await page.evaluate(() => document.querySelector("sidetone-call")!.snapshot!.phase.is), "live");
    // The service itself ends it.
    await livekit.tell(room, "sidetone.call", { type: "call.failed", code: "no-agent", reason: "x" });
    await until("the service's word counts", async () =>
      (await page.evaluate(() => document.querySelector("sidetone-call")!.snapshot!.phase.is)) === "failed");
  } finally {
    await Promise.all([agent.stop(), stranger.stop()]);
    await page.context().close();
  }
});

test("the agent that hangs up ends the call; one that crashes is waited for; a closed room ends it", async () => {
  const page = await host();
  await withAgent(async (agent) => {
    const { room } = await connect(page, agent);
    await agent.do("crash");
    await state(page, "Connecting");
    // The dispatch guardian asks for another one.
    await withAgent(async (second) => {
      await second.join(livekit, room);
      await second.do("state", { state: "listening" });
      await state(page, "Listening");
      await second.do("leave");
      await state(page, "Call ended");
    });
  });
  assert.deepEqual((await told(page, "ended")).map((e) => e["by"]), ["agent"]);
  await page.context().close();
});

test("a message typed when the agent is lost is sent to the next, once; trouble shows at once", async () => {
  const page = await host();
  await withAgent(async (agent) => {
    const { room, caller } = await connect(page, agent);
    const box = page.getByRole("textbox", { name: "Type a message" });
    const type = async (text: string) => {
      await box.fill(text);
      await box.press("Enter");
    };
    await type("This one was thought about");
    await agent.hears((r) => r.event === "chat");
    await agent.do("state", { state: "thinking" });
    await state(page, "Thinking");
    await agent.do("state", { state: "listening" });
    await state(page, "Listening");
    await agent.do("crash");
    await type("Is anybody there?");
    // The server still shows the dead agent; nothing is heard of it.
    await state(page, "Connecting");
    await type("Hello?");
    await withAgent(async (second) => {
      await second.join(livekit, room);
      await second.do("state", { state: "listening" });
      await state(page, "Listening");
      await until("both messages arrive", () => second.reports.filter((r) => r.event === "chat").length >= 2);
      const chats = second.reports.filter((r) => r.event === "chat");
      assert.deepEqual(chats.map((r) => [r["text"], r["identity"]]), [["Is anybody there?", caller], ["Hello?", caller]]);
    });
    const log = page.getByRole("log", { name: "Conversation" });
    assert.equal(await log.getByText("Is anybody there?").count(), 1);
  });
  await page.context().close();
});

test("a room deleted before an agent came says that nobody could be had", async () => {
  const page = await host();
  let room = "";
  site.answer = (request) => {
    const admitted = site.admit(request);
    room = (admitted.body as { roomName: string }).roomName;
    return admitted;
  };
  await page.getByRole("button", { name: "Talk to us" }).click();
  await page.getByRole("button", { name: "Start call" }).click();
  await until("the caller has joined", () => page.evaluate(() => {
    const phase = document.querySelector("sidetone-call")!.snapshot!.phase;
    return phase.is === "starting" && phase.step === "agent";
  }));
  await livekit.deleteRoom(room);
  await page.getByText("Nobody could take your call right now.").waitFor();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  site.answer = (request) => site.admit(request);
  await page.context().close();
});

test("the page reloaded in mid-call joins again, with its words and its time", async () => {
  const page = await host();
  await withAgent(async (agent) => {
    const { caller } = await connect(page, agent);
    await agent.do("heard", { id: "SG_1", text: "Are you still there?", final: true, identity: caller });
    await page.getByText("Are you still there?").waitFor();
    const asked = site.asked.length;
    await page.reload();
    await state(page, "Listening");
    await page.getByText("Are you still there?").waitFor();
    assert.equal(site.asked.length, asked, "no second token is asked for");
    // Not a hang-up for the agent: the same caller came back, which put the old connection out.
    const left = await agent.hears((r) => r.event === "caller-left");
    assert.notEqual(left["reason"], 1);
    await page.getByRole("button", { name: "Hang up" }).click();
    await agent.hears((r) => r.event === "caller-left" && r["reason"] === 1);
    await page.reload();
    await page.getByRole("button", { name: "Talk to us" }).click();
    await page.getByRole("button", { name: "Start call" }).waitFor();
  });
  await page.context().close();
});

test("a lost server is told, and the call goes on when it is back", async () => {
  const page = await host();
  await withAgent(async (agent) => {
    const { room } = await connect(page, agent);
    await livekit.halt();
    await state(page, "Connection lost. Reconnecting");
    // One agent fewer that tries to come back by itself.
    await agent.stop();
    await livekit.run();
    await until("the link is back", () => page.evaluate(() =>
      document.querySelector("sidetone-call")!.snapshot!.phase.is !== "reconnecting"));
    await withAgent(async (second) => {
      await second.join(livekit, room);
      await second.do("state", { state: "listening" });
      await state(page, "Listening");
    });
  });
  await page.context().close();
});

const REFUSALS = [
  { status: 401, words: "You need to sign in before you can call.", retry: "Try again" },
  { status: 403, words: "You do not have the right to make this call.", retry: undefined },
  { status: 429, words: "There have been too many calls in a short time.", headers: { "retry-after": "8" }, retry: "Try again" },
  { status: 503, words: "The voice service is not available right now.", retry: "Try again" },
  { status: 400, words: "This call could not be started as it was asked for.", retry: undefined },
];

test("a token endpoint that refuses is told in words, with retry where it helps", async () => {
  const page = await host();
  await page.getByRole("button", { name: "Talk to us" }).click();
  await page.evaluate(() => {
    document.querySelector("sidetone-call")!.headers = { authorization: "Bearer of-the-shop" };
  });
  for (const { status, words, headers, retry } of REFUSALS) {
    site.answer = () => ({ status, body: { title: "T", detail: `because of ${status}` }, headers: headers ?? {} });
    await page.evaluate(() => document.querySelector("sidetone-call")!.start());
    await page.getByRole("alert").getByText(words).waitFor();
    await page.getByRole("alert").getByText(`because of ${status}`).waitFor();
    assert.equal(await page.locator(".primary:not(.unlock)").isVisible(), retry !== undefined, String(status));
    if (headers) {
      // Counts down, then wakes.
      await page.getByRole("button", { name: /Try again in \d s/ }).waitFor();
      await page.getByRole("button", { name: "Try again", exact: true }).waitFor();
    }
  }
  assert.equal(site.asked.at(-1)?.authorization, "Bearer of-the-shop");
  assert.deepEqual(site.asked.at(-1)?.body, { roomType: "support" });
  for (const body of ["<html>", "{}", "null"]) {
    site.answer = () => ({ status: 200, body });
    await page.evaluate(() => document.querySelector("sidetone-call")!.start());
    await page.getByRole("alert").getByText("answered without a token").waitFor();
  }
  site.answer = (request) => site.admit(request);
  // After a failure, trying again works.
  await withAgent(async (agent) => {
    let room = "";
    site.answer = (request) => {
      const admitted = site.admit(request);
      room = (admitted.body as { roomName: string }).roomName;
      return admitted;
    };
    await page.getByRole("button", { name: "Try again" }).click();
    await until("a room", () => room);
    await agent.join(livekit, room);
    await agent.do("state", { state: "listening" });
    await state(page, "Listening");
  });
  site.answer = (request) => site.admit(request);
  await page.context().close();
});

test("an expired token is replaced by a fresh one, once", async () => {
  const page = await host();
  const from = site.asked.length;
  site.answer = (request) => site.admit(request, site.asked.length === from + 1 ? -600 : 600);
  await page.getByRole("button", { name: "Talk to us" }).click();
  await page.getByRole("button", { name: "Start call" }).click();
  await until("the caller has joined", () => page.evaluate(() => {
    const phase = document.querySelector("sidetone-call")!.snapshot!.phase;
    return phase.is === "starting" && phase.step === "agent";
  }));
  assert.equal(site.asked.length, from + 2);
  await page.evaluate(() => document.querySelector("sidetone-call")!.hangUp());

  site.answer = (request) => site.admit(request, -600);
  await page.getByRole("button", { name: "Call again" }).click();
  await page.getByText("The call server did not accept this call. Try again.").waitFor();
  assert.equal(site.asked.length, from + 4);
  site.answer = (request) => site.admit(request);
  await page.context().close();
});

test("a call server that is away is told", async () => {
  const page = await host();
  await livekit.halt();
  await page.getByRole("button", { name: "Talk to us" }).click();
  await page.getByRole("button", { name: "Start call" }).click();
  await page.getByText("The call server could not be reached. Check your connection.").waitFor();
  await livekit.run();
  await page.context().close();
});

test("a refused microphone is explained before anything is spent, and typing is offered", async () => {
  const page = await host({ microphone: false });
  const asked = site.asked.length;
  await page.getByRole("button", { name: "Talk to us" }).click();
  assert.equal(asked, site.asked.length, "opening the panel asks for nothing");
  await page.getByRole("button", { name: "Start call" }).click();
  await page.getByText("Your browser does not let this page use the microphone.").waitFor();
  assert.equal(site.asked.length, asked, "no token was asked for");
  await page.getByRole("button", { name: "Try again" }).waitFor();

  let room = "";
  site.answer = (request) => {
    const admitted = site.admit(request);
    room = (admitted.body as { roomName: string }).roomName;
    return admitted;
  };
  await page.getByRole("button", { name: "Type instead" }).click();
  await until("a room", () => room);
  site.answer = (request) => site.admit(request);
  await withAgent(async (agent) => {
    await agent.join(livekit, room);
    await agent.do("state", { state: "listening" });
    await state(page, "Listening");
    assert.equal(await page.getByRole("button", { name: "Mute microphone" }).isVisible(), false);
    await page.getByRole("textbox").fill("Typed only");
    await page.getByRole("textbox").press("Enter");
    await agent.hears((r) => r.event === "chat" && r["text"] === "Typed only");
  });
  await page.context().close();
});

test("a host page may fetch the token its own way, and speak its own words", async () => {
  const page = await host();
  const asked = site.asked.length;
  await page.evaluate(() => {
    const call = document.querySelector("sidetone-call")!;
    call.strings = { start: "Ring us" };
    call.setAttribute("agent", "receptionist");
    call.setAttribute("voice", "nova");
    call.tokenProvider = async (request) => {
      (window as unknown as { request: unknown }).request = request;
      throw new Error("no");
    };
  });
  await page.getByRole("button", { name: "Talk to us" }).click();
  await page.getByRole("button", { name: "Ring us" }).click();
  await page.getByText("The voice service is not available right now.").waitFor();
  assert.equal(site.asked.length, asked);
  assert.deepEqual(await page.evaluate("window.request"), { roomType: "support", agent: "receptionist", voice: "nova" });
  await page.context().close();
});
