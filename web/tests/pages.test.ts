/** The pages and the element as people use them: by keyboard, with a screen reader, in the dark, right to left. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Agent, Chromium, LiveKit, Site, until, wav } from "./harness.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
let livekit: LiveKit;
let site: Site;
let chromium: Chromium;

const CALL = {
  id: "0191d3c0-0000-7000-8000-000000000001", roomName: "support-u1-1704067200000", callerId: "u1", calleeId: null, callType: "support",
  status: "completed", startedAt: "2026-01-31T12:00:00Z", connectedAt: "2026-01-31T12:00:01Z", endedAt: "2026-01-31T12:02:00Z",
  durationSeconds: 119, recordingUrl: "javascript:alert(1)", metadata: {}, createdAt: "2026-01-31T12:00:00Z",
};
const EVIL = `<img src=x onerror="window.pwned=1">`;
const historyAsked: URLSearchParams[] = [];
const seriesAsked: URLSearchParams[] = [];
const WORKERS = [
  { id: "0191d3c0-0000-7000-8000-0000000000a1", host: "voice-1", agentName: "sidetone", version: "0.1.0", livekitId: "AW_test", state: "ready", load: 0.32, calls: 2, maxCalls: 25, startedAt: CALL.startedAt, seenAt: new Date().toISOString(), drainRequestedAt: null as string | null, drainUntil: null as string | null, edition: "fedcba9876543210", recent: { answers: 42, p50LatencyMs: 640, p95LatencyMs: 1100, providers: [{ stage: "llm", provider: EVIL, requests: 40, errors: 10 }, { stage: "stt", provider: "default", requests: 44, errors: 0 }] } },
  { id: "0191d3c0-0000-7000-8000-0000000000a2", host: EVIL, agentName: "sidetone", version: "0.1.0", livekitId: null, state: "lost", load: 0.9, calls: 1, maxCalls: 25, startedAt: CALL.startedAt, seenAt: new Date(Date.now() - 720_000).toISOString(), drainRequestedAt: null as string | null },
];
const EDITIONS = [
  { version: "fedcba9876543210", current: true, publishedBy: EVIL, publishedAt: CALL.endedAt, heldSince: null, files: 3, bytes: 4096 },
  { version: "0123456789abcdef", current: false, publishedBy: "plane-1", publishedAt: CALL.startedAt, heldSince: null, files: 3, bytes: 4096 },
];
let tellLive: (calls: { id: string; status: string; turns: number }[]) => void = () => undefined;

before(async () => {
  livekit = await LiveKit.start();
  [site, chromium] = await Promise.all([Site.start(livekit), Chromium.launch()]);
  const page = (body: string, lang = "en") => (_request: unknown, response: import("node:http").ServerResponse) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><html lang="${lang}"><title>Host</title><main><h1>Shop</h1><a href="/">Home</a></main><script src="/sidetone-call.js" defer></script>${body}`);
  };
  site.routes.set("/host", page("<sidetone-call></sidetone-call>"));
  site.routes.set("/bare", (_request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end('<!doctype html><html lang="en"><title>Host</title><main><h1>Shop</h1></main>');
  });
  site.routes.set("/host-ar", page("<sidetone-call></sidetone-call>", "ar"));
  const json = (body: unknown, status = 200) => (_request: unknown, response: import("node:http").ServerResponse) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  site.routes.set("/api/voice/session", (request, response) => {
    const signedIn = request.headers.cookie === "sidetone_session=the-session";
    if (request.method === "GET") return json({ signedIn, name: signedIn ? "root" : null })(request, response);
    if (request.method === "DELETE") {
      response.writeHead(204, { "set-cookie": "sidetone_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict" });
      return void response.end();
    }
    if (request.headers.authorization !== "Bearer the-key") return json({ title: "Unauthorized", detail: "This API key is not known." }, 401)(request, response);
    response.setHeader("set-cookie", "sidetone_session=the-session; Path=/; HttpOnly; SameSite=Strict");
    json({ signedIn: true, name: "root" })(request, response);
  });
  site.routes.set("/api/voice/live", (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    tellLive = (calls) => response.write(`event: live\ndata: ${JSON.stringify({ calls })}\n\n`);
    tellLive([]);
  });
  site.routes.set("/api/voice/history", (request, response) => {
    if (request.headers.cookie !== "sidetone_session=the-session") {
      return json({ title: "Unauthorized", detail: "Send the user's token or an API key." }, 401)(request, response);
    }
    const query = new URL(request.url!, "http://site").searchParams;
    historyAsked.push(query);
    const offset = Number(query.get("offset"));
    const calls = Array.from({ length: offset === 0 ? 20 : 3 }, (_, i) => ({
      ...CALL, id: CALL.id.slice(0, -2) + String(10 + i), callerId: i === 0 ? EVIL : `user-${offset + i}`,
      status: ["completed", "connected", "missed", "failed"][i % 4]!, durationSeconds: i % 4 === 0 ? 60 + i : null,
    }));
    json({
      calls, total: 23, limit: 20, offset, hasMore: offset === 0,
      stats: { byStatus: { completed: 15, connected: 2, missed: 4, failed: 2 }, byType: { support: 23 }, answeredRate: 0.81, meanDurationSeconds: 74.5, totalDurationSeconds: 4120, medianLatencyMs: 812 },
    })(request, response);
  });
  site.routes.set(`/api/voice/history/${CALL.id.slice(0, -2)}10`, json({
    ...CALL, transcript: null, errors: [{ stage: "tts", message: EVIL, at: "2026-01-31T12:00:13Z" }], agent: "receptionist", agentVersion: "0123456789abcdef", recordings: [],
    tools: [{ agent: "receptionist", name: "find_tables", arguments: { people: EVIL }, ok: false, state: "failed", result: "The booking system did not answer.", startedAt: "2026-01-31T12:00:10Z", durationMs: 730 }],
    participants: [{ userId: "u1", participantName: EVIL, kind: "user", joinedAt: null, leftAt: null, durationSeconds: 119, isMuted: false }],
    turns: [
      { turnId: "a0", speaker: "agent", text: "Hello, this is Harbour Kitchen. How can I help you?", startedAt: "2026-01-31T12:00:02Z", endedAt: null, interrupted: false, latencyMs: null, metrics: null },
      { turnId: "c1", speaker: "user", text: `A table for four ${EVIL}`, startedAt: "2026-01-31T12:00:07Z", endedAt: null, interrupted: false, latencyMs: null, metrics: null },
      { turnId: "a1", speaker: "agent", text: "For Friday at eight, would you like to sit inside or", startedAt: "2026-01-31T12:00:11Z", endedAt: null, interrupted: true, latencyMs: 812, metrics: { endpointingMs: 310, sttMs: 120, sttAtMs: 230, llmFirstTokenMs: 240, llmFirstTokenAtMs: 480, ttsFirstByteMs: 310, ttsFirstByteAtMs: 800, playoutMs: 12, responseMs: 812 } },
      { turnId: "c2", speaker: "user", text: "Outside, please.", startedAt: "2026-01-31T12:00:14Z", endedAt: null, interrupted: false, latencyMs: null, metrics: null },
      { turnId: "a2", speaker: "agent", text: "Outside it is. See you on Friday!", startedAt: "2026-01-31T12:00:16Z", endedAt: null, interrupted: false, latencyMs: 640, metrics: { endpointingMs: 250, sttMs: 110, llmFirstTokenMs: 200, ttsFirstByteMs: 140, responseMs: 640 } },
    ],
  }));
  site.routes.set("/api/voice/history/stats/series", (request, response) => {
    seriesAsked.push(new URL(request.url!, "http://site").searchParams);
    json({ step: "day", from: "2026-01-29T00:00:00Z", to: "2026-02-02T00:00:00Z", points: [
      { at: "2026-01-29T00:00:00Z", byStatus: { completed: 3, failed: 1 }, meanDurationSeconds: 80, p50LatencyMs: 700, p95LatencyMs: 1400 },
      { at: "2026-01-30T00:00:00Z", byStatus: {}, meanDurationSeconds: null, p50LatencyMs: null, p95LatencyMs: null },
      { at: "2026-01-31T00:00:00Z", byStatus: { completed: 5, missed: 2, connected: 1 }, meanDurationSeconds: 70, p50LatencyMs: 640, p95LatencyMs: 1100 },
      { at: "2026-02-01T00:00:00Z", byStatus: { completed: 7, failed: 1, connected: 1, missed: 2 }, meanDurationSeconds: 75, p50LatencyMs: 660, p95LatencyMs: 900 },
    ] })(request, response);
  });
  site.routes.set("/api/voice/workers", (request, response) => json({ workers: WORKERS, editions: EDITIONS })(request, response));
  site.routes.set(`/api/voice/workers/${WORKERS[0]!.id}/drain`, (request, response) => {
    assert.equal(request.headers["x-sidetone-session"], "1");
    Object.assign(WORKERS[0]!, { state: "draining", drainRequestedAt: CALL.endedAt, drainUntil: CALL.endedAt });
    response.writeHead(202).end("{}");
  });
  site.routes.set("/api/voice/agent", json({ agents: [{ roomName: CALL.roomName, state: "joined", since: CALL.startedAt, attempts: 1, worker: "AW_test", callId: CALL.id }] }));
});

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await livekit?.stop();
});

/** What axe finds, by the rules of WCAG 2.2 AA and best practice, shadow roots included. */
async function axe(page: Page): Promise<string[]> {
  // Evaluated by the browser's own protocol, so the page's Content-Security-Policy stays in force.
  await page.evaluate(await readFile(AXE, "utf8"));
  await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations !== Infinity).map((a) => a.finished.catch(() => undefined))));
  const { violations } = (await page.evaluate("axe.run(document)")) as { violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[] };
  return violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => `${n.html}\n${n.failureSummary}`).join("\n")}`);
}

async function admitted(page: Page, start: () => Promise<void>, agent: Agent): Promise<string> {
  let room = "";
  site.answer = (request) => {
    const answer = site.admit(request);
    room = (answer.body as { roomName: string }).roomName;
    return answer;
  };
  await start();
  await until("a room", () => room);
  site.answer = (request) => site.admit(request);
  await agent.join(livekit, room);
  await agent.do("state", { state: "listening" });
  await page.locator(".panel[data-mood=listening]").waitFor();
  const { identity } = await agent.hears((r) => r.event === "caller");
  return String(identity);
}

for (const [theme, path] of [["light", "/host"], ["dark", "/host"], ["light", "/host-ar"]] as const) {
  test(`axe finds nothing in the element: ${theme}, ${path}`, async () => {
    const page = await chromium.page({ theme, still: true });
    await page.goto(`${site.url}${path}`);
    const agent = new Agent();
    try {
      const float = page.locator(".float");
      assert.deepEqual(await axe(page), [], "floating button");
      await float.click();
      assert.deepEqual(await axe(page), [], "before the call");
      const caller = await admitted(page, () => page.locator(".primary:visible").click(), agent);
      await agent.do("heard", { id: "1", text: "An interim", final: false, identity: caller });
      await agent.do("open", { id: "2" });
      await agent.do("write", { id: "2", text: "An answer" });
      await page.getByText("An answer").waitFor();
      await page.locator(".control").nth(1).click();
      await page.locator(".control").first().click();
      assert.deepEqual(await axe(page), [], "in the call");
      if (path === "/host-ar") {
        assert.equal(await page.locator(".title").textContent(), "المساعد الصوتي");
        const [button, panel] = await Promise.all([page.locator(".control.end").boundingBox(), page.locator(".panel").boundingBox()]);
        assert.ok(panel!.x < 100, "the panel stands at the end of a right-to-left line");
        assert.ok(button!.x < panel!.x + panel!.width / 2, "controls run from the right");
      }
      await page.locator(".control.end").click();
      assert.deepEqual(await axe(page), [], "after the call");
      site.answer = () => ({ status: 429, body: { detail: "Slow down" }, headers: { "retry-after": "60" } });
      await page.locator(".primary:visible").click();
      await page.getByRole("alert").waitFor();
      assert.deepEqual(await axe(page), [], "refused");
    } finally {
      await agent.stop();
      site.answer = (request) => site.admit(request);
      await page.context().close();
    }
  });
}

test("a whole call by keyboard alone", async () => {
  const page = await chromium.page({ still: true });
  await page.goto(`${site.url}/host`);
  const agent = new Agent();
  const focused = () => page.evaluate(() => {
    const element = document.querySelector("sidetone-call")!.shadowRoot!.activeElement;
    return element?.getAttribute("aria-label") ?? element?.textContent ?? "";
  });
  try {
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Talk to us");
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "Start call");
    // Escape closes; the focus goes back to where it came from.
    await page.keyboard.press("Escape");
    assert.equal(await focused(), "Talk to us");
    await page.keyboard.press("Enter");
    await admitted(page, () => page.keyboard.press("Enter"), agent);
    await until("the focus is in the call", async () => (await focused()) === "Mute microphone");
    // An agent that does not have the microphone yet is not told that it is muted.
    await agent.hears((r) => r.event === "level");
    await page.keyboard.press("Space");
    await agent.hears((r) => r.event === "muted" && r["muted"] === true);
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Microphone and speaker");
    // Escape minimises; the call goes on and can be come back to.
    await page.keyboard.press("Escape");
    assert.equal(await focused(), "Return to the call");
    await page.keyboard.press("Enter");
    await page.getByRole("textbox").focus();
    await page.keyboard.type("Hello");
    await page.keyboard.press("Enter");
    await agent.hears((r) => r.event === "chat" && r["text"] === "Hello");
    await page.getByRole("button", { name: "Hang up" }).focus();
    await page.keyboard.press("Enter");
    await agent.hears((r) => r.event === "caller-left");
    assert.equal(await focused(), "Call again");
  } finally {
    await agent.stop();
    await page.context().close();
  }
});

test("the page to try: agent and voice are asked for, a key is taken where one is needed", async () => {
  const page = await chromium.page({ still: true });
  await page.goto(`${site.url}/`);
  await page.getByText("Shimmer").waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByLabel("Agent").selectOption("receptionist");
  await page.getByRole("radio", { name: "nova" }).check();
  await page.getByText(`voice="nova"`).waitFor();
  site.answer = ({ authorization }) => authorization === "Bearer the-key"
    ? { status: 503, body: {} }
    : { status: 401, body: { detail: "Send the user's token or an API key." } };
  await page.getByRole("button", { name: "Start call" }).click();
  await page.getByLabel("API key or token").fill("the-key");
  await page.getByRole("button", { name: "Use it" }).click();
  await page.getByText("The voice service is not available right now.").waitFor();
  site.answer = (request) => site.admit(request);
  const { body, authorization } = site.asked.at(-1)!;
  assert.deepEqual([body, authorization], [{ roomType: "support", agent: "receptionist", voice: "nova" }, "Bearer the-key"]);
  await page.context().close();
});

test("admin: sign in, list, filters, paging, a call, the pool", async () => {
  const page = await chromium.page({ still: true });
  await page.goto(`${site.url}/admin/calls`);
  await page.getByText("Send the user's token or an API key.").waitFor();
  await page.getByLabel("Admin's token or API key").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This API key is not known.").waitFor();
  await page.getByLabel("Admin's token or API key").fill("the-key");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("1–20 of 23").waitFor();
  assert.deepEqual(await axe(page), [], "list");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  assert.equal(await page.evaluate("JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])"), '["",{},{}]', "no script can read the key or the session");
  const listed = historyAsked.length;
  tellLive([{ id: CALL.id, status: "ringing", turns: 0 }]);
  await page.getByText("1 live").waitFor();
  await until("the list is asked for when a call begins", () => historyAsked.length > listed);
  await page.getByText("81 %").waitFor();
  await page.getByText("812 ms").waitFor();
  // Charts say in words what they draw, and have it as a table.
  await page.getByRole("img", { name: "Calls: at most 11 a day" }).waitFor();
  await page.getByRole("img", { name: "Mean duration: at most 1:20" }).waitFor();
  await page.getByRole("img", { name: /^Answer latency: .*at most 1\.40 s$/ }).waitFor();
  assert.equal(await page.locator(".bar-completed").count(), 3, "a day without calls has no bar");
  await page.getByText("These figures as a table").press("Enter");
  const figures = page.getByRole("table", { name: "Figures by day" });
  assert.deepEqual(await figures.getByRole("row").last().locator("td").allTextContents(), ["7", "2", "1", "1", "0", "0", "1:15", "660 ms", "900 ms"]);
  assert.deepEqual(await axe(page), [], "charts");
  await page.getByText("These figures as a table").press("Enter");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("21–23 of 23").waitFor();
  assert.equal(await page.getByRole("button", { name: "Next" }).isDisabled(), true);
  await page.getByRole("combobox", { name: "Status" }).selectOption("failed");
  await page.getByRole("searchbox").fill("harbour");
  await page.getByRole("searchbox").press("Enter");
  await until("the filters are asked for", () => historyAsked.at(-1)?.get("q") === "harbour" && historyAsked.at(-1)?.get("status") === "failed");
  const asked = Object.fromEntries(historyAsked.at(-1)!);
  assert.deepEqual(asked, { limit: "20", offset: "0", includeStats: "true", allUsers: "true", q: "harbour", status: "failed" });
  const charted = Object.fromEntries(await until("the charts are asked for", () => seriesAsked.find((query) => query.get("q") === "harbour" && query.get("status") === "failed")));
  assert.deepEqual(charted, { allUsers: "true", q: "harbour", status: "failed", minutesAhead: String(-new Date().getTimezoneOffset()) });
  await page.goBack();
  await page.getByRole("row").nth(1).getByRole("link").click();
  await page.getByText("Outside it is. See you on Friday!").waitFor();
  await page.getByText("interrupted by the caller").waitFor();
  assert.equal(await page.locator("#call").getByText(EVIL).count(), 3);
  await page.getByText("The voice failed").waitFor();
  // Each stage in numbers: what it took, and when it was done.
  const first = page.getByRole("table", { name: "Where the time of this answer went" }).first();
  const cells = await first.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll("th, .number")].map((cell) => cell.textContent)));
  assert.deepEqual(cells, [
    ["End of turn", "310 ms", "310 ms"], ["Speech to text", "120 ms", "230 ms"], ["Model", "240 ms", "480 ms"], ["Voice", "310 ms", "800 ms"], ["Heard", "", "812 ms"],
  ]);
  await page.getByText("find_tables failed").waitFor();
  await page.getByText("The booking system did not answer.").waitFor();
  await page.getByText("0123456789ab", { exact: true }).waitFor();
  assert.equal(await page.evaluate("'pwned' in window"), false);
  assert.equal(await page.locator("#recording").isVisible(), false, "what was not recorded cannot be downloaded");
  assert.deepEqual(await axe(page), [], "call");
  await page.goto(`${site.url}/admin/pool`);
  await page.getByText("1 worker, 2 calls").waitFor();
  await page.getByText("lost", { exact: true }).waitFor();
  assert.equal(await page.getByRole("row", { name: CALL.roomName }).getByText("voice-1").count(), 1, "an agent's machine is named");
  await page.getByText("640 ms / 1.10 s").waitFor();
  const texts = async (table: string) => page.locator(`#${table} tbody tr`).evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
  assert.deepEqual(await texts("providers"), [[`Model: ${EVIL}`, "40", "10", "25 %"], ["Speech to text: default", "44", "0", "0 %"]]);
  assert.deepEqual(await texts("versions"), [["0.1.0", "1", "0", "2"]]);
  assert.deepEqual((await texts("editions")).map(([edition, state, , by, hosts]) => [edition, state, by, hosts]), [["fedcba987654", "current", EVIL, "voice-1"], ["0123456789ab", "earlier", "plane-1", "–"]]);
  await page.getByRole("img", { name: "Calls: at most 11 a day" }).waitFor();
  assert.deepEqual(await axe(page), [], "pool");
  if (process.env["SIDETONE_REVIEW"]) await page.screenshot({ path: "review/admin-pool.png" });
  // By keyboard: asked, thought better of, asked again.
  const drain = page.getByRole("button", { name: "Drain the worker on voice-1" });
  await drain.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Drain the worker on voice-1?" });
  await dialog.getByText("Its 2 calls may go on to the end").waitFor();
  assert.deepEqual(await axe(page), [], "the question");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(WORKERS[0]!.state, "ready");
  await until("the focus is back where it was", () => drain.evaluate((button) => document.activeElement === button));
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Drain" }).press("Enter");
  await page.getByText("draining", { exact: true }).waitFor();
  await page.locator("#workers").getByText(/ until /).waitFor();
  await until("it cannot be asked again", () => drain.isDisabled());
  assert.deepEqual(await axe(page), [], "draining");
  assert.equal(await page.evaluate("'pwned' in window"), false);
  await page.getByRole("button", { name: "Sign out" }).click();
  // The page loads again when that is done.
  await page.getByRole("button", { name: "Sign out" }).waitFor({ state: "hidden" });
  await page.goto(`${site.url}/admin/calls`);
  await page.getByText("Send the user's token or an API key.").waitFor();
  if (process.env["SIDETONE_REVIEW"]) {
    await page.getByLabel("Admin's token or API key").fill("the-key");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("1–20 of 23").waitFor();
    await page.screenshot({ path: "review/admin-calls.png" });
    await page.getByRole("row").nth(1).getByRole("link").click();
    await page.getByText("Outside it is. See you on Friday!").waitFor();
    await page.screenshot({ path: "review/admin-call.png" });
  }
  await page.context().close();
});

test("the admin pages in the dark, from right to left, and on a narrow screen", async () => {
  const page = await chromium.page({ theme: "dark", still: true, viewport: { width: 320, height: 640 } });
  await page.context().addCookies([{ name: "sidetone_session", value: "the-session", url: site.url }]);
  await page.addInitScript(() => document.addEventListener("DOMContentLoaded", () => (document.documentElement.dir = "rtl")));
  for (const [address, there] of [
    ["/admin/calls", "1–20 of 23"], [`/admin/calls?call=${CALL.id.slice(0, -2)}10`, "Outside it is. See you on Friday!"], ["/admin/pool", "1 worker, 2 calls"],
  ] as const) {
    await page.goto(`${site.url}${address}`);
    await page.getByText(there).waitFor();
    assert.deepEqual(await axe(page), [], address);
    // What is wider scrolls within its own place (WCAG 1.4.10).
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(wide! <= window!, `${address} is ${wide} wide on a screen of ${window}`);
  }
  // Bars begin at the start of the line, wherever that is.
  await page.goto(`${site.url}/admin/calls?call=${CALL.id.slice(0, -2)}10`);
  const lane = page.locator(".waterfall .lane").first();
  await lane.waitFor();
  const [bar, whole] = await Promise.all([lane.locator(".piece").boundingBox(), lane.boundingBox()]);
  assert.ok(Math.abs(bar!.x + bar!.width - whole!.x - whole!.width) < 2, "the first stage starts at the right");
  await page.context().close();
});

test("where motion is reduced nothing moves, and elsewhere the orb does", async () => {
  for (const still of [true, false]) {
    const page = await chromium.page({ still });
    await page.goto(`${site.url}/`);
    await page.getByRole("button", { name: "Start call" }).waitFor();
    // After its colours have settled.
    const moves = () => page.evaluate(async () => {
      const canvas = document.querySelector("sidetone-call")!.shadowRoot!.querySelector("canvas")!;
      const frames = async (n: number) => {
        for (; n > 0; n -= 1) await new Promise(requestAnimationFrame);
        return canvas.toDataURL();
      };
      return (await frames(90)) !== (await frames(10));
    });
    if (still) await until("the orb rests", async () => !(await moves()));
    else assert.ok(await moves(), "the orb breathes");
    const endless = await page.evaluate(() => document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations === Infinity).length);
    if (still) assert.equal(endless, 0);
    await page.context().close();
  }
});

test("a recording: drawn, played from a place in the conversation, which follows", async () => {
  const id = `${CALL.id.slice(0, -2)}30`;
  const turn = { speaker: "agent", endedAt: null, interrupted: false, latencyMs: null, metrics: null };
  const json = (body: unknown) => (_request: unknown, response: import("node:http").ServerResponse) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  };
  site.routes.set(`/api/voice/history/${id}`, json({
    ...CALL, id, transcript: null, participants: [], tools: [],
    turns: [{ ...turn, turnId: "a0", text: "The first", startedAt: "2026-01-31T12:00:02Z" }, { ...turn, turnId: "a1", text: "The second", startedAt: "2026-01-31T12:00:05Z" }],
    recordings: [{ state: "kept", mode: "process", paused: false, bytes: 1, durationMs: 10_000, startedAt: "2026-01-31T12:00:01Z", endedAt: null }],
  }));
  site.routes.set(`/api/voice/history/${id}/recording`, (_request, response) => {
    response.setHeader("content-type", "audio/wav");
    response.end(wav([{ hertz: 300, seconds: 10 }]));
  });
  const page = await chromium.page({ still: true });
  await page.goto(`${site.url}/admin/calls?call=${id}`);
  await page.locator("canvas[data-peak]").waitFor();
  assert.ok(Number(await page.locator("canvas").getAttribute("data-peak")) > 0.1, "the sound is drawn");
  await page.getByRole("button", { name: "Play from 0:04" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("li[aria-current=true]", { hasText: "The second" }).waitFor();
  assert.ok((await page.evaluate(() => document.querySelector("audio")!.currentTime)) >= 4);
  assert.deepEqual(await axe(page), [], "player");
  assert.equal(await page.locator("#recording").getAttribute("href"), `/api/voice/history/${id}/recording`);
  await page.context().close();
});

test("no page breaks its own Content-Security-Policy or logs an error", async () => {
  const page = await chromium.page();
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  for (const path of ["/", "/host", "/admin/pool"]) {
    await page.goto(`${site.url}${path}`);
    await page.waitForLoadState("networkidle");
  }
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("the element's time on the main thread, told and not judged", async (t) => {
  const page = await chromium.page();
  const cost = async (path: string) => {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    await page.goto(`${site.url}${path}`);
    await page.waitForLoadState("networkidle");
    const { metrics } = await session.send("Performance.getMetrics");
    await session.detach();
    return 1000 * (metrics.find((m) => m.name === "TaskDuration")?.value ?? 0);
  };
  const [bare, element] = [await cost("/bare"), await cost("/host")];
  assert.equal(await page.evaluate("customElements.get('sidetone-call') !== undefined"), true);
  t.diagnostic(`main thread: ${element.toFixed(0)} ms with the element, ${bare.toFixed(0)} ms without, on this machine as busy as it is`);
  await page.context().close();
});

test("the script stays within its budget and carries no markup that could be a sink", async () => {
  assert.ok((await readFile("dist/sidetone-call.js.gz")).length < 250_000);
  for (const file of ["call/dom", "call/view", "call/log-view", "call/element", "pages/try", "pages/calls", "pages/call", "pages/waterfall", "pages/pool", "pages/rows", "pages/charts", "pages/api", "pages/stages", "pages/player", "pages/live", "pages/listen", "pages/listening", "pages/pool-figures"]) {
    assert.doesNotMatch(await readFile(`src/${file}.ts`, "utf8"), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser/, file);
  }
});
