/** The element, and LiveKit's own parts for pages, with the real agent. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { Chromium, Site, until } from "./harness.js";
import { GREETING, House } from "./house.js";

let house: House;
let chromium: Chromium;
/** Serves the page of stock parts, and asks the house for tokens. */
let site: Site;

before(async () => {
  [house, chromium] = await Promise.all([House.open(), Chromium.launch()]);
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
  site.answer = async ({ body }) => {
    const answer = await fetch(`${house.url}/api/voice/token`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.text() };
  };
});

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await house?.close();
});

interface Stored {
  id: string;
  status: string;
  agent?: string;
  turns: { speaker: string; text: string }[];
}

async function calls(): Promise<Stored[]> {
  return (await house.get<{ calls: Stored[] }>("/api/voice/history")).calls;
}

async function call(id: string): Promise<Stored> {
  return house.get(`/api/voice/history/${id}`);
}

/** A page of stock parts. */
async function stockPage(options: Record<string, unknown> = {}): Promise<Page> {
  const page = await chromium.page();
  await page.goto(`${site.url}/stock?options=${encodeURIComponent(JSON.stringify(options))}`);
  return page;
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

test("stock parts: no call before the click; greeted; what is typed is shown once", async () => {
  const before = (await calls()).length;
  const asked = site.asked.length;
  const page = await stockPage();
  // It has its token on mount, and nobody has clicked.
  await until("it has its token", () => site.asked.length > asked);
  assert.deepEqual(site.asked[asked]!.body, {});
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator("li", { hasText: GREETING }).waitFor();
  // A token that waits to be used is no call yet: stock parts fetch the next one early.
  const held = async () => (await calls()).filter((c) => c.status !== "pending");
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

test("a TokenSource chooses the agent and its variables, and is told why not", async () => {
  const chosen = await stockPage({ agentName: "receptionist", agentMetadata: JSON.stringify({ company: "Acme" }), participantName: "Ada" });
  await chosen.getByRole("button", { name: "Start" }).click();
  await chosen.locator("li", { hasText: "Reception, good morning." }).waitFor();
  await chosen.getByRole("button", { name: "End", exact: true }).click();
  await chosen.context().close();
  // Whoever calls a demo may choose all that there is; what users may is told in tests/http/fields.rs.
  for (const [options, why] of [
    [{ agentName: "nobody" }, "is not one of default, receptionist"],
    [{ agentName: "receptionist", agentMetadata: "vip" }, "an object of texts, in JSON"],
  ] as const) {
    const page = await stockPage(options);
    await page.getByRole("button", { name: "Start" }).click();
    const failure = page.getByRole("alert");
    await until("it is refused", async () => (await failure.textContent()) !== "");
    const text = (await failure.textContent())!;
    assert.match(text, /received 400/);
    assert.ok(text.includes("room_config") && text.includes(why), text);
    await page.context().close();
  }
});
