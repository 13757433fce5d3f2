/** The bar of a turn: the parts of its latency, stage by stage. */

import { h } from "../call/dom.js";
import { STAGES, type Stages } from "../call/turns.js";
import { milliseconds } from "./api.js";

export const STAGE_NAMES = {
  endpointingMs: "End of turn",
  sttMs: "Speech to text",
  llmFirstTokenMs: "Model",
  ttsFirstByteMs: "Voice",
} as const;

/**
 * A bar `total` ms long on a scale that `longest` fills. Work ahead overlaps, so the stages may add up to
 * more than the wait: they are then drawn in proportion, and labelled with their own durations.
 */
export function stageBar(stages: Stages, total: number, longest: number, rest: string): HTMLElement {
  const sum = STAGES.reduce((all, stage) => all + (stages[stage] ?? 0), 0);
  const scale = total > 0 && sum > total ? total / sum : 1;
  const bar = h("div", { class: "bar" });
  const words: string[] = [];
  const piece = (name: string, ms: number, width: number, label: string) => {
    const part = h("span", { class: `piece ${name}`, title: `${label}: ${milliseconds(ms)}` });
    part.style.width = `${(width / longest) * 100}%`;
    bar.append(part);
    words.push(`${label} ${milliseconds(ms)}`);
  };
  for (const stage of STAGES) {
    const ms = stages[stage];
    if (ms !== undefined) piece(stage, ms, ms * scale, STAGE_NAMES[stage]);
  }
  if (total - sum > 0) piece("rest", total - sum, total - sum, sum > 0 ? rest : "Heard");
  return h("div", {}, bar, h("span", { class: "unseen" }, words.join(", ")));
}

export function legend(rest: string): HTMLLIElement[] {
  return [...Object.entries(STAGE_NAMES), ["rest", rest] as const].map(([name, label]) =>
    h("li", {}, h("span", { class: `piece ${name}` }), label));
}
