/** A call's page: its data, its recording, its conversation. */

import { clock, h, setText } from "../call/dom.js";
import { api, get, milliseconds, when } from "./api.js";
import { here } from "./here.js";
import { Listening } from "./listening.js";
import { audible, Player, type Mark, type Recording } from "./player.js";
import { waterfall, type Metrics } from "./waterfall.js";

// Shapes of GET /api/voice/history/{callId} (crates/control-plane/src/http/history/call.rs).
export interface Call {
  id: string;
  roomName: string;
  callerId: string;
  callType: string;
  status: string;
  startedAt: string | null;
  connectedAt: string | null;
  endedAt: string | null;
  durationSeconds: number | null;
  failureReason?: string;
  createdAt: string;
}
interface Turn {
  speaker: "user" | "agent";
  /** Who of several people that the agent hears. */
  participantName?: string;
  text: string;
  startedAt: string;
  interrupted: boolean;
  latencyMs: number | null;
  metrics: Metrics | null;
}
interface Detail extends Call {
  participants: { participantName: string; userId: string; kind: string; durationSeconds: number | null; isMuted: boolean }[];
  turns: Turn[];
  tools: Tool[];
  errors: { stage: string; message: string; at: string }[];
  agent?: string;
  agentVersion?: string;
  edition?: string;
  /** The network quality of its audio between agent and server; known once an agent has left. */
  media?: Media;
  /** The call's result, according to the agent's `[result]`. */
  result?: { summary?: unknown } | null;
  recordings: Recording[];
}
interface Media {
  path: "udp" | "tcp" | "relay" | null;
  rttMs: number | null;
  received: Way;
  sent: Way;
}
interface Way {
  packets: number;
  lostPercent: number;
  jitterMs: number | null;
  concealedPercent?: number;
  mos: number | null;
}
interface Tool {
  agent: string;
  name: string;
  arguments: unknown;
  ok: boolean;
  /** One of done, failed, running, unknown. */
  state: string;
  result: string;
  startedAt: string;
  durationMs: number;
}

const LIVE: ReadonlySet<string> = new Set(["pending", "ringing", "connected"]);
const HAVE_ENDED: ReadonlySet<string> = new Set(["done", "failed"]);
const HOW_TOOLS_ENDED: Readonly<Record<string, string>> = {
  failed: " failed ", running: " is running ", unknown: " may have run, its agent was lost: ",
};
const STAGES_OF_ERRORS: Readonly<Record<string, string>> = {
  stt: "Speech to text", llm: "The model", tts: "The voice", tool: "A tool", transport: "The connection to the room",
};

const player = new Player(get("player"));
const listening = new Listening(get("listen"), get("listen-note"));

/** Stops all audio when another page is shown. */
export function leaveCall(): void {
  player.stop();
  listening.end("");
}

export function status(call: Call): HTMLElement {
  return h("span", { class: `status is-${call.status}` }, call.status);
}

/** Shows a call if the page still wants it; `changed` is called when a button here changed the call. */
export async function showCall(id: string, current: () => boolean, changed: (error?: unknown) => void): Promise<void> {
  const call = await api<Detail>(`/api/voice/history/${encodeURIComponent(id)}`);
  if (!current()) return;
  setText(get("call-title"), when(call.startedAt ?? call.createdAt));
  get("call-status").replaceChildren(status(call));
  const facts: [string, string][] = [
    ["Caller", call.callerId], ["Room", call.roomName], ["Type", call.callType],
    ["Duration", call.durationSeconds === null ? "–" : clock(call.durationSeconds)],
    ["Participants", call.participants.map((p) => `${p.participantName || p.userId} (${p.kind})`).join(", ") || "–"],
  ];
  if (call.failureReason) facts.push(["Failure", call.failureReason]);
  if (typeof call.result?.summary === "string") facts.push(["Summary", call.result.summary]);
  if (call.agent) facts.push(["Agent", call.agent]);
  if (call.agentVersion) facts.push(["Version of the agent’s files", call.agentVersion.slice(0, 12)]);
  if (call.edition) facts.push(["Edition of all agents", call.edition.slice(0, 12)]);
  if (call.media) facts.push(...soundFacts(call.media));
  get("facts").replaceChildren(...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  const end = get<HTMLButtonElement>("end");
  end.hidden = !LIVE.has(call.status);
  listening.show(call.id, LIVE.has(call.status));
  end.onclick = () => {
    end.disabled = true;
    api(`/api/voice/agent/${encodeURIComponent(call.roomName)}`, { method: "DELETE" })
      .then(() => changed(), changed)
      .finally(() => (end.disabled = false));
  };
  showRecording(call, showTurns(call));
}

const PATHS = { udp: "UDP", tcp: "TCP", relay: "TURN relay" } as const;

/** The network path of the audio between the agent and LiveKit's server, and its quality. */
function soundFacts(media: Media): [string, string][] {
  const facts: [string, string][] = [["Media path", [
    media.path === null ? "" : PATHS[media.path],
    media.rttMs === null ? "" : `${milliseconds(media.rttMs)} round trip`,
  ].filter(Boolean).join(", ") || "–"]];
  for (const [name, way] of [["Sound from the caller", media.received], ["Sound to the caller", media.sent]] as const) {
    if (way.packets === 0) continue;
    facts.push([name, [
      way.mos === null ? "" : `MOS about ${way.mos.toFixed(1)}`,
      `${way.lostPercent}% lost`,
      way.concealedPercent === undefined ? "" : `${way.concealedPercent}% concealed`,
      way.jitterMs === null ? "" : `jitter ${way.jitterMs.toFixed(1)} ms`,
    ].filter(Boolean).join(", ")]);
  }
  return facts;
}

function showRecording(call: Detail, marks: readonly Mark[]): void {
  const heard = call.recordings.some(audible);
  const url = here(`/api/voice/history/${encodeURIComponent(call.id)}/recording`);
  get("sound").hidden = !heard;
  const download = get<HTMLAnchorElement>("recording");
  download.hidden = !heard;
  download.href = url;
  if (heard) player.show(url, call.recordings, marks);
}

/** What was said, what tools did and what failed, in chronological order. */
function showTurns(call: Detail): readonly Mark[] {
  const longest = Math.max(1, ...call.turns.map((t) => t.latencyMs ?? 0));
  const began = Date.parse(call.connectedAt ?? call.startedAt ?? call.createdAt);
  const since = (at: number) => clock((at - began) / 1000);
  const hearable = call.recordings.some(audible);
  const turns = call.turns.map((turn) => {
    const at = Date.parse(turn.startedAt);
    const time = since(at);
    const place = hearable
      ? h("button", { class: "seek", type: "button", "aria-label": `Play from ${time}`, click: () => player.playFrom(at) }, time)
      : time;
    const item = h("li", { class: turn.speaker },
      h("p", { class: "said" }, turn.participantName
        ? h("strong", { dir: "auto" }, `${turn.participantName}: `)
        : h("span", { class: "unseen" }, turn.speaker === "user" ? "Caller: " : "Agent: "), h("span", { dir: "auto" }, turn.text)),
      h("p", { class: "note" }, place,
        turn.latencyMs === null ? "" : ` · answered after ${milliseconds(turn.latencyMs)}`,
        turn.interrupted ? h("span", { class: "cut" }, " · interrupted by the caller") : ""));
    if (turn.latencyMs !== null) item.append(waterfall(turn.metrics ?? {}, turn.latencyMs, longest));
    return { at, item };
  });
  const tools = call.tools.map((tool) => ({
    at: Date.parse(tool.startedAt),
    item: h("li", { class: "tool" },
      h("p", {}, h("strong", {}, tool.name), HOW_TOOLS_ENDED[tool.state] ?? " ", h("code", { dir: "auto" }, JSON.stringify(tool.arguments))),
      h("p", { class: "note", dir: "auto" }, tool.result),
      h("p", { class: "note" }, since(Date.parse(tool.startedAt)),
        HAVE_ENDED.has(tool.state) ? ` · took ${milliseconds(tool.durationMs)}` : "", ` · ${tool.agent}`)),
  }));
  const errors = (call.errors ?? []).map((error) => ({
    at: Date.parse(error.at),
    item: h("li", { class: "tool error" },
      h("p", { class: "bad" }, `${STAGES_OF_ERRORS[error.stage] ?? error.stage} failed`),
      h("p", { class: "note", dir: "auto" }, error.message),
      h("p", { class: "note" }, since(Date.parse(error.at)))),
  }));
  get("talk").replaceChildren(...[...turns, ...tools, ...errors].sort((a, b) => a.at - b.at).map(({ item }) => item));
  get("silent").hidden = call.turns.length > 0;
  return turns;
}
