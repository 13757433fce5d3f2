/** `/admin/calls`: calls with filters and figures; a single call is shown by `call.ts`. */

import { clock, h, setText } from "../call/dom.js";
import { instant, readAddress, STATUSES, type Wanted } from "./address.js";
import { Again } from "./again.js";
import { api, ApiError, get, milliseconds, showError, showSession, when } from "./api.js";
import { leaveCall, showCall, status, type Call } from "./call.js";
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
/** How often a page polls when the server does not stream live calls. */
const REFRESH_MS = 4_000;
/** How often a page retries when it cannot reach the server. */
const RETRY_MS = 5_000;

const filters = get<HTMLFormElement>("filters");
const note = get("note");
let asked = 0;
const again = new Again(() => void show(), (seen) => (seen ? live.watch() : live.close()));
const live = new Live(told, () => again.after(REFRESH_MS));
const charts = new Charts(get("charts"));

/** Updates whatever the server says has changed: the list, or the call being viewed. */
function told(before: readonly LiveCall[], now: readonly LiveCall[]): void {
  setText(get("live"), now.length === 0 ? "" : `${now.length} live`);
  const id = wanted().call;
  const seen = (calls: readonly LiveCall[]) => JSON.stringify(id === undefined ? calls.map((c) => [c.id, c.status]) : calls.find((c) => c.id === id));
  if (seen(before) !== seen(now)) void show();
}

/** The address contains what is shown, so that it works with links and the back button. */
function wanted(): Wanted {
  return readAddress(location.search);
}

function go(parameters: URLSearchParams, how: "pushState" | "replaceState" = "pushState"): void {
  history[how](null, "", parameters.size > 0 ? `?${parameters}` : location.pathname);
  void show();
}

async function show(): Promise<void> {
  again.stop();
  const turn = (asked += 1);
  const address = wanted();
  const id = address.call;
  get("list").hidden = id !== undefined;
  get("call").hidden = id === undefined;
  if (id === undefined) leaveCall();
  try {
    const current = () => turn === asked;
    if (id === undefined) await showList(address, current);
    else await showCall(id, current, changed);
    if (turn !== asked) return;
    note.hidden = true;
    if (!document.hidden) live.watch();
  } catch (error) {
    if (turn !== asked) return;
    showError(note, error, () => void show());
    if (error instanceof ApiError && (error.status === 0 || error.status >= 500)) again.after(RETRY_MS);
  }
}

function changed(error?: unknown): void {
  if (error === undefined) void show();
  else showError(note, error, () => void show());
}

async function showList({ filters: given, offset }: Wanted, current: () => boolean): Promise<void> {
  for (const name of ["q", "status", "callType", "from", "to"] as const) {
    const field = filters.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
    if (document.activeElement !== field) field.value = given[name] ?? "";
  }
  const query = new URLSearchParams({ allUsers: "true" });
  for (const name of ["q", "status", "callType"] as const) {
    const value = given[name];
    if (value) query.set(name, value);
  }
  // A calendar day in the local time zone, as an instant; the last day counts in full.
  const [from, to] = [instant(given.from ?? "", 0), instant(given.to ?? "", 1)];
  if (from) query.set("from", from);
  if (to) query.set("to", to);
  const asking = new URLSearchParams([...query, ["limit", String(PAGE)], ["offset", String(offset)], ["includeStats", "true"]]);
  const page = await api<Page>(`/api/voice/history?${asking}`);
  if (!current()) return;
  // The list has become shorter than the link assumes: show its last page.
  if (page.calls.length === 0 && offset > 0) {
    turnTo(page.total > 0 && page.total <= offset ? Math.floor((page.total - 1) / PAGE) * PAGE : 0, "replaceState");
    return;
  }
  void charts.show(query);

  if (page.stats) showStats(page.stats);
  get<HTMLTableElement>("calls").tBodies[0]!.replaceChildren(...page.calls.map(row));
  get("calls").hidden = page.calls.length === 0;
  get("none").hidden = page.calls.length > 0;
  setText(get("range"), page.total === 0 ? "" : `${offset + 1}–${offset + page.calls.length} of ${page.total}${page.totalIsExact === false ? "+" : ""}`);
  step("previous", offset > 0, offset - PAGE);
  step("next", page.hasMore, offset + PAGE);
}

function step(id: string, possible: boolean, offset: number): void {
  const button = get<HTMLButtonElement>(id);
  button.disabled = !possible;
  button.onclick = () => turnTo(offset, "pushState");
}

function turnTo(offset: number, how: "pushState" | "replaceState"): void {
  const parameters = new URLSearchParams(wanted().filters);
  if (offset > 0) parameters.set("offset", String(offset));
  go(parameters, how);
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
