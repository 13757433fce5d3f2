/** A page that is left open costs nothing: nothing is asked for while nobody looks, and nothing drawn while nobody is there. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Agent, Chromium, LiveKit, Site, until } from "./harness.js";

let livekit: LiveKit;
let site: Site;
let chromium: Chromium;
/** Paths that were asked for. */
const asked: string[] = [];
let streams = 0;

before(async () => {
  livekit = await LiveKit.start();
  [site, chromium] = await Promise.all([Site.start(livekit), Chromium.launch()]);
  site.page("/host", `<sidetone-call inline></sidetone-call>${"<br>".repeat(200)}`);
  const answers: [string, unknown][] = [
    ["/api/voice/session", { signedIn: true, name: "root" }], ["/api/voice/workers", { workers: [] }], ["/api/voice/agent", { agents: [] }],
    ["/api/voice/history", { calls: [CALL], total: 1, totalIsExact: true, hasMore: false }],
    ["/api/voice/history/stats/series", { step: "day", from: CALL.createdAt, to: CALL.createdAt, points: [] }],
    [`/api/voice/history/${CALL.id}`, { ...CALL, participants: [], turns: [], tools: [], errors: [], recordings: [] }],
  ];
  for (const [path, body] of answers) {
    site.routes.set(path, (request, response) => {
      asked.push(request.url!);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  }
  site.routes.set("/api/voice/live", (request, response) => {
    asked.push(request.url!);
    if (refuseStreams) return void response.writeHead(503).end();
    streams += 1;
    response.on("close", () => (streams -= 1));
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('event: live\ndata: {"calls":[]}\n\n');
  });
});

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await livekit?.stop();
});

let refuseStreams = false;
const CALL = {
  id: "0191d3c0-0000-7000-8000-000000000001", roomName: "support-1", callerId: "u1", callType: "support", status: "connected",
  startedAt: "2026-01-31T12:00:00Z", connectedAt: "2026-01-31T12:00:01Z", endedAt: null, durationSeconds: null, createdAt: "2026-01-31T12:00:00Z",
};

/** Nobody looks at the page, or somebody does again. */
async function look(page: Page, seen: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
  }, !seen);
}

test("the admin's pages ask for nothing while nobody looks, and at once when somebody does again", async () => {
  for (const path of ["/admin/pool", "/admin/calls", `/admin/calls?call=${CALL.id}`]) {
    for (const refused of [false, true]) {
      refuseStreams = refused;
      const page = await chromium.page();
      await page.clock.install();
      await page.goto(site.url + path);
      await page.waitForLoadState("networkidle").catch(() => undefined);
      const shown = path.includes("pool") ? "/api/voice/workers" : "/api/voice/history";
      await until("it has asked", () => asked.some((url) => url.startsWith(shown)));
      // Watched, it is kept up to date: by the server's stream, else by asking.
      if (refused || path.includes("pool")) {
        const before = asked.length;
        await until("it asks again", async () => {
          await page.clock.runFor(5_000);
          return asked.slice(before).some((url) => url.startsWith(shown));
        });
      } else {
        await until("it listens", () => streams === 1);
      }

      await look(page, false);
      await until("the server holds no stream for it", () => streams === 0);
      await page.clock.runFor(10_000);
      await page.evaluate(() => new Promise((done) => queueMicrotask(() => done(undefined))));
      const before = asked.length;
      for (let minute = 0; minute < 60; minute += 1) await page.clock.runFor(60_000);
      // Whatever was on its way would have come before this.
      await page.evaluate(() => fetch("/api/voice/session"));
      assert.deepEqual(asked.slice(before), ["/api/voice/session"], `${path} for an hour`);

      await look(page, true);
      if (refused || path.includes("pool")) await until("it asks", () => asked.slice(before + 1).some((url) => url.startsWith(shown)));
      else await until("it listens again", () => streams === 1);
      await page.context().close();
      await until("the stream is gone", () => streams === 0);
    }
  }
  refuseStreams = false;
});

/** Counts what a page draws and what it sets its clocks for. */
function count(): void {
  const counted = { frames: 0, timers: 0 };
  (window as unknown as { counted: typeof counted }).counted = counted;
  const { requestAnimationFrame, setInterval } = window;
  window.requestAnimationFrame = (act) => {
    counted.frames += 1;
    return requestAnimationFrame(act);
  };
  window.setInterval = ((...all: Parameters<typeof setInterval>) => {
    counted.timers += 1;
    return setInterval(...all);
  }) as typeof window.setInterval;
}

const counted = (page: Page) => page.evaluate(() => (window as unknown as { counted: { frames: number; timers: number } }).counted);

/** Whether a frame is asked for within half a second of the page's own time. */
async function draws(page: Page): Promise<boolean> {
  const { frames } = await counted(page);
  await page.evaluate(() => new Promise((done) => setTimeout(done, 500)));
  return (await counted(page)).frames > frames;
}

test("an element that nobody calls with asks for nothing, and rests; a sign of a person wakes it", async () => {
  const page = await chromium.page();
  await page.addInitScript(count);
  const requests: string[] = [];
  page.on("request", (request) => requests.push(new URL(request.url()).pathname));
  await page.goto(`${site.url}/host`);
  await page.getByRole("button", { name: "Start call" }).waitFor();
  await until("the orb breathes", () => draws(page));
  await until("it rests", async () => !(await draws(page)));
  assert.deepEqual(requests, ["/host", "/sidetone-call.js"]);
  assert.equal((await counted(page)).timers, 0);
  await page.mouse.move(300, 200);
  await page.mouse.move(310, 210);
  await until("it wakes", () => draws(page));
  await page.context().close();
});

test("what is out of sight is not drawn, also in a call, and is drawn when it is back", async () => {
  const page = await chromium.page();
  await page.addInitScript(count);
  await page.goto(`${site.url}/host`);
  const rooms = site.rooms();
  const agent = new Agent();
  try {
    await page.getByRole("button", { name: "Start call" }).click();
    const room = await until("a room", () => rooms[0]);
    await agent.join(livekit, room);
    await agent.do("state", { state: "listening" });
    await page.locator(".state", { hasText: "Listening" }).waitFor();
    await until("it is drawn", () => draws(page));
    await page.evaluate(() => scrollTo(0, 2_000));
    await until("it is not drawn", async () => !(await draws(page)));
    await page.evaluate(() => scrollTo(0, 0));
    await until("it is drawn", () => draws(page));
  } finally {
    await agent.stop();
    await page.context().close();
  }
});

test("an address that makes no sense shows what does", async () => {
  const page = await chromium.page();
  const wrong = "/admin/calls?offset=-5&status=nonsense&callType=x&from=2026-13-45&to=yesterday";
  const before = asked.length;
  await page.goto(site.url + wrong);
  await page.getByText("1–1 of 1").waitFor();
  const history = asked.slice(before).find((url) => url.startsWith("/api/voice/history?"))!;
  assert.deepEqual([...new URL(history, site.url).searchParams.keys()].sort(), ["allUsers", "includeStats", "limit", "offset"]);
  assert.equal(new URL(history, site.url).searchParams.get("offset"), "0");
  assert.equal(await page.getByRole("alert").isVisible(), false);
  await page.context().close();
});
