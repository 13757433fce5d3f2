/** Every failure is told in words, and has a way on. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Agent, Chromium, LiveKit, Site, until } from "./harness.js";

let livekit: LiveKit;
let site: Site;
/** Another origin: what is in a frame of its pages needs its leave. */
let other: Site;
let chromium: Chromium;

before(async () => {
  livekit = await LiveKit.start();
  [site, other, chromium] = await Promise.all([Site.start(livekit), Site.start(livekit), Chromium.launch()]);
  site.page("/host", "<sidetone-call></sidetone-call>");
  site.page("/forbidden", "<sidetone-call></sidetone-call>", { "permissions-policy": "microphone=()" });
  for (const [path, allow] of [["/frame", ""], ["/frame-allowed", 'allow="microphone"']] as const) {
    other.routes.set(path, (_request, response) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-security-policy": "" });
      response.end(`<!doctype html><html lang="en"><title>Frame</title><iframe src="${site.url}/host" ${allow} width="500" height="700"></iframe>`);
    });
  }
  site.routes.set("/host", framed(site.routes.get("/host")!));
});

/** The site's pages may be in frames of others. */
function framed(serve: NonNullable<ReturnType<Site["routes"]["get"]>>): typeof serve {
  return (request, response) => {
    response.removeHeader("content-security-policy");
    serve(request, response);
  };
}

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await other?.stop();
  await livekit?.stop();
});

async function host(path = "/host", options: Parameters<Chromium["page"]>[0] = {}): Promise<Page> {
  const page = await chromium.page(options);
  await page.goto(`${site.url}${path}`);
  return page;
}

const begin = (page: Page) => page.evaluate(() => void document.querySelector("sidetone-call")!.start());
const phase = (page: Page) => page.evaluate(() => document.querySelector("sidetone-call")!.snapshot!.phase.is);

/** The way on, clicked, leads to where a call can be begun, and it begins. */
async function goesOn(page: Page): Promise<void> {
  const rooms = site.rooms();
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("button", { name: "Start call" }).click();
  await until("another call is asked for", () => rooms.length > 0);
  await page.evaluate(() => document.querySelector("sidetone-call")!.hangUp());
}

test("what cannot be tried again leads back to the beginning", async () => {
  for (const status of [400, 403, 404, 422]) {
    const page = await host();
    site.answer = () => ({ status, body: { detail: "because" } });
    await begin(page);
    await page.getByRole("alert").getByText("because").waitFor();
    await goesOn(page);
    await page.context().close();
  }
  // Somebody else's tab has the call.
  const page = await host();
  const rooms = site.rooms();
  let token = "";
  const { answer } = site;
  site.answer = async (request) => {
    const admitted = await answer(request);
    token = (admitted.body as { token: string }).token;
    return admitted;
  };
  await begin(page);
  await until("the caller is in the room", async () => rooms[0] && (await livekit.people(rooms[0])).length === 1);
  const second = await host();
  await second.evaluate(({ token, host }) => {
    const call = document.querySelector("sidetone-call")!;
    call.tokenProvider = async () => ({ livekitHost: host, token });
    void call.start();
  }, { token, host: livekit.url });
  await page.getByText("This call goes on in another window.").waitFor();
  await goesOn(page);
  await page.context().close();
  await second.context().close();
});

test("a slow start is spoken of, and its end is told as what it was", async () => {
  const page = await host();
  await page.clock.install();
  site.answer = () => new Promise(() => undefined);
  await begin(page);
  await page.locator(".state", { hasText: "Connecting" }).waitFor();
  await until("the endpoint is asked", () => site.asked.length > 0);
  await page.clock.runFor(5_000);
  await page.getByText("This takes longer than usual. You can wait, or hang up.").waitFor();
  await page.getByRole("button", { name: "Hang up" }).waitFor();
  // The deadline of a request is the browser's own clock's.
  await page.getByText("The service did not answer in time. Try again in a moment.").waitFor();
  const rooms = site.rooms();
  await page.getByRole("button", { name: "Try again" }).click();
  await until("it is asked again", () => rooms.length > 0);
  // The host page's own way to a token has the same deadline.
  await page.evaluate(() => {
    const call = document.querySelector("sidetone-call")!;
    call.hangUp();
    call.tokenProvider = () => new Promise(() => undefined);
    void call.start();
  });
  await page.locator(".state", { hasText: "Connecting" }).waitFor();
  await until("its deadline passes", async () => {
    await page.clock.runFor(2_000);
    return (await phase(page)) === "failed";
  });
  await page.getByText("The service did not answer in time.").waitFor();
  // And answers that are none are told as such.
  await page.evaluate(() => {
    const call = document.querySelector("sidetone-call")!;
    call.tokenProvider = async () => ({ server: "wss://x" }) as never;
    void call.start();
  });
  await page.getByText("tokenProvider answered without a token").waitFor();
  await page.context().close();
});

test("a long wait until another try is a time, not thousands of seconds", async () => {
  const page = await host();
  site.answer = () => ({ status: 429, body: {}, headers: { "retry-after": "900" } });
  await begin(page);
  await page.getByRole("button", { name: /Try again in 1[45]:\d\d/ }).waitFor();
  await page.context().close();
});

test("each refusal of the microphone says whose it is, and typing goes on", async () => {
  const asked = site.asked.length;
  const pages: [string, Page, { getByText(text: string): { waitFor(): Promise<void> } }][] = [];
  const top = await host("/forbidden");
  pages.push(["This site does not let its pages use the microphone.", top, top]);
  const outer = await chromium.page();
  await outer.goto(`${other.url}/frame`);
  const frame = outer.frameLocator("iframe");
  pages.push(["The page around this one does not let it use the microphone. Open it in a window of its own.", outer, frame]);
  const refused = await host("/host", { microphone: false });
  pages.push(["Choose the icon beside the address", refused, refused]);
  for (const [words, page, place] of pages) {
    const inner = page.frames().at(-1)!;
    await inner.waitForFunction(() => customElements.get("sidetone-call"));
    await inner.evaluate(() => void document.querySelector("sidetone-call")!.start());
    await place.getByText(words).waitFor();
    const buttons = inner.getByRole("button", { name: "Type instead" });
    await buttons.waitFor();
    const link = inner.getByRole("link", { name: "Open in a window of its own" });
    if (words.startsWith("The page around")) {
      assert.equal(await link.getAttribute("href"), `${site.url}/host`);
      assert.equal(await inner.getByText("icon beside the address").isVisible(), false);
    } else {
      assert.equal(await link.isVisible(), false);
    }
    assert.equal(site.asked.length, asked, "nothing was spent");
  }
  // It can be typed in the frame.
  const rooms = site.rooms();
  const inner = outer.frames().at(-1)!;
  await inner.getByRole("button", { name: "Type instead" }).click();
  await until("a room", () => rooms[0]);
  for (const [, page] of pages) await page.context().close();
});

test("browsers that tell more of a refusal are listened to", async () => {
  const page = await host();
  for (const [message, words] of [
    ["Permission dismissed", "The question about the microphone was closed."],
    ["Permission denied by system", "Your system does not let the browser use the microphone."],
    ["Permission denied", "Choose the icon beside the address"],
  ] as const) {
    await page.evaluate((message) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException(message, "NotAllowedError"));
      void document.querySelector("sidetone-call")!.start();
    }, message);
    await page.getByText(words).waitFor();
    await page.getByRole("button", { name: "Try again" }).waitFor();
  }
  // What is no browser for calls at all.
  await page.evaluate(() => {
    delete (window as Partial<typeof globalThis>).RTCPeerConnection;
    void document.querySelector("sidetone-call")!.start();
  });
  await page.getByText("This browser cannot make calls.").waitFor();
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("button", { name: "Start call" }).waitFor();
  await page.context().close();
});

test("what the service says of a call without an agent is shown in words", async () => {
  const notices = [
    [{ code: "no-agent", reason: "x" }, "Nobody could take your call right now."],
    [{ code: "agent-failed", reason: "x" }, "The assistant could not take your call."],
    [{ code: "no-media", reason: "x" }, "The assistant’s sound does not reach this call."],
    [{ code: "too-many-calls", reason: "x" }, "You have too many calls at once."],
    // Of a service that is older or newer than this script.
    [{ reason: "The shop is closed today." }, "The shop is closed today."],
    [{ code: "__proto__", reason: 7 }, "Nobody could take your call right now."],
  ] as const;
  for (const [why, words] of notices) {
    const page = await host();
    const rooms = site.rooms();
    await begin(page);
    const room = await until("the caller is in the room", async () => {
      const step = await page.evaluate(() => document.querySelector("sidetone-call")!.snapshot!.phase);
      return step.is === "starting" && step.step === "agent" ? rooms[0] : undefined;
    });
    await until("it is told", async () => {
      // A client takes no data just after its joining.
      await livekit.tell(room, "sidetone.call", { type: "call.failed", ...why });
      return (await phase(page)) === "failed";
    });
    await page.getByRole("alert").getByText(words).waitFor();
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await page.context().close();
  }
});

test("sound that does not reach the call is spoken of while another agent is asked for, and at the end", async () => {
  const page = await host();
  const rooms = site.rooms();
  const joined = async () => until("the caller is in the room", async () => {
    const step = await page.evaluate(() => document.querySelector("sidetone-call")!.snapshot!.phase);
    return step.is === "starting" && step.step === "agent" ? rooms.at(-1) : undefined;
  });
  await begin(page);
  const words = "The assistant’s sound does not reach this call.";
  let room = await joined();
  const waits = () => until("it is told", async () => {
    await livekit.tell(room, "sidetone.call", { type: "call.waiting", code: "no-media", reason: "x" });
    return page.locator(".banner").getByText(words).isVisible();
  });
  await waits();
  assert.equal(await phase(page), "starting");
  await livekit.tell(room, "sidetone.call", { type: "call.failed", code: "no-agent", reason: "x" });
  await page.getByRole("alert").getByText(words).waitFor();

  // One that gets through makes up for it.
  await page.getByRole("button", { name: "Try again" }).click();
  await until("another room", () => rooms.length === 2);
  room = await joined();
  await waits();
  const agent = new Agent();
  try {
    await agent.join(livekit, room);
    await agent.do("state", { state: "listening" });
    await page.locator(".state", { hasText: "Listening" }).waitFor();
    assert.equal(await page.getByText(words).isVisible(), false);
  } finally {
    await agent.stop();
  }
  await page.context().close();
});

test("a microphone that is lost in mid-call is spoken of, and is back by a click", async () => {
  const page = await host();
  const rooms = site.rooms();
  await page.evaluate(() => {
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    Object.assign(window, { open });
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      const opened = await open(wanted);
      Object.assign(window, { opened });
      return opened;
    };
    document.querySelector("sidetone-call")!.audioCapture = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  });
  const muted = () => page.evaluate(() => document.querySelector("sidetone-call")!.snapshot!.muted);
  const level = () => page.evaluate(() => document.querySelector("sidetone-call")!.levels.caller);
  await begin(page);
  const agent = new Agent();
  try {
    await agent.join(livekit, await until("a room", () => rooms[0]));
    await agent.do("state", { state: "listening" });
    await page.locator(".state", { hasText: "Listening" }).waitFor();
    await until("the caller is heard", async () => (await level()) > 0.3);
    // It is unplugged, and there is no other.
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("gone", "NotFoundError"));
      for (const track of (window as unknown as { opened: MediaStream }).opened.getTracks()) {
        track.stop();
        track.dispatchEvent(new Event("ended"));
      }
    });
    const gone = page.getByText("Your microphone is gone. Unmute to try again");
    await gone.waitFor();
    assert.equal(await muted(), true);
    const mute = page.getByRole("button", { name: "Mute microphone" });
    await mute.click();
    await gone.waitFor();
    assert.equal(await muted(), true);
    // It is plugged in again.
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = (window as unknown as { open: MediaDevices["getUserMedia"] }).open;
    });
    await mute.click();
    await gone.waitFor({ state: "hidden" });
    assert.equal(await muted(), false);
    await until("the caller is heard again", async () => (await level()) > 0.3);
  } finally {
    await agent.stop();
  }
  await page.context().close();
});
