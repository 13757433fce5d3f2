/** `make demo` as a person tries it: the page in a real Chromium, the real agent with its local models. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { Bucket, Chromium, checkAndFix, Demo, padded, until } from "./harness.js";

let bucket: Bucket;
let demo: Demo;
let chromium: Chromium;

before(async () => {
  // A voice lets the agent greet it, on slow machines too, asks for the opening hours, and listens to the answer.
  const question = await readFile(path.join(process.cwd(), "../fixtures/audio/caller-opening-hours.wav"));
  bucket = await Bucket.start();
  demo = await Demo.start(bucket.environment);
  chromium = await Chromium.launch(padded(question, 12, 20));
});

after(async () => {
  await chromium?.stop();
  await demo?.stop();
  await bucket?.stop();
});

test("the page works at once: greeted, heard, answered aloud, timed, stored", async () => {
  const page = await chromium.page();
  await page.goto(demo.url);
  await page.getByRole("listitem").getByText("When are you open on Saturday?").waitFor();
  await page.getByRole("button", { name: "Start call" }).click();

  const log = page.getByRole("log", { name: "Conversation" });
  await log.getByText("How can I help you").waitFor().catch(async (error: unknown) => {
    const call = await page.evaluate(() => document.querySelector("sidetone-call")!.snapshot);
    throw new Error(JSON.stringify(call), { cause: error });
  });
  await log.getByText("opening hours").first().waitFor();
  await until("the agent is heard", () =>
    page.evaluate(() => document.querySelector("sidetone-call")!.levels.agent > 0.3));
  const turn = await until("the page has the agent's own figures of a turn", () =>
    page.evaluate(() => document.querySelector("sidetone-call")!.snapshot?.turns.find((t) => t.stages)));
  for (const stage of ["endpointingMs", "sttMs", "llmFirstTokenMs", "ttsFirstByteMs"] as const) {
    assert.ok(Number(turn.stages?.[stage]) > 0, `${stage} in ${JSON.stringify(turn)}`);
  }

  // The shop's facts, as in the scripted call.
  await log.getByText(/nine to six/i).first().waitFor();
  await page.getByRole("button", { name: "Hang up" }).click();
  await page.locator(".state", { hasText: "Call ended" }).waitFor();
  const call = await until("the call is completed in the history", async () => {
    const response = await fetch(`${demo.url}/api/voice/history`);
    const { calls } = (await response.json()) as { calls: { id: string; status: string }[] };
    return calls[0]?.status === "completed" ? calls[0] : undefined;
  });
  const stored = (await (await fetch(`${demo.url}/api/voice/history/${call.id}`)).json()) as { turns: { speaker: string; text: string }[] };
  assert.ok(stored.turns.some((t) => t.speaker === "user" && /opening hours/i.test(t.text)), JSON.stringify(stored.turns));
  assert.ok(stored.turns.some((t) => t.speaker === "agent" && /nine to six/i.test(t.text)), JSON.stringify(stored.turns));
  const record = page.getByRole("link", { name: /What is kept of this call/ });
  assert.match((await record.getAttribute("href"))!, new RegExp(`/admin/calls\\?call=${call.id}$`));

  // The call's page plays its recording from the bucket, and the conversation follows.
  await until("the recording is uploaded", async () => {
    const detail = (await (await fetch(`${demo.url}/api/voice/history/${call.id}`)).json()) as { recordings: { state: string }[] };
    return detail.recordings[0]?.state === "uploaded";
  });
  const checked = await checkAndFix({ ...bucket.environment, SIDETONE_CORS_ORIGINS: demo.url });
  assert.match(checked, /may read recordings from now on/);
  const parts: number[] = [];
  page.on("response", (response) => {
    if (response.url().startsWith(`${bucket.endpoint}/`)) parts.push(response.status());
  });
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
  // Seeking: on the drawing, and back to the place of the words.
  const length = await page.evaluate(() => document.querySelector("audio")!.duration);
  const box = (await page.locator("canvas").boundingBox())!;
  await page.locator("canvas").click({ position: { x: box.width * 0.75, y: box.height / 2 } });
  await until("it plays from there", async () => (await place()) >= length * 0.74);
  await asked.getByRole("button", { name: /^Play from/ }).press("Enter");
  await until("it is back", async () => Math.abs((await place()) - from) < length / 4);
  assert.equal(await page.evaluate(() => document.querySelector("audio")!.error), null);
  // The outline is drawn from the whole object, the player asks for parts of it.
  assert.ok(parts.includes(200) && parts.includes(206), String(parts));

  // Where the answer's time went: each stage with its figures.
  const stages = page.getByRole("table", { name: "Where the time of this answer went" }).first();
  const rows = await stages.locator("tbody tr").evaluateAll((all) => all.map((row) => [...row.querySelectorAll("th, .number")].map((cell) => cell.textContent!)));
  assert.deepEqual(rows.map(([name]) => name), ["End of turn", "Speech to text", "Model", "Voice", "Heard"]);
  for (const [name, , done] of rows) assert.match(done!, /^[0-9.]+ m?s$/, name);
  // The charts count it.
  await page.goto(`${demo.url}/admin/calls`);
  await page.getByRole("img", { name: /^Calls: at most [1-9]/ }).waitFor();
  await page.getByRole("img", { name: /^Answer latency: .*at most [0-9.]+ m?s$/ }).waitFor();

  // The worker is in the pool; the button drains it, and the pages stay.
  await page.goto(`${demo.url}/admin/pool`);
  await page.getByRole("table").first().getByText("ready", { exact: true }).waitFor();
  await page.getByRole("button", { name: /^Drain the worker on / }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
  await page.getByText("drained", { exact: true }).waitFor();
  const ready = (await (await fetch(`${demo.url}/readyz`)).json()) as { worker: string };
  assert.equal(ready.worker, "draining");
  await page.context().close();
});
