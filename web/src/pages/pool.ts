/** `/admin/pool`: the workers of all machines, which can be drained, and the agents in calls, which can be ended. */

import { h, setText } from "../call/dom.js";
import { Again } from "./again.js";
import { api, get, showError, showSession, when } from "./api.js";
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
const again = new Again(() => void show());
/** Names of machines by LiveKit's id of their worker. */
let hosts = new Map<string, string>();

async function show(): Promise<void> {
  again.stop();
  try {
    const [{ workers }, { agents }] = await Promise.all([
      api<{ workers: Worker[] }>("/api/voice/workers"), api<{ agents: Agent[] }>("/api/voice/agent"),
    ]);
    hosts = new Map(workers.map((worker) => [worker.livekitId ?? worker.id, worker.host]));
    const here = workers.filter((worker) => worker.state !== "lost");
    const calls = here.reduce((sum, worker) => sum + worker.calls, 0);
    setText(get("summary"), `${count(here.length, "worker")}, ${count(calls, "call")}`);
    workerRows.show(workers);
    agentRows.show(agents);
    get("workers").hidden = workers.length === 0;
    get("no-workers").hidden = workers.length > 0;
    get("agents").hidden = agents.length === 0;
    get("none").hidden = agents.length > 0;
    get("note").hidden = true;
    again.after(REFRESH_MS);
  } catch (error) {
    failed(error);
  }
}

function failed(error: unknown): void {
  showError(get("note"), error, () => void show());
}

/** How long ago, in one unit; clocks that differ make no future. */
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
  const [calls, version, started, seen] = [0, 1, 2, 3].map(() => h("td", {}));
  calls!.className = "number";
  const drain = h("button", { class: "button small", type: "button", click: () => worker && ask(worker) }, "Drain");
  const row = h("tr", {}, host, h("td", {}, state), h("td", {}, h("span", { class: "load" }, load, loadText)), calls!, version!, started!, seen!, h("td", {}, drain));
  const update = (now: Worker) => {
    worker = now;
    setText(host, now.host);
    const asked = now.drainRequestedAt !== null;
    setText(state, asked && now.state === "ready" ? "asked to drain" : now.state);
    state.className = `status is-${now.state}`;
    load.value = now.load;
    load.setAttribute("aria-label", `Load of ${now.host}`);
    setText(loadText, `${Math.round(now.load * 100)} %`);
    setText(calls!, `${now.calls} of ${now.maxCalls}`);
    setText(version!, now.version);
    setText(started!, when(now.startedAt));
    setText(seen!, ago(Date.now() - Date.parse(now.seenAt)));
    drain.setAttribute("aria-label", `Drain the worker on ${now.host}`);
    drain.disabled = asked || now.state === "draining" || now.state === "drained" || now.state === "lost";
  };
  return { row, update };
});

/** Asks the reader, then the server: a drained worker comes back only by a restart. */
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
