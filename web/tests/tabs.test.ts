/** One call is one element's: reloads, duplicated tabs, several elements of a page. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Agent, Chromium, LiveKit, Site, until } from "./harness.js";

let livekit: LiveKit;
let site: Site;
let chromium: Chromium;

before(async () => {
  livekit = await LiveKit.start();
  [site, chromium] = await Promise.all([Site.start(livekit), Chromium.launch()]);
  site.page("/one", "<sidetone-call></sidetone-call>");
  site.page("/two", "<sidetone-call></sidetone-call><sidetone-call></sidetone-call>");
  site.page("/agents", '<sidetone-call agent="support"></sidetone-call><sidetone-call agent="receptionist"></sidetone-call>');
  // As a framework does it: the element first, what it is to be after that.
  site.page("/late", '<sidetone-call></sidetone-call><script src="/late.js" defer></script>');
  site.routes.set("/late.js", (_request, response) => {
    response.writeHead(200, { "content-type": "text/javascript" });
    response.end('setTimeout(() => document.querySelector("sidetone-call").setAttribute("agent", "receptionist"))');
  });
  const script = (path: string, code: string) => site.routes.set(path, (_request, response) => {
    response.writeHead(200, { "content-type": "text/javascript" });
    response.end(code);
  });
  site.page("/cards", '<shop-card></shop-card><shop-card></shop-card><script src="/cards.js" defer></script>');
  script("/cards.js", `customElements.define("shop-card", class extends HTMLElement {
    connectedCallback() { this.attachShadow({ mode: "open" }).append(document.createElement("sidetone-call")); }
  });`);
  for (const [path, body] of [
    ["/framed", '<script src="/sidetone-call.js" defer></script><sidetone-call></sidetone-call>'],
    ["/frames", '<iframe src="/framed" width="500" height="700"></iframe><iframe src="/framed" width="500" height="700"></iframe>'],
  ] as const) {
    site.routes.set(path, (_request, response) => {
      // The site's own policy lets no page be in a frame.
      response.removeHeader("content-security-policy");
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      response.end(`<!doctype html><html lang="en"><title>Host</title>${body}`);
    });
  }
});

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await livekit?.stop();
});

/** The phase of each element. */
function phases(page: Page): Promise<string[]> {
  return page.evaluate(() => [...document.querySelectorAll("sidetone-call")].map((call) => call.snapshot?.phase.is ?? "none"));
}

async function are(page: Page, wanted: string[]): Promise<void> {
  let now: string[] = [];
  await until(`the elements are ${wanted}`, async () => String((now = await phases(page))) === String(wanted)).catch((error: unknown) => {
    throw new Error(`they are ${now}`, { cause: error });
  });
}

/** Element `n` of the page is in a call with an agent that listens. */
async function inCall(page: Page, n: number, run: (room: string, agent: Agent) => Promise<void>): Promise<void> {
  const rooms = site.rooms();
  const agent = new Agent();
  try {
    await page.evaluate((n) => void document.querySelectorAll("sidetone-call")[n]!.start(), n);
    const room = await until("a room", () => rooms[0]);
    await agent.join(livekit, room);
    await agent.do("state", { state: "listening" });
    await until("it is live", async () => (await phases(page))[n] === "live");
    await run(room, agent);
    assert.equal(rooms.length, 1, "no other call was asked for");
  } finally {
    await agent.stop();
    await page.context().close();
  }
}

const stored = (page: Page) => page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith("sidetone-call")));

test("of two elements the one that was in the call is again, after each reload", async () => {
  for (const path of ["/two", "/agents"]) {
    const page = await chromium.page();
    await page.goto(site.url + path);
    await inCall(page, 1, async (room) => {
      for (let reload = 0; reload < 2; reload += 1) {
        await page.reload();
        await are(page, ["idle", "live"]);
        assert.deepEqual(await stored(page), [], "the call is taken, not read");
      }
      assert.equal((await livekit.people(room)).filter((identity) => identity.startsWith("caller-")).length, 1);
    });
  }
});

test("a duplicated tab is no second caller, whenever it was duplicated", async () => {
  const page = await chromium.page();
  await page.goto(`${site.url}/one`);
  await inCall(page, 0, async (_room, agent) => {
    // A tab that this one opens has a copy of its storage, as a duplicate has.
    const duplicate = async () => {
      const [copy] = await Promise.all([page.context().waitForEvent("page"), page.evaluate(() => void window.open("/one", "_blank"))]);
      await are(copy, ["idle"]);
      await copy.getByRole("button", { name: "Talk to us" }).waitFor();
      return copy;
    };
    await duplicate();
    await page.reload();
    await are(page, ["live"]);
    const copy = await duplicate();
    // Nor does the copy's own reload take the call.
    await copy.reload();
    await are(copy, ["idle"]);
    await are(page, ["live"]);
    await page.evaluate(() => document.querySelector("sidetone-call")!.sendText("Still here"));
    await agent.hears((r) => r.event === "chat" && r["text"] === "Still here");
  });
});

test("an element that learns its agent late finds the call of that agent", async () => {
  const page = await chromium.page();
  await page.goto(`${site.url}/late`);
  await inCall(page, 0, async () => {
    assert.equal(site.asked.at(-1)!.body["agent"], "receptionist");
    await page.reload();
    await are(page, ["live"]);
  });
});

test("a call that waits for a click outlives another reload, and a hang-up forgets it", async () => {
  const page = await chromium.page();
  await page.goto(`${site.url}/one`);
  await inCall(page, 0, async () => {
    // From now on the browser asks before it gives the microphone.
    await page.context().clearPermissions();
    for (let reload = 0; reload < 2; reload += 1) {
      await page.reload();
      await page.getByText("Your call is still running.").waitFor();
    }
    await page.context().grantPermissions(["microphone"]);
    await page.locator("sidetone-call").getByRole("button", { name: "Return to the call" }).click();
    await are(page, ["live"]);
    await page.getByRole("button", { name: "Hang up" }).click();
    await page.reload();
    await are(page, ["idle"]);
  });
});

test("of two elements in shadow roots, or in frames, each has its own call", async () => {
  const deep = (page: Page) => Promise.all(page.frames().map((frame) => frame.evaluate(() => {
    const hosts = [...document.querySelectorAll("shop-card")].map((card) => card.shadowRoot!.querySelector("sidetone-call"));
    return [...hosts, ...document.querySelectorAll("sidetone-call")].map((call) => call?.snapshot?.phase.is ?? "none");
  }).catch(() => ["none"])));
  const are = (page: Page, wanted: string[]) =>
    until(`the elements are ${wanted}`, async () => String((await deep(page)).flat()) === String(wanted));
  for (const path of ["/cards", "/frames"]) {
    const page = await chromium.page();
    const rooms = site.rooms();
    const agent = new Agent();
    try {
      await page.goto(site.url + path);
      await are(page, ["idle", "idle"]);
      const frame = page.frames()[path === "/frames" ? 2 : 0]!;
      await frame.evaluate(() => {
        const card = [...document.querySelectorAll("shop-card")].at(-1);
        void (card?.shadowRoot ?? document).querySelector("sidetone-call")!.start();
      });
      const room = await until("a room", () => rooms[0]);
      await agent.join(livekit, room);
      await agent.do("state", { state: "listening" });
      await are(page, ["idle", "live"]);
      await page.reload();
      await are(page, ["idle", "live"]);
      assert.equal(rooms.length, 1);
    } finally {
      await agent.stop();
      await page.context().close();
    }
  }
});
