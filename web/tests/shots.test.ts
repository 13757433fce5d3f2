/** Review pictures of the element and the pages, in review/. Run by `node tests/run.mjs shots`. */

import { test } from "node:test";
import { Agent, Chromium, LiveKit, Site, until } from "./harness.js";

test("pictures", { skip: !process.env["SIDETONE_REVIEW"] && "set SIDETONE_REVIEW=1 to take pictures" }, async () => {
  const livekit = await LiveKit.start();
  const [site, chromium] = await Promise.all([Site.start(livekit), Chromium.launch()]);
  const agent = new Agent();
  try {
    for (const theme of ["light", "dark"] as const) {
      const page = await chromium.page({ theme });
      await page.goto(`${site.url}/`);
      await page.getByRole("button", { name: "Start call" }).waitFor();
      await page.screenshot({ path: `review/try-${theme}.png` });
      let room = "";
      site.answer = async (request) => {
        const admitted = site.admit(request);
        room = (admitted.body as { roomName: string }).roomName;
        return admitted;
      };
      await page.getByRole("button", { name: "Start call" }).click();
      await until("a room", () => room);
      await page.screenshot({ path: `review/connecting-${theme}.png` });
      await agent.join(livekit, room);
      await agent.do("state", { state: "speaking" });
      await agent.do("tone", { hertz: 220, amplitude: 0.2 });
      const { identity } = await agent.hears((r) => r.event === "caller", agent.reports.findLastIndex((r) => r.event === "joined"));
      const say = async (id: string, text: string, close = true) => {
        await agent.do("open", { id });
        await agent.do("write", { id, text });
        if (close) await agent.do("close", { id });
      };
      await say("SG_1", "Hello, this is Harbour Kitchen. How can I help you?");
      await agent.do("heard", { id: "SG_2", text: "Hi, I would like a table for four on Friday at eight.", final: true, identity });
      await agent.do("text", { topic: "sidetone.turn", text: JSON.stringify({ endpointingMs: 310, sttMs: 120, llmFirstTokenMs: 240, ttsFirstByteMs: 150 }) });
      await say("SG_3", "Friday at eight works. Would you like to sit inside, or", false);
      await page.locator("sidetone-call").getByText("or", { exact: false }).last().waitFor();
      await page.evaluate(() => {
        // Turns as an agent with stage reports would give them over a longer call.
        const call = document.querySelector("sidetone-call")!;
        const turns = [820, 910, 760].map((heardMs, i) => ({ number: i + 1, heardMs, stages: { endpointingMs: 310 - i * 20, sttMs: 120, llmFirstTokenMs: 200 + i * 30, ttsFirstByteMs: 110 } }));
        Object.assign(call.snapshot!, { turns });
        call.dispatchEvent(new CustomEvent("sidetone-turn", { detail: turns[2]! }));
      });
      await until("the orb swells", () => page.evaluate(() => document.querySelector("sidetone-call")!.levels.agent > 0.5));
      await page.screenshot({ path: `review/call-${theme}.png` });
      await agent.do("tone", {});
      await page.getByRole("button", { name: "Microphone and speaker" }).click();
      await page.screenshot({ path: `review/devices-${theme}.png` });
      await page.getByRole("button", { name: "Hang up" }).click();
      await agent.do("leave");
      await page.context().close();
    }
  } finally {
    await agent.stop();
    await chromium.stop();
    await site.stop();
    await livekit.stop();
  }
});
