/** The element, and LiveKit's own parts for pages, with the real agent. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { Chromium, padded, Site, until } from "./harness.js";
import { GOODBYE, GREETING, House } from "./house.js";

let house: House;
let chromium: Chromium;
/** Its microphone lets the agent greet, and asks a question. */
let spoken: Chromium;
/** Serves the page of stock parts, and asks the house for tokens. */
let site: Site;

before(async () => {
  const question = await readFile(path.join(process.cwd(), "../fixtures/audio/caller-opening-hours.wav"));
  [house, chromium, spoken] = await Promise.all([House.open(), Chromium.launch(), Chromium.launch(padded(question, 2, 60))]);
  const bundled = await build({
    entryPoints: ["tests/stock.ts"], bundle: true, write: false, format: "iife", define: { "process.env.NODE_ENV": '"production"' },
  });
  const stock = bundled.outputFiles[0]!.text;
  site = await Site.start(house.livekit);
  const serve = (type: string, body: string) => (_request: unknown, response: import("node:http").ServerResponse) =>
    response.writeHead(200, { "content-type": type }).end(body);
  site.routes.set("/stock.js", serve("text/javascript; charset=utf-8", stock));
  site.routes.set("/stock", serve("text/html; charset=utf-8",
    '<!doctype html><html lang="en"><title>Stock</title><div id="root"></div><script src="/stock.js"></script>'));
  site.answer = async ({ body, authorization }) => {
    const headers = { "content-type": "application/json", ...(authorization && { authorization }) };
    const answer = await fetch(`${house.url}/api/voice/token`, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.text() };
  };
});

after(async () => {
  await Promise.all([chromium?.stop(), spoken?.stop()]);
  await site?.stop();
  await house?.close();
});

interface Stored {
  id: string;
  status: string;
  turns: { speaker: string; text: string }[];
}

async function calls(): Promise<Stored[]> {
  return (await house.get<{ calls: Stored[] }>("/api/voice/history")).calls;
}

async function call(id: string): Promise<Stored> {
  return house.get(`/api/voice/history/${id}`);
}

interface Visitor {
  /** A TokenSource's. */
  options?: Record<string, unknown>;
  /** Whose token it sends. */
  user?: string;
  /** Without one, the page may not use a microphone. */
  browser?: Chromium;
  /** Which page of stock.ts. */
  made?: "session" | "room";
}

/** A page of stock parts. */
async function stockPage({ options = {}, user = "", browser, made = "session" }: Visitor = {}): Promise<Page> {
  const page = await (browser ?? chromium).page({ microphone: browser !== undefined });
  await page.goto(`${site.url}/stock?${new URLSearchParams({ page: made, user, options: JSON.stringify(options) })}`);
  return page;
}

/** The calls that somebody has joined, newest first: a token that waits to be used is none yet. */
async function held(): Promise<Stored[]> {
  return (await calls()).filter((call) => call.status !== "pending");
}

test("what is typed is shown once, also after a reload, and stored once; a hang-up is in the history", async () => {
  const page = await chromium.page();
  await page.goto(house.url);
  await page.getByRole("button", { name: "Start call" }).click();
  const log = page.getByRole("log", { name: "Conversation" });
  await log.getByText(GREETING).waitFor();
  const box = page.getByRole("textbox", { name: "Type a message" });
  for (const words of ["Is my order there", "And the other one"]) {
    await box.fill(words);
    await box.press("Enter");
    await log.getByText(`You wrote: ${words}.`).waitFor();
  }
  const said = () => log.locator("li.caller span[dir]").allTextContents();
  // The answer comes after all that the agent shows of a question.
  assert.deepEqual(await said(), ["Is my order there", "And the other one"]);

  await page.reload();
  await page.locator(".state", { hasText: "Listening" }).waitFor();
  assert.deepEqual(await said(), ["Is my order there", "And the other one"]);
  await box.fill("I am back");
  await box.press("Enter");
  await log.getByText("You wrote: I am back.").waitFor();
  assert.deepEqual(await said(), ["Is my order there", "And the other one", "I am back"]);

  const { callId } = (await page.evaluate(() => document.querySelector("sidetone-call")!.snapshot))!;
  await page.getByRole("button", { name: "Hang up" }).click();
  const stored = await until("the call is completed", async () => {
    const now = await call(callId!);
    return now.status === "completed" ? now : undefined;
  });
  assert.deepEqual(stored.turns.filter((t) => t.speaker === "user").map((t) => t.text), ["Is my order there", "And the other one", "I am back"]);
  await page.context().close();
});

test("stock parts, typed: no call before the click; greeted; what is typed is shown once", async () => {
  const before = (await held()).length;
  const asked = site.asked.length;
  const page = await stockPage();
  // It has its token on mount, and nobody has clicked. Stock parts fetch the next one early, too.
  await until("it has its token", () => site.asked.length > asked);
  assert.deepEqual(site.asked[asked]!.body, {});
  await page.getByRole("button", { name: "Start without a microphone" }).click();
  await page.locator("li", { hasText: GREETING }).waitFor();
  assert.equal((await held()).length, before + 1);
  await page.locator("input").fill("Is my order there");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("li", { hasText: "You wrote: Is my order there." }).waitFor();
  const shown = await page.locator("li").allTextContents();
  assert.deepEqual(shown.filter((text) => text === "Is my order there"), ["Is my order there"], JSON.stringify(shown));
  await until("it listens again", async () => (await page.locator("output").textContent()) === "listening");
  await page.getByRole("button", { name: "End", exact: true }).click();
  await until("the call is over", async () => (await held())[0]?.status === "completed");
  await page.context().close();
});

test("stock parts, spoken: both sides are heard and shown, and a call that the agent ends is over", async () => {
  house.provider.heard = "When are you open?";
  const page = await stockPage({ browser: spoken });
  const states = () => page.locator(".agent-states").textContent().then((text) => text!);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator("li[data-type=agentTranscript]", { hasText: GREETING }).waitFor();
  const shown = await page.locator("li[data-type=userTranscript]", { hasText: "When are you open?" }).textContent();
  assert.equal(shown, "When are you open?");
  await page.locator("li[data-type=agentTranscript]", { hasText: "You wrote: When are you open?." }).waitFor();
  assert.equal(await page.locator(".track").textContent(), "audio");
  assert.ok(await page.evaluate(() => [...document.querySelectorAll("audio")].some((audio) => !audio.paused && audio.currentTime > 1)), "it is played");
  assert.equal(await page.locator(".lk-audio-bar-visualizer[data-lk-va-state] > *").count() > 0, true);
  await until("it has spoken", async () => /speaking listening (thinking )?speaking listening$/.test(await states()));
  assert.match(await states(), /^disconnected connecting pre-connect-buffering /);

  house.provider.thinksMs = 500;
  await page.locator("input").fill("Goodbye");
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("li", { hasText: GOODBYE }).waitFor();
  house.provider.thinksMs = 0;
  await until("the page has been hung up on", async () => (await states()).endsWith("disconnected"));
  assert.match(await states(), / listening thinking speaking /);
  assert.doesNotMatch(await states(), /failed/);
  const over = await until("the call is completed", async () => {
    const [newest] = await held();
    return newest?.status === "completed" ? newest : undefined;
  });
  const said = (await call(over.id)).turns.map(({ speaker, text }) => `${speaker}: ${text}`);
  assert.deepEqual(said.slice(1), ["user: When are you open?", "agent: You wrote: When are you open?.", "user: Goodbye", `agent: ${GOODBYE}`]);

  house.provider.heard = "";
  await page.context().close();
});

test("stock parts of before sessions: a room's words, chat, bars and buttons", async () => {
  const page = await stockPage({ made: "room" });
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator(".words li", { hasText: GREETING }).waitFor();
  await page.getByPlaceholder("Enter a message").fill("Is my order there");
  await page.getByPlaceholder("Enter a message").press("Enter");
  await page.locator(".words li", { hasText: "You wrote: Is my order there." }).waitFor();
  assert.deepEqual(await page.locator(".lk-chat-messages .lk-message-body").allTextContents(), ["Is my order there"]);
  await page.locator(".lk-audio-bar-visualizer[data-lk-va-state=listening]").waitFor({ state: "attached" });
  assert.match((await page.locator(".states").textContent())!, /^(disconnected )?connecting .*speaking listening.* speaking listening$/);
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("button", { name: "Start" }).waitFor();
  await until("the call is over", async () => (await held())[0]?.status === "completed");
  await page.context().close();
});

test("a TokenSource chooses the agent and its variables, as far as its file lets users, and is told why not", async () => {
  const ann = house.user("ann");
  const options = { participantName: "Ada", agentName: "receptionist", agentMetadata: JSON.stringify({ company: "Acme" }) };
  const chosen = await stockPage({ options, user: ann });
  await chosen.getByRole("button", { name: "Start without a microphone" }).click();
  await chosen.locator("li", { hasText: "Reception, good morning." }).waitFor();
  await chosen.locator("input").fill("Hello");
  await chosen.getByRole("button", { name: "Send" }).click();
  await chosen.locator("li", { hasText: "You wrote: Hello." }).waitFor();
  assert.match(house.provider.prompt, /You answer for Acme\./);
  await chosen.getByRole("button", { name: "End", exact: true }).click();
  await chosen.context().close();
  const refused = [
    // Whoever calls a demo may choose all that there is.
    [{ agentName: "nobody" }, "", 400, "is not one of default, receptionist, staff"],
    [{ agentName: "receptionist", agentMetadata: "vip" }, ann, 400, "an object of texts, in JSON"],
    [{ agentName: "staff" }, ann, 403, "user_may_choose"],
    [{ agentName: "receptionist", agentMetadata: JSON.stringify({ plan: "gold" }) }, ann, 403, "plan"],
  ] as const;
  await Promise.all(refused.map(async ([options, user, status, why]) => {
    const page = await stockPage({ options, user });
    await page.getByRole("button", { name: "Start without a microphone" }).click();
    const failure = page.getByRole("alert");
    await until("it is refused", async () => (await failure.textContent()) !== "");
    const text = (await failure.textContent())!;
    assert.match(text, new RegExp(`received ${status}`));
    assert.ok(text.includes("room_config") && text.includes(why), text);
    await page.context().close();
  }));
});
