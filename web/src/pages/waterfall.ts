/** Where the time of one answer went: a row for each stage, from the end of the caller's speech. */

import { h } from "../call/dom.js";
import { milliseconds } from "./api.js";
import { STAGE_NAMES } from "./stages.js";

/** A turn's `metrics` (crates/call/src/event.rs): how long each stage took, and when it was done. */
export type Metrics = Readonly<Record<string, number>>;

/** A stage: its beginning and end, in milliseconds after the caller's last sound. */
export interface Step {
  name: string;
  label: string;
  from: number;
  to: number;
}

/**
 * The stages in order. Work ahead overlaps, so each stage is drawn at its actual time: a model may begin
 * before the end of the turn is decided. Turns that were stored without these times are drawn one after the
 * other.
 */
export function steps(metrics: Metrics, latencyMs: number): Step[] {
  const found: Step[] = [];
  let reached = 0;
  for (const [name, label] of Object.entries(STAGE_NAMES)) {
    const took = metrics[name];
    if (took === undefined) continue;
    const to = name === "endpointingMs" ? took : (metrics[name.replace(/Ms$/, "AtMs")] ?? Math.min(reached + took, latencyMs));
    found.push({ name, label, from: to - took, to });
    reached = Math.max(reached, to);
  }
  found.push({ name: "rest", label: "Heard", from: latencyMs - (metrics["playoutMs"] ?? 0), to: latencyMs });
  return found;
}

/** The table of one turn, `longest` milliseconds wide, the same for all turns of a call. */
export function waterfall(metrics: Metrics, latencyMs: number, longest: number): HTMLTableElement {
  const place = (ms: number) => `${(Math.min(Math.max(ms, 0), longest) / longest) * 100}%`;
  const rows = steps(metrics, latencyMs).map(({ name, label, from, to }) => {
    const bar = h("span", { class: `piece ${name}` });
    bar.style.insetInlineStart = place(from);
    bar.style.width = place(Math.min(to, longest) - Math.max(from, 0));
    return h("tr", {},
      h("th", { scope: "row" }, label),
      h("td", { class: "lane", "aria-hidden": "true" }, bar),
      h("td", { class: "number" }, name === "rest" ? "" : milliseconds(to - from)),
      h("td", { class: "number" }, milliseconds(to)));
  });
  return h("table", { class: "waterfall" },
    h("caption", { class: "unseen" }, "Where the time of this answer went"),
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, h("span", { class: "unseen" }, "Stage")), h("td", { "aria-hidden": "true" }),
      h("th", { scope: "col", class: "number" }, "took"), h("th", { scope: "col", class: "number" }, "done after"))),
    h("tbody", {}, ...rows));
}
