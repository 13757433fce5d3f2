/** Small windows, and zoomed ones, which are small: the conversation can be read and everything reached. */

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
  site.page("/host", "<sidetone-call></sidetone-call>");
  site.page("/host-de", '<sidetone-call lang="de"></sidetone-call>');
});

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await livekit?.stop();
});

/** 1280×800 at 200% and 400%, WCAG's 320×256, a telephone upright and on its side, and what lies between. */
const SIZES = [[640, 400], [320, 256], [320, 200], [844, 390], [390, 500], [360, 640], [500, 340], [1280, 400]] as const;

/** What of the controls that are shown is not wholly inside the window, or under another one. */
function outOfReach(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const root = document.querySelector("sidetone-call")!.shadowRoot!;
    const bad: string[] = [];
    for (const one of root.querySelectorAll<HTMLElement>("button, input, a, select")) {
      if (!one.checkVisibility()) continue;
      // What is in a list of its own scrolls into reach.
      one.scrollIntoView({ block: "nearest" });
      const box = one.getBoundingClientRect();
      const name = one.getAttribute("aria-label") ?? one.textContent ?? one.localName;
      if (box.left < -0.5 || box.top < -0.5 || box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5) bad.push(`${name} at ${JSON.stringify(box)}`);
      if (box.width < 24 || box.height < 24) bad.push(`${name} is ${box.width}×${box.height}`);
      const on = root.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      if (!one.disabled && on !== one && !one.contains(on)) bad.push(`${name} is under ${on?.outerHTML.slice(0, 80)}`);
    }
    return bad;
  });
}

/** Waits until everything is within reach: a window that was made smaller is laid out anew in its own time. */
async function reached(page: Page, when: string): Promise<void> {
  let bad: string[] = [];
  await until("everything is within reach", async () => (bad = await outOfReach(page)).length === 0, 15_000).catch((error: unknown) => {
    throw new Error(`${when}: ${bad.join("; ")}`, { cause: error });
  });
}

declare global {
  interface HTMLElement {
    disabled?: boolean;
  }
}

test("a call can be read and held in each window", async () => {
  const agent = new Agent();
  const rooms = site.rooms();
  const page = await chromium.page({ still: true });
  await page.goto(`${site.url}/host`);
  try {
    await page.getByRole("button", { name: "Talk to us" }).click();
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      await reached(page, `before a call, at ${width}×${height}`);
    }
    await page.getByRole("button", { name: "Start call" }).click();
    const room = await until("a room", () => rooms[0]);
    await agent.join(livekit, room);
    await agent.do("state", { state: "listening" });
    // Whoever is not there yet misses what is said.
    await page.locator(".state", { hasText: "Listening" }).waitFor();
    await agent.do("open", { id: "SG_1" });
    const words = "We are open from nine to five, and on Saturdays from ten to two. ";
    await agent.do("write", { id: "SG_1", text: words.repeat(6) });
    await agent.do("close", { id: "SG_1" });
    await agent.do("open", { id: "SG_2" });
    await agent.do("write", { id: "SG_2", text: "Is there anything else?" });
    await agent.do("close", { id: "SG_2" });
    const log = page.getByRole("log", { name: "Conversation" });
    await log.getByText("Is there anything else?").waitFor();
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      const at = `at ${width}×${height}`;
      await reached(page, at);
      // As much as WCAG's smallest window leaves, and the newest words are in it.
      const box = await until(`the conversation is high enough ${at}`, async () => {
        const now = (await log.boundingBox())!;
        return now.height >= Math.min(height * 0.4, 240) ? now : undefined;
      });
      await until(`the newest words are in sight ${at}`, async () => {
        const last = (await log.getByText("Is there anything else?").boundingBox())!;
        return last.y >= box.y && last.y + last.height <= box.y + box.height + 1;
      });
      // Muted, which is said, and with the devices open.
      await page.getByRole("button", { name: "Mute microphone" }).click();
      await page.getByText("You are muted").waitFor();
      await until(`it can still be read, muted ${at}`, async () => (await log.boundingBox())!.height >= height * 0.22);
      await page.getByRole("button", { name: "Microphone and speaker" }).click();
      await reached(page, `with the devices ${at}`);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Mute microphone" }).click();
    }
  } finally {
    await agent.stop();
    await page.context().close();
  }
});

test("failures, with all that can be done about them, fit each window, in long words too", async () => {
  for (const path of ["/host", "/host-de"]) {
    const page = await chromium.page({ still: true });
    await page.goto(site.url + path);
    for (const [status, name] of [[403, "NotAllowedError"], [503, "NotAllowedError"], [200, "NotAllowedError"]] as const) {
      site.answer = () => ({ status, body: { detail: "The shop's telephone is being repaired. ".repeat(7) } });
      await page.evaluate((refused) => {
        if (refused) navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied", refused));
        void document.querySelector("sidetone-call")!.start();
      }, status === 200 ? name : "");
      await until("it fails", () => page.evaluate(() => document.querySelector("sidetone-call")!.snapshot!.phase.is === "failed"));
      for (const [width, height] of SIZES) {
        await page.setViewportSize({ width, height });
        await reached(page, `${path} ${status} at ${width}×${height}`);
        const words = (await page.locator("sidetone-call [role=alert] .problem").boundingBox())!;
        assert.ok(words.y >= 0 && words.y < height - 40, `the words are in sight at ${width}×${height}`);
      }
    }
    await page.context().close();
  }
});

test("no page is wider than its window", async () => {
  const page = await chromium.page({ viewport: { width: 320, height: 256 } });
  for (const path of ["/", "/admin/calls", "/admin/pool"]) {
    await page.goto(site.url + path);
    await page.waitForLoadState("networkidle");
    const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide! <= inner!, `${path}: ${wide} px`);
  }
  // The call on the page to try it fits the window, so that its words and its buttons are in sight together.
  await page.goto(site.url);
  const panel = (await page.locator("sidetone-call [part=panel]").boundingBox())!;
  assert.ok(panel.height <= 256, `${panel.height} px high`);
  await page.context().close();
});
