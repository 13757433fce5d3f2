/** An admin listens in on a live call, by a real livekit-server: hears it, and is neither seen nor heard there. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Agent, Chromium, LiveKit, mint, Site, until } from "./harness.js";

let livekit: LiveKit;
let site: Site;
let chromium: Chromium;
const CALL = "0191d3c0-0000-7000-8000-000000000001";
const ROOM = "support-listened";

before(async () => {
  livekit = await LiveKit.start();
  [site, chromium] = await Promise.all([Site.start(livekit), Chromium.launch()]);
  const json = (body: () => unknown) => (_request: unknown, response: import("node:http").ServerResponse) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(body()));
  };
  site.routes.set("/api/voice/session", json(() => ({ signedIn: true, name: "root" })));
  site.routes.set("/api/voice/live", (_request, response) => response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders());
  site.routes.set(`/api/voice/history/${CALL}`, json(() => ({
    id: CALL, roomName: ROOM, callerId: "u1", callType: "support", status: "connected", startedAt: "2026-01-31T12:00:00Z", connectedAt: "2026-01-31T12:00:01Z",
    endedAt: null, durationSeconds: null, createdAt: "2026-01-31T12:00:00Z", participants: [], turns: [], tools: [], errors: [], recordings: [],
  })));
  // As crates/control-plane/src/http/listen.rs makes it.
  site.routes.set(`/api/voice/calls/${CALL}/listen`, (request, response) => {
    assert.deepEqual([request.method, request.headers["x-sidetone-session"]], ["POST", "1"]);
    const video = { roomJoin: true, room: ROOM, canPublish: false, canPublishData: false, canSubscribe: true, hidden: true };
    json(() => ({ livekitHost: livekit.url, token: mint({ identity: "sidetone-listener-1", kind: "egress", video }) }))(request, response);
  });
});

after(async () => {
  await chromium?.stop();
  await site?.stop();
  await livekit?.stop();
});

test("an admin hears a live call, unseen, and its end", async () => {
  const agent = new Agent();
  await agent.join(livekit, ROOM);
  const page = await chromium.page();
  await page.goto(`${site.url}/admin/calls?call=${CALL}`);
  const button = page.getByRole("button", { name: "Listen", exact: true });
  await button.click();
  await page.getByText("You hear the call.").waitFor();
  await until("the agent's voice plays", () => page.evaluate(() => {
    const sound = document.querySelector<HTMLAudioElement>("body > audio");
    return sound !== null && !sound.paused && (sound.srcObject as MediaStream).getAudioTracks().length === 1;
  }));
  assert.deepEqual(agent.reports.filter(({ event }) => event === "caller"), [], "nobody in the room sees the listener");
  await page.getByRole("button", { name: "Stop listening" }).click();
  assert.equal(await page.locator("body > audio").count(), 0);
  // Again, until the call is over.
  await button.click();
  await page.getByText("You hear the call.").waitFor();
  await livekit.deleteRoom(ROOM);
  await page.getByText("The call is over.").waitFor();
  assert.equal(await page.locator("body > audio").count(), 0);
  await page.context().close();
  await agent.stop();
});
