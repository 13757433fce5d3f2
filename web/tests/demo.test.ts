/** `make demo` as a person tries it: the page in a real Chromium, the real agent with its local models. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { Chromium, Demo, padded, until } from "./harness.js";

let demo: Demo;
let chromium: Chromium;

before(async () => {
  // A voice lets the agent greet it, asks for the opening hours, and listens to the answer.
  const question = await readFile(path.join(process.cwd(), "../fixtures/audio/caller-opening-hours.wav"));
  demo = await Demo.start();
  chromium = await Chromium.launch(padded(question, 5, 20));
});

after(async () => {
  await chromium?.stop();
  await demo?.stop();
});

test("the page works at once: greeted, heard, answered aloud, timed, stored", async () => {
  const page = await chromium.page();
  await page.goto(demo.url);
  await page.getByRole("button", { name: "Start call" }).click();

  const log = page.getByRole("log", { name: "Conversation" });
  await log.getByText("How can I help you").waitFor();
  await log.getByText("opening hours").first().waitFor();
  await until("the agent is heard", () =>
    page.evaluate(() => document.querySelector("sidetone-call")!.levels.agent > 0.3));
  const turn = await until("the page has the agent's own figures of a turn", () =>
    page.evaluate(() => document.querySelector("sidetone-call")!.snapshot?.turns.find((t) => t.stages)));
  for (const stage of ["endpointingMs", "sttMs", "llmFirstTokenMs", "ttsFirstByteMs"] as const) {
    assert.ok(Number(turn.stages?.[stage]) > 0, `${stage} in ${JSON.stringify(turn)}`);
  }

  await page.getByRole("button", { name: "Hang up" }).click();
  await page.locator(".state", { hasText: "Call ended" }).waitFor();
  const call = await until("the call is completed in the history", async () => {
    const response = await fetch(`${demo.url}/api/voice/history`);
    const { calls } = (await response.json()) as { calls: { id: string; status: string }[] };
    return calls[0]?.status === "completed" ? calls[0] : undefined;
  });
  const stored = (await (await fetch(`${demo.url}/api/voice/history/${call.id}`)).json()) as { turns: { speaker: string; text: string }[] };
  assert.ok(stored.turns.some((t) => t.speaker === "user" && /opening hours/i.test(t.text)), JSON.stringify(stored.turns));
  assert.ok(stored.turns.some((t) => t.speaker === "agent"), JSON.stringify(stored.turns));

  // The call's page plays its recording, and the conversation follows.
  await until("the recording is finished", async () => (await fetch(`${demo.url}/api/voice/history/${call.id}/recording`)).ok);
  await page.goto(`${demo.url}/admin/calls?call=${call.id}`);
  await page.locator("canvas[data-peak]").waitFor();
  assert.ok(Number(await page.locator("canvas").getAttribute("data-peak")) > 0.05, "voices are drawn");
  const asked = page.locator("#talk li.user", { hasText: /opening hours/i }).first();
  await asked.getByRole("button", { name: /^Play from/ }).click();
  const place = () => page.evaluate(() => document.querySelector("audio")!.currentTime);
  await until("it plays", async () => (await place()) > 0);
  await page.locator("#talk li.user[aria-current=true]", { hasText: /opening hours/i }).waitFor();
  const from = await place();
  await until("it goes on", async () => (await place()) > from);
  await page.context().close();
});
