/** `/admin/pool`: the workers of all machines, which can be drained, and the agents in calls, which can be ended. */

import { h, setText } from "../call/dom.js";
import { Again } from "./again.js";
import { api, get, milliseconds, showError, showSession, when } from "./api.js";
import { Charts } from "./charts.js";
import { inUse, providers, versions, type Asked, type Edition, type InUse, type Recent, type Version } from "./pool-figures.js";
import { Rows } from "./rows.js";

/** Shape of GET /api/voice/workers (crates/control-plane/src/http/workers.rs). */
interface Worker {
  id: string;
  host: string;
  agentName: string;
  version: string;
  livekitId: string | null;
  state: "connecting" | "ready" | "draining" | "drained" | "lost";
  load: number;
  calls: number;
  maxCalls: number;
  startedAt: string;
  seenAt: string;
  drainRequestedAt: string | null;
  drainUntil?: string | null;
  recent?: Recent | null;
  edition?: string | null;
}

/** Shape of GET /api/voice/agent (crates/control-plane/src/http/agent.rs). */
interface Agent {
  roomName: string;
  state: string;
  since: string;
  attempts: number;
  worker: string | null;
  callId: string | null;
}

const REFRESH_MS = 3_000;
const HOUR_MS = 3_600_000;
/** Hours of calls in the chart. */
const HOURS = 24;
const charts = new Charts(get("charts"));
const again = new Again(() => void show());
const STAGES: Readonly<Record<string, string>> = { stt: "Speech to text", llm: "Model", tts: "Voice" };
/** Names of machines by LiveKit's id of their worker. */
let hosts = new Map<string, string>();

async function show(): Promise<void> {
  again.stop();
  try {
    const [{ workers, editions = [] }, { agents }] = await Promise.all([
      api<{ workers: Worker[]; editions?: Edition[] }>("/api/voice/workers"), api<{ agents: Agent[] }>("/api/voice/agent"),
    ]);
    hosts = new Map(workers.map((worker) => [worker.livekitId ?? worker.id, worker.host]));
    const here = workers.filter((worker) => worker.state !== "lost");
    const calls = here.reduce((sum, worker) => sum + worker.calls, 0);
    setText(get("summary"), `${count(here.length, "worker")}, ${count(calls, "call")}`);
    workerRows.show(workers);
    const [sides, asked] = [versions(workers), providers(workers)];
    versionRows.show(sides);
    providerRows.show(asked);
    editionRows.show(inUse(editions, workers));
    get("files").hidden = editions.length === 0;
    get("versions").hidden = sides.length === 0;
    get("providers").hidden = asked.length === 0;
    get("no-requests").hidden = asked.length > 0;
    agentRows.show(agents);
    get("workers").hidden = workers.length === 0;
    get("no-workers").hidden = workers.length > 0;
    get("agents").hidden = agents.length === 0;
    get("none").hidden = agents.length > 0;
    get("note").hidden = true;
    void charts.show(new URLSearchParams({ allUsers: "true", from: day() }));
    again.after(REFRESH_MS);
  } catch (error) {
    failed(error);
  }
}

/** The beginning of the hours in the chart; constant within an hour. */
function day(): string {
  return new Date(Math.floor(Date.now() / HOUR_MS - HOURS + 1) * HOUR_MS).toISOString();
}

function failed(error: unknown): void {
  showError(get("note"), error, () => void show());
}

/** How long ago, in one unit; a clock difference does not lead to the future. */
function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

const workerRows = new Rows<Worker>(get<HTMLTableElement>("workers").tBodies[0]!, (worker) => worker.id, () => {
  let worker: Worker | undefined;
  const state = h("span", { class: "status" });
  const host = h("th", { scope: "row", class: "wide" });
  const load = h("meter", { min: "0", max: "1", high: "0.7", optimum: "0" });
  const loadText = h("span", {});
  const until = h("span", { class: "note" });
  const [calls, latency, version, started, seen] = [0, 1, 2, 3, 4].map(() => h("td", {}));
  calls!.className = latency!.className = "number";
  const drain = h("button", { class: "button small", type: "button", click: () => worker && ask(worker) }, "Drain");
  const row = h("tr", {}, host, h("td", {}, state, until), h("td", {}, h("span", { class: "load" }, load, loadText)), calls!, latency!, version!, started!, seen!, h("td", {}, drain));
  const update = (now: Worker) => {
    worker = now;
    setText(host, now.host);
    const asked = now.drainRequestedAt !== null;
    setText(state, asked && now.state === "ready" ? "asked to drain" : now.state);
    state.className = `status is-${now.state}`;
    setText(until, now.drainUntil == null || now.state === "lost" ? "" : ` until ${when(now.drainUntil)}`);
    load.value = now.load;
    load.setAttribute("aria-label", `Load of ${now.host}`);
    setText(loadText, `${Math.round(now.load * 100)} %`);
    setText(calls!, `${now.calls} of ${now.maxCalls}`);
    setText(latency!, spoken(now.recent));
    setText(version!, now.version);
    setText(started!, when(now.startedAt));
    setText(seen!, ago(Date.now() - Date.parse(now.seenAt)));
    drain.setAttribute("aria-label", `Drain the worker on ${now.host}`);
    drain.disabled = asked || now.state === "draining" || now.state === "drained" || now.state === "lost";
  };
  return { row, update };
});

/** The recent latency of answers as callers heard them. */
function spoken(recent: Recent | null | undefined): string {
  const { p50LatencyMs: p50 = null, p95LatencyMs: p95 = null } = recent ?? {};
  return p50 === null || p95 === null ? "–" : `${milliseconds(p50)} / ${milliseconds(p95)}`;
}

/** A row of texts, the first of which is its header; `kind` is the class of the others. */
function row<T>(columns: readonly ((item: T) => string)[], kind = "number"): () => { row: HTMLTableRowElement; update(item: T): void } {
  return () => {
    const cells = columns.map((_, n) => (n === 0 ? h("th", { scope: "row" }) : h("td", { class: kind })));
    return { row: h("tr", {}, ...cells), update: (item) => cells.forEach((cell, n) => setText(cell, columns[n]!(item))) };
  };
}

const versionRows = new Rows<Version>(get<HTMLTableElement>("versions").tBodies[0]!, ({ version }) => version,
  row<Version>([({ version }) => version, ({ workers }) => String(workers), ({ leaving }) => String(leaving), ({ calls }) => String(calls)]));

const providerRows = new Rows<Asked>(get<HTMLTableElement>("providers").tBodies[0]!, ({ stage, provider }) => JSON.stringify([stage, provider]),
  row<Asked>([({ stage, provider }) => `${STAGES[stage] ?? stage}: ${provider}`, ({ requests }) => String(requests), ({ errors }) => String(errors),
    ({ requests, errors }) => `${Math.round((errors / Math.max(1, requests)) * 100)} %`]));

/** Digits of an edition that people are shown. */
const SHOWN = 12;

const editionRows = new Rows<InUse>(get<HTMLTableElement>("editions").tBodies[0]!, ({ edition }) => edition?.version ?? "",
  row<InUse>([({ edition }) => edition?.version.slice(0, SHOWN) ?? "On their own disks", ({ edition }) => (edition === null ? "" : edition.heldSince !== null ? `held since ${when(edition.heldSince)}` : edition.current ? "current" : "earlier"),
    ({ edition }) => (edition === null ? "" : when(edition.publishedAt)), ({ edition }) => edition?.publishedBy ?? "", ({ hosts }) => hosts.join(", ") || "–"], "wide"));

/** Asks for confirmation, then sends the request: a drained worker comes back only by a restart. */
function ask(worker: Worker): void {
  const dialog = get<HTMLDialogElement>("drain");
  const { calls } = worker;
  setText(get("drain-title"), `Drain the worker on ${worker.host}?`);
  setText(get("drain-text"), `It takes no more calls. ${calls === 0 ? "It holds none." : `Its ${count(calls, "call")} may go on to the end, for ten minutes at most.`} It takes calls again after a restart.`);
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "drain") return;
    api(`/api/voice/workers/${encodeURIComponent(worker.id)}/drain`, { method: "POST" }).then(() => show(), failed);
  };
  dialog.showModal();
}

const agentRows = new Rows<Agent>(get<HTMLTableElement>("agents").tBodies[0]!, (agent) => agent.roomName, () => {
  let room = "";
  const place = h("th", { scope: "row", class: "wide" });
  const state = h("span", { class: "status" });
  const [since, attempts, worker] = [0, 1, 2].map(() => h("td", {}));
  attempts!.className = "number";
  worker!.className = "wide soft";
  const end = h("button", { class: "button small", type: "button" }, "End");
  end.addEventListener("click", () => {
    end.disabled = true;
    api(`/api/voice/agent/${encodeURIComponent(room)}`, { method: "DELETE" })
      .then(() => show(), failed)
      .finally(() => (end.disabled = false));
  });
  const row = h("tr", {}, place, h("td", {}, state), since!, attempts!, worker!, h("td", {}, end));
  const update = (now: Agent) => {
    if (room !== now.roomName) {
      room = now.roomName;
      place.replaceChildren(now.callId ? h("a", { href: `calls?call=${encodeURIComponent(now.callId)}` }, room) : room);
      end.setAttribute("aria-label", `End the agent in ${room}`);
    }
    setText(state, now.state);
    setText(since!, when(now.since));
    setText(attempts!, String(now.attempts));
    setText(worker!, now.worker === null ? "–" : (hosts.get(now.worker) ?? now.worker));
  };
  return { row, update };
});

void showSession();
void show();
