/** The parts that know no browser. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { clock } from "../src/call/dom.js";
import { FRAME_SECONDS, LatencyMeter, dbfs } from "../src/call/latency.js";
import { readNotice } from "../src/call/notice.js";
import { next, type Phase, type PhaseEvent } from "../src/call/phase.js";
import { direction, spokenLanguage, stringsFor } from "../src/call/strings.js";
import { readToken, secondsToWait, tokenExpiry } from "../src/call/token.js";
import { MAX_LINES, put, settle, type Line, type Transcript } from "../src/call/transcript.js";
import { addTurn, readStages, type Turn } from "../src/call/turns.js";
import { instant, readAddress } from "../src/pages/address.js";
import { ceiling, line as path } from "../src/pages/charts.js";
import { inUse, providers, versions } from "../src/pages/pool-figures.js";
import { steps } from "../src/pages/waterfall.js";

const START: PhaseEvent = { type: "start", step: "microphone" };

function run(...events: PhaseEvent[]): Phase {
  return events.reduce<Phase>(next, { is: "idle" });
}

test("a call passes through its phases", () => {
  assert.deepEqual(run(START), { is: "starting", step: "microphone" });
  assert.deepEqual(run(START, { type: "step", step: "agent" }), { is: "starting", step: "agent" });
  const live = [START, { type: "agent", state: "listening" }] as PhaseEvent[];
  assert.deepEqual(run(...live), { is: "live", agent: "listening" });
  // A late step of joining does not take a live call back.
  assert.deepEqual(run(...live, { type: "step", step: "agent" }), { is: "live", agent: "listening" });
  assert.deepEqual(run(...live, { type: "agent-gone", hungUp: true }), { is: "ended", by: "agent" });
  assert.deepEqual(run(...live, { type: "agent-gone", hungUp: false }), { is: "starting", step: "agent" });
  assert.deepEqual(run(...live, { type: "hang-up" }), { is: "ended", by: "caller" });
});

test("what happens while the link is lost is there when it is back", () => {
  const lost = [START, { type: "agent", state: "listening" }, { type: "link-lost" }] as PhaseEvent[];
  assert.equal(run(...lost).is, "reconnecting");
  assert.deepEqual(run(...lost, { type: "link-lost" }), run(...lost));
  assert.deepEqual(run(...lost, { type: "agent", state: "thinking" }, { type: "link-back" }), { is: "live", agent: "thinking" });
  assert.deepEqual(run(...lost, { type: "hang-up" }), { is: "ended", by: "caller" });
});

test("a call that is over hears nothing more, until it is started again", () => {
  const over = run(START, { type: "hang-up" });
  for (const event of [
    { type: "agent", state: "speaking" }, { type: "link-lost" }, { type: "link-back" }, { type: "step", step: "room" },
    { type: "agent-gone", hungUp: false }, { type: "fail", problem: { code: "no-agent", retry: true } },
  ] as PhaseEvent[]) {
    assert.equal(next(over, event), over);
  }
  assert.deepEqual(next(over, START), { is: "starting", step: "microphone" });
});

const line = (fields: Partial<Line>): Line => ({ id: "1", who: "caller", text: "x", final: false, typed: false, ...fields });
const texts = (t: Transcript) => t.map((l) => l.text);

test("interims replace each other; a late one does not undo the final one", () => {
  let t = put([], line({ text: "I" }));
  t = put(t, line({ text: "I would" }));
  t = put(t, line({ text: "I would like", final: true }));
  t = put(t, line({ text: "I would" }));
  assert.deepEqual(texts(t), ["I would like"]);
  // The same id of the other speaker is another line.
  assert.equal(put(t, line({ who: "agent" })).length, 2);
});

test("nothing said is no line", () => {
  assert.equal(put([], line({ text: " " })).length, 0);
  assert.equal(put(put([], line({ text: "uh" })), line({ text: "", final: true })).length, 0);
  assert.deepEqual(texts(settle(put([], line({ text: "half a sen" })))), ["half a sen"]);
});

test("a transcript does not grow without end", () => {
  let t: Transcript = [];
  for (let i = 0; i < MAX_LINES + 5; i += 1) t = put(t, line({ id: String(i), text: String(i), final: true }));
  assert.equal(t.length, MAX_LINES);
  assert.equal(t[0]?.text, "5");
});

const QUIET = -80;
const LOUD = -20;

/** Runs a scene of (seconds, caller, agent) through a meter; gives the latencies in ms. */
function hear(...scene: [number, number, number][]): number[] {
  const meter = new LatencyMeter();
  const heard: number[] = [];
  let frame = 0;
  for (const [seconds, caller, agent] of scene) {
    for (let n = Math.round(seconds / FRAME_SECONDS); n > 0; n -= 1, frame += 1) {
      const turn = meter.push(frame * FRAME_SECONDS, caller, agent);
      if (turn) heard.push(Math.round(turn.seconds * 1000));
    }
  }
  return heard;
}

test("latency runs from the last voiced frame to the first", () => {
  assert.deepEqual(hear([1, QUIET, QUIET], [1, LOUD, QUIET], [0.65, QUIET, QUIET], [1, QUIET, LOUD]), [650]);
  // Two turns; a pause within a sentence counts from its end.
  assert.deepEqual(
    hear([1, LOUD, QUIET], [0.4, QUIET, QUIET], [0.5, LOUD, QUIET], [0.8, QUIET, QUIET], [2, QUIET, LOUD], [1, QUIET, QUIET],
      [1, LOUD, QUIET], [1.2, QUIET, QUIET], [1, QUIET, LOUD]),
    [800, 1200],
  );
});

test("a greeting, a cough and talk across each other are no turns", () => {
  assert.deepEqual(hear([1, QUIET, QUIET], [2, QUIET, LOUD]), []);
  assert.deepEqual(hear([1, QUIET, QUIET], [0.05, LOUD, QUIET], [0.5, QUIET, QUIET], [1, QUIET, LOUD]), []);
  // Barge-in: the answer to it counts, the talk before it does not.
  assert.deepEqual(
    hear([1, QUIET, LOUD], [0.2, LOUD, LOUD], [1, LOUD, QUIET], [0.7, QUIET, QUIET], [1, QUIET, LOUD]),
    [700],
  );
  // An answer after half a minute belongs to something else.
  assert.deepEqual(hear([1, LOUD, QUIET], [30, QUIET, QUIET], [1, QUIET, LOUD]), []);
});

test("a noisy room does not hide the voice", () => {
  assert.deepEqual(hear([2, -50, QUIET], [1, LOUD, QUIET], [0.5, -50, QUIET], [1, -50, LOUD]), [500]);
});

test("levels", () => {
  assert.equal(Math.round(dbfs(new Float32Array(100).fill(0.1))), -20);
  assert.equal(dbfs(new Float32Array(100)), -Infinity);
});

test("a turn's figures meet, whichever comes first", () => {
  let turns: readonly Turn[] = addTurn([], { heardMs: 700 });
  turns = addTurn(turns, { stages: { sttMs: 90 } });
  turns = addTurn(turns, { stages: { sttMs: 80 } });
  turns = addTurn(turns, { heardMs: 650 });
  assert.deepEqual(turns, [
    { number: 1, heardMs: 700, stages: { sttMs: 90 } },
    { number: 2, heardMs: 650, stages: { sttMs: 80 } },
  ]);
  assert.deepEqual(readStages('{"sttMs": 12, "llmFirstTokenMs": -1, "html": "<b>", "ttsFirstByteMs": "9"}'), { sttMs: 12 });
  for (const bad of ["", "null", "[]", "{}", "{", '{"sttMs": null}']) assert.equal(readStages(bad), undefined);
});

test("both shapes of a token answer are read, and nothing else", () => {
  assert.deepEqual(readToken({ livekitHost: "wss://a", token: "t", roomName: "r", callId: "c" }), { livekitHost: "wss://a", token: "t", roomName: "r", callId: "c" });
  assert.deepEqual(readToken({ server_url: "wss://a", participant_token: "t" }), { livekitHost: "wss://a", token: "t" });
  for (const bad of [undefined, null, "x", {}, { token: "t" }, { livekitHost: "wss://a", token: 1 }]) assert.equal(readToken(bad), undefined);
});

test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  assert.equal(secondsToWait("7", now), 7);
  assert.equal(secondsToWait("Sat, 31 Jan 2026 12:00:30 GMT", now), 30);
  assert.equal(secondsToWait("Sat, 31 Jan 2026 11:00:00 GMT", now), 0);
  assert.equal(secondsToWait("999999", now), 3600);
  for (const bad of [null, "", "soon"]) assert.equal(secondsToWait(bad, now), undefined);
});

test("a token's expiry is read; a broken token has none", () => {
  const payload = Buffer.from(JSON.stringify({ exp: 1_800_000_000 })).toString("base64url");
  assert.equal(tokenExpiry(`h.${payload}.s`), 1_800_000_000_000);
  for (const bad of ["", "a.b.c", "a", "a.e30.c"]) assert.equal(tokenExpiry(bad), undefined);
});

test("every language has every word, and its direction", () => {
  const english = Object.keys(stringsFor("en"));
  for (const language of ["de", "ar-EG"]) {
    const words = stringsFor(language);
    assert.deepEqual(Object.keys(words).toSorted(), english.toSorted());
    for (const word of Object.values(words)) assert.notEqual(word.trim(), "");
    assert.notEqual(words.hangUp, stringsFor("en").hangUp);
  }
  assert.equal(stringsFor("fr").hangUp, "Hang up");
  assert.equal(stringsFor("fr", { hangUp: "Raccrocher" }).hangUp, "Raccrocher");
  assert.deepEqual([spokenLanguage("fr"), spokenLanguage("fr", { title: "Assistant" }), spokenLanguage("de-AT")], ["en", "fr", "de-AT"]);
  assert.deepEqual([direction("ar"), direction("de"), direction("he-IL")], ["rtl", "ltr", "rtl"]);
});

test("call time", () => {
  assert.deepEqual([0, 59.9, 61, 3_725, -3].map(clock), ["0:00", "0:59", "1:01", "1:02:05", "0:00"]);
});

test("a waterfall's stages lie where they lay; without times, one after the other", () => {
  const at = (metrics: Record<string, number>, latency: number) => steps(metrics, latency).map(({ label, from, to }) => [label, from, to]);
  assert.deepEqual(
    at({ endpointingMs: 400, sttMs: 150, sttAtMs: 250, llmFirstTokenMs: 100, llmFirstTokenAtMs: 350, ttsFirstByteMs: 200, ttsFirstByteAtMs: 600, playoutMs: 10 }, 610),
    [["End of turn", 0, 400], ["Speech to text", 100, 250], ["Model", 250, 350], ["Voice", 400, 600], ["Heard", 600, 610]]);
  assert.deepEqual(at({ endpointingMs: 300, sttMs: 100, ttsFirstByteMs: 200 }, 500),
    [["End of turn", 0, 300], ["Speech to text", 300, 400], ["Voice", 300, 500], ["Heard", 500, 500]]);
  assert.deepEqual(at({}, 500), [["Heard", 500, 500]]);
});

test("an axis ends at a round figure; a line breaks where nothing was measured", () => {
  assert.deepEqual([0, 0.4, 1, 3, 11, 20, 812, 5001].map(ceiling), [1, 0.5, 1, 5, 20, 20, 1000, 10_000]);
  assert.equal(path([100, 50, null, 0], 100), "M75.0 0.0h3L225.0 60.0M525.0 120.0h3");
  assert.equal(path([null, null], 1), "");
});

test("an ended call is put away; a running one is not", () => {
  for (const over of [run(START, { type: "hang-up" }), run(START, { type: "fail", problem: { code: "bad-request", retry: false } })]) {
    assert.deepEqual(next(over, { type: "dismiss" }), { is: "idle" });
  }
  const live = run(START, { type: "agent", state: "listening" });
  assert.equal(next(live, { type: "dismiss" }), live);
});

test("what the service tells of a wait is read, whatever it is", () => {
  const told = (message: unknown) => readNotice(JSON.stringify(message));
  assert.deepEqual(told({ type: "call.waiting", code: "no-media", reason: "x" }), { type: "call.waiting", why: { code: "no-media", retry: true } });
  assert.deepEqual(told({ type: "call.failed", code: "too-many-calls", reason: "x" }).why, { code: "too-many-at-once", retry: true });
  assert.deepEqual(told({ type: "call.failed", code: "of 2030", reason: "y".repeat(400) }).why, { code: "no-agent", retry: true, detail: "y".repeat(300) });
  for (const message of ["", "{", "null", "7", '"call.failed"', "[]", '{"code":"constructor"}', '{"type":{}}']) {
    assert.equal(readNotice(message).why.code, "no-agent", message);
    assert.ok(!["call.failed", "call.waiting"].includes(String(readNotice(message).type)), message);
  }
});

test("an address is read for what makes sense of it", () => {
  assert.deepEqual(readAddress("?q=+blue%20&status=failed&callType=conference&from=2026-01-31&to=2026-02-01&offset=40"),
    { call: undefined, offset: 40, filters: { q: "blue", status: "failed", callType: "conference", from: "2026-01-31", to: "2026-02-01" } });
  for (const offset of ["-5", "2.5", "1e9", "NaN", "99999999999999999999", "", " 20", "0x10", "١٢"]) {
    assert.equal(readAddress(`?offset=${encodeURIComponent(offset)}`).offset, 0, offset);
  }
  assert.deepEqual(readAddress("?status=gone&callType=fax&from=2026-02-30&to=1-1-1&q=%20&call="), { call: undefined, offset: 0, filters: {} });
  assert.equal(readAddress(`?q=${"x".repeat(500)}`).filters.q!.length, 200);
  assert.equal(readAddress("?call=0191d3c0-0000-7000-8000-000000000001").call, "0191d3c0-0000-7000-8000-000000000001");
  for (const call of ["nonsense", "%2e%2e%2f", "0191d3c0-0000-7000-8000-000000000001x"]) assert.equal(readAddress(`?call=${call}`).call, undefined);
  assert.equal(new Date(instant("2026-01-31", 1)!).getDate(), 1);
  assert.equal(instant("2026-02-29", 0), undefined);
});

test("what workers measured is summed, without those that are lost", () => {
  const asked = (provider: string, requests: number, errors: number) => ({ stage: "llm", provider, requests, errors });
  const recent = (...providers: ReturnType<typeof asked>[]) => ({ answers: 1, p50LatencyMs: 1, p95LatencyMs: 1, providers });
  const workers = [
    { version: "0.1.0", state: "draining", calls: 3, recent: null },
    { version: "0.2.0", state: "ready", calls: 1, recent: recent(asked("good", 10, 0), asked("bad", 4, 2)) },
    { version: "0.2.0", state: "ready", calls: 2, recent: recent(asked("bad", 6, 5)) },
    { version: "0.2.0", state: "lost", calls: 9, recent: recent(asked("bad", 90, 90)) },
  ];
  assert.deepEqual(versions(workers), [{ version: "0.2.0", workers: 2, leaving: 0, calls: 3 }, { version: "0.1.0", workers: 1, leaving: 1, calls: 3 }]);
  assert.deepEqual(providers(workers), [asked("bad", 10, 7), asked("good", 10, 0)]);
});

test("editions show which workers use them, and which use the files of their own disks", () => {
  const edition = (version: string, current: boolean) => ({ version, current, publishedBy: "plane", publishedAt: "2026-01-31T12:00:00Z", heldSince: null });
  const editions = [edition("bb", true), edition("aa", false), edition("00", false)];
  const workers = [
    { host: "two", state: "ready", edition: "bb" }, { host: "one", state: "ready", edition: "bb" }, { host: "one", state: "draining", edition: "bb" },
    { host: "three", state: "draining", edition: "aa" }, { host: "four", state: "lost", edition: "aa" }, { host: "five", state: "ready", edition: null }, { host: "six", state: "ready" },
  ];
  assert.deepEqual(inUse(editions, workers).map(({ edition: used, hosts }) => [used?.version, hosts]), [["bb", ["one", "two"]], ["aa", ["three"]], ["00", []], [undefined, ["five", "six"]]]);
  assert.deepEqual(inUse([], workers), [], "nothing is shared");
});
