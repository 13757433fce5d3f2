/** `/`: choose an agent and a voice, call, and see the latency of each turn. */

import { h, setText } from "../call/dom.js";
import type { SidetoneCallEventMap } from "../call/element.js";
import { STAGES, type Turn } from "../call/turns.js";
import { milliseconds } from "./api.js";
import { here } from "./here.js";
import { legend, stageBar } from "./stages.js";

/** The response of `GET /ui/config.json` (crates/control-plane/src/http/ui.rs). */
interface UiConfig {
  agents: string[];
  voices: string[];
  defaultAgent: string | null;
  defaultVoice: string;
  /** What to ask the default agent. */
  questions?: string[];
}

/** What the agent cannot measure: network in both directions, jitter buffer, the browser's own output. */
const REST = "Network and playout";

function get<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const call = document.querySelector("sidetone-call")!;
call.setAttribute("endpoint", here("/api/voice/token"));
const agent = get<HTMLSelectElement>("agent");
const voices = get("voices");

async function readConfig(): Promise<UiConfig> {
  const response = await fetch(here("/ui/config.json"), { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`/ui/config.json answered ${response.status}`);
  return (await response.json()) as UiConfig;
}

function offer(config: UiConfig): void {
  const chosen = readChoice();
  agent.replaceChildren(...config.agents.map((name) => h("option", { value: name }, name)));
  if (config.defaultAgent) agent.value = config.defaultAgent;
  if (config.agents.includes(chosen["agent"] ?? "")) agent.value = chosen["agent"]!;
  const voice = config.voices.find((name) => name === chosen["voice"]) ?? config.defaultVoice;
  const questions = config.questions ?? [];
  get("questions").replaceChildren(...questions.map((text) => h("li", {}, text)));
  get("ask").hidden = questions.length === 0;
  // With a single agent there is no choice.
  get("agent-field").hidden = config.agents.length < 2;
  voices.replaceChildren(
    ...config.voices.map((name) => {
      const radio = h("input", { type: "radio", name: "voice", value: name });
      radio.checked = name === voice;
      return h("label", { class: "chip" }, radio, h("span", {}, name));
    }),
  );
  choose();
}

/** Where this tab stores the choice: a call that is resumed after a reload is one with the chosen agent. */
const CHOICE = "sidetone-try";

function readChoice(): Record<string, string> {
  try {
    return Object(JSON.parse(sessionStorage.getItem(CHOICE) ?? "{}")) as Record<string, string>;
  } catch {
    return {};
  }
}

function keepChoice(form: FormData): void {
  try {
    sessionStorage.setItem(CHOICE, JSON.stringify(Object.fromEntries(form)));
  } catch {
    // Storage is forbidden: after a reload the server's first choice is selected.
  }
}

/** Applies the choice to the element and to the code snippet. */
function choose(): void {
  const form = new FormData(get<HTMLFormElement>("choice"));
  const lines = [`<script src="${location.origin}${here("/sidetone-call.js")}" defer></script>`];
  const attributes = [`endpoint="${location.origin}${here("/api/voice/token")}"`];
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

/** The key stays in this page's memory; an admin who is signed in needs no key, only the session's header. */
function useKey(key?: string): void {
  call.headers = { "x-sidetone-session": "1", ...(key && { authorization: `Bearer ${key}` }) };
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
  return h("tr", {},
    h("th", { scope: "row" }, String(turn.number)),
    h("td", {}, stageBar(turn.stages ?? {}, turn.heardMs ?? 0, longest, REST)),
    h("td", { class: "number" }, turn.heardMs === undefined ? "–" : milliseconds(turn.heardMs)));
}

function showLegend(turns: readonly Turn[]): void {
  const list = get("legend");
  list.hidden = !turns.some((t) => t.stages);
  if (!list.hidden && list.childElementCount === 0) list.append(...legend(REST));
}

get("choice").addEventListener("change", () => {
  choose();
  keepChoice(new FormData(get<HTMLFormElement>("choice")));
  get("applies").hidden = call.snapshot?.phase.is !== "live";
});
get("access").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = get<HTMLInputElement>("key").value.trim();
  useKey(key);
  get("access").hidden = true;
  void call.start();
});
get("copy").addEventListener("click", () => {
  // Pages in an insecure context have no clipboard.
  const copied = navigator.clipboard?.writeText(get("snippet").textContent ?? "") ?? Promise.reject(new Error("no clipboard"));
  copied.then(() => setText(get("copy"), "Copied"), () => getSelection()?.selectAllChildren(get("snippet")));
});
call.addEventListener("sidetone-started", (event) => {
  const { callId } = (event as SidetoneCallEventMap["sidetone-started"]).detail;
  const link = get<HTMLAnchorElement>("record");
  if (callId) link.href = here(`/admin/calls?call=${encodeURIComponent(callId)}`);
  link.hidden = !callId;
});
call.addEventListener("sidetone-turn", () => showTurns(call.snapshot?.turns ?? []));
call.addEventListener("sidetone-state", (event) => {
  const { detail: phase } = event as SidetoneCallEventMap["sidetone-state"];
  get("applies").hidden = true;
  if (phase.is === "starting") showTurns(call.snapshot?.turns ?? []);
  if (phase.is === "failed" && phase.problem.code === "signed-out") get("access").hidden = false;
});

useKey();
choose();
async function begin(): Promise<void> {
  const note = get("not-listed");
  try {
    offer(await readConfig());
    note.hidden = true;
  } catch {
    // Calls work without it: the server's own agent and voice answer.
    const retry = h("button", { class: "button small", type: "button", click: () => void begin() }, "Try again");
    note.replaceChildren("The agents and voices could not be listed. ", retry);
    note.hidden = false;
  }
}
await begin();
