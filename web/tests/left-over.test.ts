/** What twenty calls leave behind on their page: nothing. Counted at the browser's own doors, not by weight. */

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
});

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await livekit?.stop();
});

/** Runs before the page's own scripts: counts what they open and what they close. */
function count(): void {
  const open: Record<string, number> = {};
  const add = (what: string, by: number) => (open[what] = (open[what] ?? 0) + by);
  (window as unknown as { open_: object }).open_ = open;

  // Listeners on what outlives a call.
  const places = () => new Map<EventTarget, string>([
    [window, "window"], [document, "document"], [document.body, "body"], [document.documentElement, "root"],
    [navigator.mediaDevices, "mediaDevices"], [screen.orientation, "orientation"],
  ]);
  const known = new WeakMap<EventTarget, Set<string>>();
  const ids = new WeakMap<object, number>();
  let last = 0;
  const id = (listener: object) => ids.get(listener) ?? (ids.set(listener, (last += 1)), last);
  const key = (type: string, listener: object, options: unknown) => {
    const capture = typeof options === "object" ? (options as AddEventListenerOptions | null)?.capture : options;
    return `${type} ${Boolean(capture)} ${id(listener)}`;
  };
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const gone = (place: EventTarget, type: string, of: string) => {
    if (known.get(place)?.delete(of)) add(`${places().get(place)} ${type}`, -1);
  };
  EventTarget.prototype.addEventListener = function (type: string, listener: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean) {
    const place = this ?? window;
    const name = places().get(place);
    if (listener && name) {
      const of = key(type, listener, options);
      const all = known.get(place) ?? new Set();
      known.set(place, all);
      const more = typeof options === "object" ? options : {};
      if (!all.has(of) && !more.signal?.aborted) {
        all.add(of);
        add(`${name} ${type}`, 1);
        more.signal?.addEventListener("abort", () => gone(place, type, of));
        if (more.once) addEventListener.call(place, type, () => gone(place, type, of), { once: true });
      }
    }
    addEventListener.call(place, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type: string, listener: EventListenerOrEventListenerObject | null, options?: EventListenerOptions | boolean) {
    const place = this ?? window;
    if (listener) gone(place, type, key(type, listener, options));
    removeEventListener.call(place, type, listener, options);
  };

  // What holds threads, sockets and devices.
  const made = <T extends object>(name: string, ends: (one: T, ended: () => void) => void) => {
    const scope = window as unknown as Record<string, new (...all: unknown[]) => T>;
    const Real = scope[name]!;
    scope[name] = new Proxy(Real, {
      construct(target, all, as) {
        const one = Reflect.construct(target, all, as) as T;
        let over = false;
        add(name, 1);
        ends(one, () => {
          if (!over) add(name, -1);
          over = true;
        });
        return one;
      },
    });
  };
  const closes = (one: object, ended: () => void) => {
    const { close } = one as { close(): unknown };
    (one as { close(): unknown }).close = function () {
      ended();
      return close.call(one);
    };
  };
  made<AudioContext>("AudioContext", closes);
  made<RTCPeerConnection>("RTCPeerConnection", closes);
  made<WebSocket>("WebSocket", (socket, ended) => addEventListener.call(socket, "close", ended));
  const track = (one: MediaStreamTrack) => {
    add("track", 1);
    const { stop } = one;
    let over = false;
    one.stop = () => {
      if (!over) add("track", -1);
      over = true;
      stop.call(one);
    };
    return one;
  };
  const { getUserMedia } = navigator.mediaDevices;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await getUserMedia.call(navigator.mediaDevices, wanted);
    stream.getTracks().forEach(track);
    return stream;
  };
  const { clone } = MediaStreamTrack.prototype;
  MediaStreamTrack.prototype.clone = function () {
    return track(clone.call(this));
  };

  const { setInterval, clearInterval } = window;
  const ticking = new Map<unknown, string>();
  window.setInterval = ((...all: Parameters<typeof setInterval>) => {
    const timer = setInterval(...all);
    // Named by its period, which tells whose it is.
    ticking.set(timer, `interval of ${all[1]} ms`);
    add(ticking.get(timer)!, 1);
    return timer;
  }) as typeof window.setInterval;
  window.clearInterval = ((timer: number) => {
    const name = ticking.get(timer);
    if (name && ticking.delete(timer)) add(name, -1);
    clearInterval(timer);
  }) as typeof window.clearInterval;
}

/** What is open now, with the elements of the page and of the call's shadow root. */
async function open(page: Page): Promise<Record<string, number>> {
  return page.evaluate(() => {
    const counted = Object.entries((window as unknown as { open_: Record<string, number> }).open_).filter(([, n]) => n !== 0);
    const root = document.querySelector("sidetone-call")!.shadowRoot!;
    return { ...Object.fromEntries(counted), elements: document.querySelectorAll("*").length, inside: root.querySelectorAll("*").length };
  });
}

/** What nothing needs between calls. */
function needless(all: Record<string, number>): string[] {
  return Object.keys(all).filter((what) => /^(AudioContext|RTC|WebSocket|track|interval|mediaDevices)/.test(what));
}

test("twenty calls, each way to end one, leave nothing behind", async () => {
  const page = await chromium.page();
  await page.addInitScript(count);
  await page.goto(`${site.url}/host`);
  const agent = new Agent();
  const { answer } = site;
  let [room, last] = ["", ""];
  site.answer = (request) => {
    const admitted = site.admit(request);
    room = (admitted.body as { roomName: string }).roomName;
    return admitted;
  };
  const call = () => page.evaluate(() => void document.querySelector("sidetone-call")!.start());
  const phase = (is: string) => until(`the call is ${is}`, () =>
    page.evaluate((wanted) => document.querySelector("sidetone-call")!.snapshot!.phase.is === wanted, is)).catch(async (error: unknown) => {
    const { phase: now, transcript } = (await page.evaluate(() => document.querySelector("sidetone-call")!.snapshot))!;
    throw new Error(JSON.stringify({ now, transcript, agent: agent.reports.filter((r) => r.event !== "level").slice(-12) }), { cause: error });
  });
  const hangUp = () => page.evaluate(() => document.querySelector("sidetone-call")!.hangUp());

  const whole = async () => {
    room = "";
    await call();
    await until("a room", () => room);
    await agent.join(livekit, room);
    await agent.do("state", { state: "listening" });
    await phase("live");
    await page.evaluate(() => document.querySelector("sidetone-call")!.sendText("Hello"));
  };
  const ways: (() => Promise<void>)[] = [
    async () => {
      await whole();
      await hangUp();
      await phase("ended");
      await agent.do("leave");
    },
    async () => {
      await whole();
      await livekit.deleteRoom(room);
      await phase("ended");
      await agent.do("leave");
    },
    // Given up before it has begun.
    async () => {
      await call();
      await hangUp();
      await phase("ended");
    },
    async () => {
      room = "";
      await call();
      await until("a room", () => room);
      await hangUp();
      await phase("ended");
    },
    // Refused.
    async () => {
      const { answer: good } = site;
      site.answer = () => ({ status: 503, body: {} });
      await call();
      await phase("failed");
      site.answer = good;
    },
  ];
  try {
    // What is made once stays: the first calls are not counted.
    for (const way of ways) await way();
    const settled = async () => {
      let before = "";
      return until("nothing closes any more", async () => {
        const now = JSON.stringify(await open(page));
        const same = now === before ? now : undefined;
        before = now;
        await new Promise((done) => setTimeout(done, 1_000));
        return same;
      });
    };
    const first = JSON.parse(await settled()) as Record<string, number>;
    for (let n = 0; n < 20; n += 1) await ways[n % ways.length]!();
    await until(`as little is open as after the first calls: ${JSON.stringify(first)}`, async () => {
      const now = await open(page);
      // A panel may say a word more than after the first calls; what each call left would be twenty.
      const spare = (what: string) => (what === "inside" ? 19 : 0);
      const more = Object.entries(now).filter(([what, n]) => n > (first[what] ?? 0) + spare(what));
      if (more.length > 0) last = JSON.stringify(more);
      return more.length === 0;
    }, 30_000).catch((error: unknown) => {
      throw new Error(`left open: ${last}`, { cause: error });
    });
    assert.deepEqual(needless(first), [], "nothing of it is needed between calls");
  } finally {
    site.answer = answer;
    await agent.stop();
    await page.context().close();
  }
});


test("elements that come and go, also in mid-call, leave nothing behind", async () => {
  const page = await chromium.page();
  await page.addInitScript(count);
  await page.goto(`${site.url}/host`);
  const rooms = site.rooms();
  const comeAndGo = async (calls: boolean) => {
    const before = rooms.length;
    await page.evaluate((calls) => {
      const call = document.createElement("sidetone-call");
      call.id = "guest";
      call.toggleAttribute("inline", true);
      document.body.append(call);
      if (calls) void call.start();
    }, calls);
    if (calls) await until("a room", () => rooms.length > before);
    await page.evaluate(() => document.getElementById("guest")!.remove());
  };
  const now = async () => {
    await page.evaluate(() => new Promise((done) => setTimeout(done, 500)));
    return open(page);
  };
  await comeAndGo(true);
  const first = await now();
  for (let n = 0; n < 12; n += 1) await comeAndGo(n % 2 === 0);
  let last = "";
  await until("as little is open as after the first", async () => {
    const all = await now();
    const more = Object.entries(all).filter(([what, n]) => n > (first[what] ?? 0));
    last = JSON.stringify([more, needless(all)]);
    return more.length === 0 && needless(all).length === 0;
  }, 30_000).catch((error: unknown) => {
    throw new Error(`left open: ${last}`, { cause: error });
  });
  await page.context().close();
});
