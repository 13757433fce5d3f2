/** `/`: choose an agent and a voice, call, and see the latency of each turn. */

import { h, setText } from "../call/dom.js";
import type { SidetoneCallEventMap } from "../call/element.js";
import { STAGES, type Turn } from "../call/turns.js";

/** What `GET /ui/config.json` tells (src/http/ui.rs). */
interface UiConfig {
  agents: string[];
  voices: string[];
  defaultAgent: string | null;
  defaultVoice: string;
}

const STAGE_NAMES = {
  endpointing_ms: "End of turn",
  stt_ms: "Speech to text",
  llm_first_token_ms: "Model",
  tts_first_byte_ms: "Voice",
} as const;

const KEY = "sidetone key";

function get<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const call = document.querySelector("sidetone-call")!;
const agent = get<HTMLSelectElement>("agent");
const voices = get("voices");

async function readConfig(): Promise<UiConfig> {
  const response = await fetch("/ui/config.json", { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`/ui/config.json answered ${response.status}`);
  return (await response.json()) as UiConfig;
}

function offer(config: UiConfig): void {
  agent.replaceChildren(...config.agents.map((name) => h("option", { value: name }, name)));
  if (config.defaultAgent) agent.value = config.defaultAgent;
  // One agent is no choice.
  get("agent-field").hidden = config.agents.length < 2;
  voices.replaceChildren(
    ...config.voices.map((name) => {
      const radio = h("input", { type: "radio", name: "voice", value: name });
      radio.checked = name === config.defaultVoice;
      return h("label", { class: "chip" }, radio, h("span", {}, name));
    }),
  );
  choose();
}

/** Carries the choice to the element and into the code to paste. */
function choose(): void {
  const form = new FormData(get<HTMLFormElement>("choice"));
  const lines = [`<script src="${location.origin}/sidetone-call.js" defer></script>`];
  const attributes = [`endpoint="${location.origin}/api/voice/token"`];
  for (const name of ["agent", "voice"]) {
    const value = form.get(name);
    if (typeof value !== "string" || value === "") call.removeAttribute(name);
    else {
      call.setAttribute(name, value);
      attributes.push(`${name}="${value}"`);
    }
  }
  lines.push(`<sidetone-call\n  ${attributes.join("\n  ")}></sidetone-call>`);
  setText(get("snippet"), lines.join("\n"));
}

function useKey(key: string | null): void {
  call.headers = key ? { authorization: `Bearer ${key}` } : undefined;
}

function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function showTurns(turns: readonly Turn[]): void {
  const table = get<HTMLTableElement>("turns");
  const heard = turns.map((t) => t.heardMs).filter((ms) => ms !== undefined);
  const sorted = heard.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  setText(get("median"), median === undefined ? "" : `${milliseconds(median)} median`);
  table.hidden = turns.length === 0;
  get("latency-empty").hidden = turns.length > 0;
  const total = (t: Turn) => STAGES.reduce((sum, stage) => sum + (t.stages?.[stage] ?? 0), 0);
  const longest = Math.max(1, ...turns.map((t) => Math.max(t.heardMs ?? 0, total(t))));
  table.tBodies[0]!.replaceChildren(...turns.slice(-12).map((turn) => row(turn, longest)));
  showLegend(turns);
}

function row(turn: Turn, longest: number): HTMLTableRowElement {
  const bar = h("div", { class: "bar" });
  const words: string[] = [];
  const piece = (name: string, ms: number, label: string) => {
    const part = h("span", { class: `piece ${name}`, title: `${label}: ${milliseconds(ms)}` });
    part.style.width = `${(ms / longest) * 100}%`;
    bar.append(part);
    words.push(`${label} ${milliseconds(ms)}`);
  };
  let known = 0;
  for (const stage of STAGES) {
    const ms = turn.stages?.[stage];
    if (ms === undefined) continue;
    known += ms;
    piece(stage, ms, STAGE_NAMES[stage]);
  }
  // What the agent cannot see: network both ways, jitter buffer, the browser's own output.
  const rest = (turn.heardMs ?? 0) - known;
  if (rest > 0) piece("rest", rest, turn.stages ? "Network and playout" : "Heard");
  return h("tr", {},
    h("th", { scope: "row" }, String(turn.number)),
    h("td", {}, bar, h("span", { class: "unseen" }, words.join(", "))),
    h("td", { class: "number" }, turn.heardMs === undefined ? "–" : milliseconds(turn.heardMs)));
}

function showLegend(turns: readonly Turn[]): void {
  const legend = get("legend");
  legend.hidden = !turns.some((t) => t.stages);
  if (legend.hidden || legend.childElementCount > 0) return;
  for (const [name, label] of [...Object.entries(STAGE_NAMES), ["rest", "Network and playout"]] as const) {
    legend.append(h("li", {}, h("span", { class: `piece ${name}` }), label));
  }
}

get("choice").addEventListener("change", () => {
  choose();
  get("applies").hidden = call.snapshot?.phase.is !== "live";
});
get("access").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = get<HTMLInputElement>("key").value.trim();
  sessionStorage.setItem(KEY, key);
  useKey(key);
  get("access").hidden = true;
  void call.start();
});
get("copy").addEventListener("click", () => {
  void navigator.clipboard.writeText(get("snippet").textContent ?? "").then(() => setText(get("copy"), "Copied"));
});
call.addEventListener("sidetone-turn", () => showTurns(call.snapshot?.turns ?? []));
call.addEventListener("sidetone-state", (event) => {
  const { detail: phase } = event as SidetoneCallEventMap["sidetone-state"];
  get("applies").hidden = true;
  if (phase.is === "starting") showTurns(call.snapshot?.turns ?? []);
  if (phase.is === "failed" && phase.problem.code === "signed-out") get("access").hidden = false;
});

useKey(sessionStorage.getItem(KEY));
choose();
offer(await readConfig());
