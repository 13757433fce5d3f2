/** `/admin/pool`: the agents that are in calls now, by worker; each can be ended. */

import { h, setText } from "../call/dom.js";
import { api, showError, showSession, when } from "./api.js";

/** Shape of GET /api/voice/agent (src/http/agent.rs). */
interface Agent {
  roomName: string;
  state: string;
  since: string;
  attempts: number;
  worker: string | null;
  callId: string | null;
}

const REFRESH_MS = 3_000;

function get<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

async function show(): Promise<void> {
  try {
    const { agents } = await api<{ agents: Agent[] }>("/api/voice/agent");
    const workers = new Set(agents.map((agent) => agent.worker).filter(Boolean));
    setText(get("summary"), `${agents.length} ${agents.length === 1 ? "agent" : "agents"} on ${workers.size} ${workers.size === 1 ? "worker" : "workers"}`);
    get<HTMLTableElement>("agents").tBodies[0]!.replaceChildren(...agents.map(row));
    get("agents").hidden = agents.length === 0;
    get("none").hidden = agents.length > 0;
    get("note").hidden = true;
    setTimeout(() => void show(), REFRESH_MS);
  } catch (error) {
    showError(get("note"), error, () => void show());
  }
}

function row(agent: Agent): HTMLTableRowElement {
  const end = h("button", { class: "button small", type: "button", "aria-label": `End the agent in ${agent.roomName}` }, "End");
  end.addEventListener("click", () => {
    end.disabled = true;
    api(`/api/voice/agent/${encodeURIComponent(agent.roomName)}`, { method: "DELETE" })
      .catch((error: unknown) => showError(get("note"), error, () => void show()));
  });
  const room = agent.callId
    ? h("a", { href: `/admin/calls?call=${encodeURIComponent(agent.callId)}` }, agent.roomName)
    : agent.roomName;
  return h("tr", {},
    h("td", { class: "wide" }, room), h("td", {}, h("span", { class: "status" }, agent.state)), h("td", {}, when(agent.since)),
    h("td", { class: "number" }, String(agent.attempts)), h("td", { class: "wide soft" }, agent.worker ?? "–"), h("td", {}, end));
}

void showSession();
void show();
