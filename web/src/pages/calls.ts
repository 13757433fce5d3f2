/** `/admin/calls`: calls with filters and figures; one of them is `call.ts`'s. */

import { clock, h, setText } from "../call/dom.js";
import { api, ApiError, get, milliseconds, showError, showSession, when } from "./api.js";
import { leaveCall, LIVE, showCall, status, type Call } from "./call.js";
import { Charts } from "./charts.js";
import { Live, type LiveCall } from "./live.js";

// Shapes of GET /api/voice/history (crates/control-plane/src/http/history.rs).
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

const PAGE = 20;
/** How often a page with live calls asks again when the server does not tell of them. */
const REFRESH_MS = 4_000;
/** How often a page asks again that could not reach the server. */
const RETRY_MS = 5_000;
const STATUSES = ["connected", "ringing", "pending", "completed", "missed", "failed"];

const filters = get<HTMLFormElement>("filters");
const note = get("note");
let timer: ReturnType<typeof setTimeout> | undefined;
let asked = 0;
const live = new Live(told);
const charts = new Charts(get("charts"));

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
  if (id === null) leaveCall();
  try {
    const underWay = id === null ? await showList(parameters, () => turn === asked) : await showCall(id, () => turn === asked, changed);
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

function changed(error?: unknown): void {
  if (error === undefined) void show();
  else showError(note, error, () => void show());
}

async function showList(parameters: URLSearchParams, current: () => boolean): Promise<boolean> {
  for (const name of ["q", "status", "callType", "from", "to"]) {
    const field = filters.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
    if (document.activeElement !== field) field.value = parameters.get(name) ?? "";
  }
  const offset = Number(parameters.get("offset")) || 0;
  const query = new URLSearchParams({ allUsers: "true" });
  for (const name of ["q", "status", "callType"]) {
    const value = parameters.get(name);
    if (value) query.set(name, value);
  }
  // A day of the calendar here, as an instant; the last day counts whole.
  const [from, to] = [day(parameters.get("from"), 0), day(parameters.get("to"), 1)];
  if (from) query.set("from", from);
  if (to) query.set("to", to);
  const wanted = new URLSearchParams([...query, ["limit", String(PAGE)], ["offset", String(offset)], ["includeStats", "true"]]);
  const page = await api<Page>(`/api/voice/history?${wanted}`);
  if (!current()) return false;
  void charts.show(query);

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
