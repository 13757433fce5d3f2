/** Small charts over time on `/admin/calls`, and the same figures as a table. */

import { clock, h, setText } from "../call/dom.js";
import { api, milliseconds } from "./api.js";

/** Shape of GET /api/voice/history/stats/series (crates/control-plane/src/http/history/series.rs). */
export interface Series {
  step: "hour" | "day";
  from: string;
  to: string;
  points: Point[];
}
export interface Point {
  at: string;
  byStatus: Record<string, number>;
  meanDurationSeconds: number | null;
  p50LatencyMs: number | null;
  p95LatencyMs: number | null;
}

/** From bottom to top; calls that are not over are on top. */
export const STACK = ["completed", "missed", "failed", "connected", "ringing", "pending"] as const;
/** Size of a drawing, which is stretched to fit its place. */
const WIDE = 600;
const TALL = 120;
/** Past figures change slowly: they are requested again after this time, or when the filter changes. */
const FRESH_MS = 60_000;

const SVG = "http://www.w3.org/2000/svg";

function svg(tag: string, attributes: Record<string, string | number>, ...children: Node[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** The top of an axis: the next of 1, 2, 5, 10, 20, … above the greatest value. */
export function ceiling(greatest: number): number {
  if (!(greatest > 0)) return 1;
  const ten = 10 ** Math.floor(Math.log10(greatest));
  return [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= greatest - ten * 1e-9)!;
}

/** The path of a line through values; it is interrupted where a value is missing, and an isolated value is a dot. */
export function line(values: readonly (number | null)[], top: number): string {
  const x = (n: number) => (((n + 0.5) / values.length) * WIDE).toFixed(1);
  let path = "";
  values.forEach((value, n) => {
    if (value === null) return;
    const y = (TALL * (1 - value / top)).toFixed(1);
    const alone = values[n - 1] == null;
    path += `${alone ? "M" : "L"}${x(n)} ${y}${alone ? "h3" : ""}`;
  });
  return path;
}

function bars(columns: readonly { name: string; value: number }[][], top: number): SVGElement[] {
  const width = WIDE / columns.length;
  return columns.flatMap((column, n) => {
    let ground = TALL;
    return column.filter(({ value }) => value > 0).map(({ name, value }) => {
      const tall = (value / top) * TALL;
      ground -= tall;
      return svg("rect", { class: `bar-${name}`, x: (n + 0.1) * width, y: ground, width: width * 0.8, height: tall });
    });
  });
}

interface Chart {
  title: string;
  /** A summary of the chart in words. */
  summary: string;
  top: string;
  marks: SVGElement[];
  /** The text for a single step, shown under the pointer. */
  told: (point: Point) => string;
}

function chart({ title, summary, top, marks, told }: Chart, series: Series, name: (at: string) => string): HTMLElement {
  const { points } = series;
  const width = WIDE / points.length;
  const hovered = points.map((point, n) =>
    svg("rect", { class: "hover", x: n * width, y: 0, width, height: TALL }, Object.assign(document.createElementNS(SVG, "title"), { textContent: `${name(point.at)}: ${told(point)}` })));
  const drawing = svg("svg", { class: "drawing", viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${summary}` }, ...marks, ...hovered);
  return h("figure", { class: "chart" },
    h("figcaption", {}, title, h("span", { class: "note" }, ` ${summary}`)),
    h("div", { class: "plot", dir: "ltr" },
      h("span", { class: "top-value note", "aria-hidden": "true" }, top), drawing,
      h("div", { class: "axis note", "aria-hidden": "true" }, h("span", {}, name(points[0]!.at)), h("span", {}, name(points.at(-1)!.at)))));
}

const greatest = (values: readonly (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0));
const sum = (point: Point) => Object.values(point.byStatus).reduce((all, n) => all + n, 0);

/** Draws the charts into their place, with a table of the same figures. */
export function draw(place: HTMLElement, series: Series): void {
  const { points, step } = series;
  const format = new Intl.DateTimeFormat(undefined, step === "day" ? { month: "short", day: "numeric" } : { weekday: "short", hour: "2-digit", minute: "2-digit" });
  const name = (at: string) => format.format(new Date(at));
  const each = step === "day" ? "a day" : "an hour";
  const mostCalls = greatest(points.map(sum));
  const durations = points.map((point) => point.meanDurationSeconds);
  const [p50, p95] = [points.map((point) => point.p50LatencyMs), points.map((point) => point.p95LatencyMs)];
  const slowest = greatest([...p50, ...p95]);
  const [callsTop, durationTop, latencyTop] = [ceiling(mostCalls), ceiling(greatest(durations)), ceiling(slowest)];
  const time = (seconds: number | null) => (seconds === null ? "–" : clock(seconds));
  const ms = (value: number | null) => (value === null ? "–" : milliseconds(value));
  const open = place.querySelector("details")?.open ?? false;
  const head = ["", ...STACK, "mean duration", "latency p50", "latency p95"];
  const table = h("table", { class: "rows" },
    h("caption", { class: "unseen" }, `Figures by ${step}`),
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col", class: "number" }, text || h("span", { class: "unseen" }, step === "day" ? "Day" : "Hour"))))),
    h("tbody", {}, ...points.filter((point) => sum(point) > 0).map((point) => h("tr", {},
      h("th", { scope: "row" }, name(point.at)),
      ...[...STACK.map((status) => String(point.byStatus[status] ?? 0)), time(point.meanDurationSeconds), ms(point.p50LatencyMs), ms(point.p95LatencyMs)]
        .map((text) => h("td", { class: "number" }, text))))));
  place.replaceChildren(
    h("div", { class: "charts" },
      chart({
        title: "Calls", summary: `at most ${mostCalls} ${each}`, top: String(callsTop),
        marks: bars(points.map((point) => STACK.map((status) => ({ name: status, value: point.byStatus[status] ?? 0 }))), callsTop),
        told: (point) => STACK.filter((status) => point.byStatus[status]).map((status) => `${point.byStatus[status]} ${status}`).join(", ") || "no calls",
      }, series, name),
      chart({
        title: "Mean duration", summary: `at most ${time(greatest(durations))}`, top: time(durationTop),
        marks: bars(durations.map((value) => [{ name: "duration", value: value ?? 0 }]), durationTop),
        told: (point) => time(point.meanDurationSeconds),
      }, series, name),
      chart({
        title: "Answer latency", summary: slowest > 0 ? `median, and p95 in dashes, at most ${ms(slowest)}` : "no answers", top: ms(latencyTop),
        marks: [svg("path", { class: "line p95", d: line(p95, latencyTop) }), svg("path", { class: "line p50", d: line(p50, latencyTop) })],
        told: (point) => `p50 ${ms(point.p50LatencyMs)}, p95 ${ms(point.p95LatencyMs)}`,
      }, series, name)),
    h("details", { open }, h("summary", {}, "These figures as a table"), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Figures over time" }, table)));
}

/** The charts of the filtered calls. */
export class Charts {
  private shown = "";
  private at = 0;

  constructor(private readonly place: HTMLElement) {}

  /** Requests the figures for a filter (the history's query without its page) and draws them. */
  async show(filter: URLSearchParams): Promise<void> {
    const query = new URLSearchParams(filter);
    query.set("minutesAhead", String(-new Date().getTimezoneOffset()));
    const key = String(query);
    if (key === this.shown && Date.now() - this.at < FRESH_MS) return;
    [this.shown, this.at] = [key, Date.now()];
    try {
      const series = await api<Series>(`/api/voice/history/stats/series?${query}`);
      if (key !== this.shown) return;
      this.place.hidden = series.points.length === 0;
      if (!this.place.hidden) draw(this.place, series);
    } catch (error) {
      if (key !== this.shown) return;
      // The list works without them; they are requested again with the next list.
      this.at = 0;
      this.place.hidden = false;
      this.place.replaceChildren(h("p", { class: "note" }, ""));
      setText(this.place.firstChild!, `No charts: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
