/** `/admin/calls`: calls with filters and figures, and one call with its conversation. */

import { clock, h, setText } from "../call/dom.js";
import type { Stages } from "../call/turns.js";
import { api, ApiError, milliseconds, showError, showSession, when } from "./api.js";
import { Live, type LiveCall } from "./live.js";
import { audible, Player, type Mark, type Recording } from "./player.js";
import { legend, stageBar } from "./stages.js";

// Shapes of GET /api/voice/history and /api/voice/history/{callId} (src/http/history.rs).
interface Call {
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
interface Stats {
  byStatus: Record<string, number>;
  answeredRate: number | null;
  meanDurationSeconds: number | null;
  totalDurationSeconds: number;
  medianLatencyMs: number | null;
}
interface Page {
  calls: Call[];
  total: number;
  totalIsExact: boolean;
  hasMore: boolean;
  stats?: Stats;
}
interface Turn {
  speaker: "user" | "agent";
  text: string;
  startedAt: string;
  interrupted: boolean;
  latencyMs: number | null;
  metrics: Stages | null;
}
interface Detail extends Call {
  participants: { participantName: string; userId: string; kind: string; durationSeconds: number | null; isMuted: boolean }[];
  turns: Turn[];
  tools: Tool[];
  agent?: string;
  agentVersion?: string;
  /** What came of it, by the agent's `[result]`. */
  result?: { summary?: unknown } | null;
  recordings: Recording[];
}
interface Tool {
  agent: string;
  name: string;
  arguments: unknown;
  ok: boolean;
  result: string;
  startedAt: string;
  durationMs: number;
}

const PAGE = 20;
/** How often a page with live calls asks again when the server does not tell of them. */
const REFRESH_MS = 4_000;
/** How often a page asks again that could not reach the server. */
const RETRY_MS = 5_000;
const LIVE = new Set(["pending", "ringing", "connected"]);
const STATUSES = ["connected", "ringing", "pending", "completed", "missed", "failed"];
const REST = "Playout";

function get<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const filters = get<HTMLFormElement>("filters");
const note = get("note");
let timer: ReturnType<typeof setTimeout> | undefined;
let asked = 0;
const player = new Player(get("player"));
const live = new Live(told);

/** Shows again what the server says has changed: the list, or the call that is looked at. */
function told(before: readonly LiveCall[], now: readonly LiveCall[]): void {
  setText(get("live"), now.length === 0 ? "" : `${now.length} live`);
  const id = address().get("call");
  const seen = (calls: readonly LiveCall[]) => JSON.stringify(id === null ? calls.map((c) => [c.id, c.status]) : calls.find((c) => c.id === id));
  if (seen(before) !== seen(now)) void show();
}

/** The address holds what is shown, so that it can be linked to and gone back to. */
function address(): URLSearchParams {
  return new URLSearchParams(location.search);
}

function go(parameters: URLSearchParams): void {
  history.pushState(null, "", parameters.size > 0 ? `?${parameters}` : location.pathname);
  void show();
}

async function show(): Promise<void> {
  clearTimeout(timer);
  const turn = (asked += 1);
  const parameters = address();
  const id = parameters.get("call");
  get("list").hidden = id !== null;
  get("call").hidden = id === null;
  if (id === null) player.stop();
  try {
    const underWay = id === null ? await showList(parameters, () => turn === asked) : await showCall(id, () => turn === asked);
    if (turn !== asked) return;
    note.hidden = true;
    live.watch();
    if (underWay && !live.open) timer = setTimeout(() => void show(), REFRESH_MS);
  } catch (error) {
    if (turn !== asked) return;
    showError(note, error, () => void show());
    if (error instanceof ApiError && (error.status === 0 || error.status >= 500)) timer = setTimeout(() => void show(), RETRY_MS);
  }
}

async function showList(parameters: URLSearchParams, current: () => boolean): Promise<boolean> {
  for (const name of ["q", "status", "callType", "from", "to"]) {
    const field = filters.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
    if (document.activeElement !== field) field.value = parameters.get(name) ?? "";
  }
  const offset = Number(parameters.get("offset")) || 0;
  const query = new URLSearchParams({ limit: String(PAGE), offset: String(offset), includeStats: "true", allUsers: "true" });
  for (const name of ["q", "status", "callType"]) {
    const value = parameters.get(name);
    if (value) query.set(name, value);
  }
  // A day of the calendar here, as an instant; the last day counts whole.
  const [from, to] = [day(parameters.get("from"), 0), day(parameters.get("to"), 1)];
  if (from) query.set("from", from);
  if (to) query.set("to", to);
  const page = await api<Page>(`/api/voice/history?${query}`);
  if (!current()) return false;

  if (page.stats) showStats(page.stats);
  get<HTMLTableElement>("calls").tBodies[0]!.replaceChildren(...page.calls.map(row));
  get("calls").hidden = page.calls.length === 0;
  get("none").hidden = page.calls.length > 0;
  setText(get("range"), page.total === 0 ? "" : `${offset + 1}–${offset + page.calls.length} of ${page.total}${page.totalIsExact === false ? "+" : ""}`);
  step("previous", offset > 0, offset - PAGE);
  step("next", page.hasMore, offset + PAGE);
  return page.calls.some((call) => LIVE.has(call.status));
}

function day(value: string | null, add: number): string | undefined {
  if (!value || !/^\d{4}-\d\d-\d\d$/.test(value)) return undefined;
  const [y, m, d] = value.split("-").map(Number) as [number, number, number];
  return new Date(y, m - 1, d + add).toISOString();
}

function step(id: string, possible: boolean, offset: number): void {
  const button = get<HTMLButtonElement>(id);
  button.disabled = !possible;
  button.onclick = () => {
    const parameters = address();
    if (offset > 0) parameters.set("offset", String(offset));
    else parameters.delete("offset");
    go(parameters);
  };
}

function showStats(stats: Stats): void {
  const total = Object.values(stats.byStatus).reduce((sum, calls) => sum + calls, 0);
  const figures: [string, string][] = [
    ["Calls", total.toLocaleString()],
    ["Answered", stats.answeredRate === null ? "–" : `${Math.round(stats.answeredRate * 100)} %`],
    ["Mean duration", stats.meanDurationSeconds === null ? "–" : clock(stats.meanDurationSeconds)],
    ["Talk time", clock(stats.totalDurationSeconds)],
    ["Median latency", stats.medianLatencyMs === null ? "–" : milliseconds(stats.medianLatencyMs)],
  ];
  get("figures").replaceChildren(...figures.map(([name, value]) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, value))));
  const counted = STATUSES.map((status) => [status, stats.byStatus[status] ?? 0] as const).filter(([, n]) => n > 0);
  const all = counted.reduce((sum, [, n]) => sum + n, 0);
  const bar = h("div", { class: "bar statuses", "aria-hidden": "true" });
  for (const [status, n] of counted) {
    const part = h("span", { class: `piece is-${status}` });
    part.style.width = `${(n / all) * 100}%`;
    bar.append(part);
  }
  get("by-status").replaceChildren(bar,
    h("ul", { class: "legend" }, ...counted.map(([status, n]) => h("li", {}, h("span", { class: `piece is-${status}` }), `${status} ${n.toLocaleString()}`))));
  get("by-status").hidden = all === 0;
}

function status(call: Call): HTMLElement {
  return h("span", { class: `status is-${call.status}` }, call.status);
}

function row(call: Call): HTMLTableRowElement {
  const link = h("a", { href: `?call=${encodeURIComponent(call.id)}` }, when(call.startedAt ?? call.createdAt));
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(new URLSearchParams({ call: call.id }));
  });
  return h("tr", {},
    h("td", {}, link), h("td", { class: "wide" }, call.callerId), h("td", {}, call.callType), h("td", {}, status(call)),
    h("td", { class: "number" }, call.durationSeconds === null ? "–" : clock(call.durationSeconds)),
    h("td", { class: "wide soft" }, call.roomName));
}

async function showCall(id: string, current: () => boolean): Promise<boolean> {
  const call = await api<Detail>(`/api/voice/history/${encodeURIComponent(id)}`);
  if (!current()) return false;
  setText(get("call-title"), when(call.startedAt ?? call.createdAt));
  get("call-status").replaceChildren(status(call));
  const facts: [string, string][] = [
    ["Caller", call.callerId], ["Room", call.roomName], ["Type", call.callType],
    ["Duration", call.durationSeconds === null ? "–" : clock(call.durationSeconds)],
    ["Participants", call.participants.map((p) => `${p.participantName || p.userId} (${p.kind})`).join(", ") || "–"],
  ];
  if (call.failureReason) facts.push(["Failed because", call.failureReason]);
  if (typeof call.result?.summary === "string") facts.push(["Summary", call.result.summary]);
  if (call.agent) facts.push(["Agent", call.agent]);
  if (call.agentVersion) facts.push(["Version of its files", call.agentVersion.slice(0, 12)]);
  get("facts").replaceChildren(...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  const end = get<HTMLButtonElement>("end");
  end.hidden = !LIVE.has(call.status);
  end.onclick = () => {
    end.disabled = true;
    api(`/api/voice/agent/${encodeURIComponent(call.roomName)}`, { method: "DELETE" })
      .then(() => show(), (error: unknown) => showError(note, error, () => void show()))
      .finally(() => (end.disabled = false));
  };
  showRecording(call, showTurns(call));
  return LIVE.has(call.status);
}

function showRecording(call: Detail, marks: readonly Mark[]): void {
  const heard = call.recordings.some(audible);
  const url = `/api/voice/history/${encodeURIComponent(call.id)}/recording`;
  get("sound").hidden = !heard;
  const download = get<HTMLAnchorElement>("recording");
  download.hidden = !heard;
  download.href = url;
  if (heard) player.show(url, call.recordings, marks);
}

/** What was said and what tools did, in the order of time. */
function showTurns(call: Detail): readonly Mark[] {
  const longest = Math.max(1, ...call.turns.map((t) => t.latencyMs ?? 0));
  const began = Date.parse(call.connectedAt ?? call.startedAt ?? call.createdAt);
  const hearable = call.recordings.some(audible);
  const turns = call.turns.map((turn) => {
    const at = Date.parse(turn.startedAt);
    const time = clock((at - began) / 1000);
    const place = hearable
      ? h("button", { class: "seek", type: "button", "aria-label": `Play from ${time}`, click: () => player.playFrom(at) }, time)
      : time;
    const item = h("li", { class: turn.speaker },
      h("p", { class: "said" }, h("span", { class: "unseen" }, turn.speaker === "user" ? "Caller: " : "Agent: "), h("span", { dir: "auto" }, turn.text)),
      h("p", { class: "note" }, place, turn.interrupted ? " · interrupted" : "",
        turn.latencyMs === null ? "" : ` · answered after ${milliseconds(turn.latencyMs)}`));
    if (turn.latencyMs !== null) item.append(stageBar(turn.metrics ?? {}, turn.latencyMs, longest, REST));
    return { at, item };
  });
  const tools = call.tools.map((tool) => ({
    at: Date.parse(tool.startedAt),
    item: h("li", { class: "tool" },
      h("p", {}, h("strong", {}, tool.name), tool.ok ? " " : " failed ", h("code", { dir: "auto" }, JSON.stringify(tool.arguments))),
      h("p", { class: "note", dir: "auto" }, tool.result),
      h("p", { class: "note" }, `${clock((Date.parse(tool.startedAt) - began) / 1000)} · took ${milliseconds(tool.durationMs)} · ${tool.agent}`)),
  }));
  get("talk").replaceChildren(...[...turns, ...tools].sort((a, b) => a.at - b.at).map(({ item }) => item));
  get("silent").hidden = call.turns.length > 0;
  get("stages").replaceChildren(...(call.turns.some((t) => t.latencyMs !== null) ? legend(REST) : []));
  return turns;
}

filters.addEventListener("submit", (event) => {
  event.preventDefault();
  const parameters = new URLSearchParams();
  for (const [name, value] of new FormData(filters)) {
    if (typeof value === "string" && value.trim() !== "") parameters.set(name, value.trim());
  }
  go(parameters);
});
filters.addEventListener("change", () => filters.requestSubmit());
get("back").addEventListener("click", (event) => {
  event.preventDefault();
  go(new URLSearchParams());
});
addEventListener("popstate", () => void show());
void showSession();
void show();
