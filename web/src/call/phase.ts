/**
 * The phase of a call, as a pure state machine: `next(phase, event)` knows no browser and no room.
 * `session.ts` feeds it and acts on the result; `view.ts` shows it.
 */

/** What the agent is doing, in LiveKit's terms (`lk.agent.state`). */
export type AgentState = "listening" | "thinking" | "speaking";

/** Why a call could not start or could not continue. */
export type ProblemCode =
  | "microphone-refused"
  /** The person dismissed the browser's prompt. */
  | "microphone-dismissed"
  /** The system denies the browser access to the microphone. */
  | "microphone-withheld"
  /** The page around this one does not delegate the microphone (Permissions Policy). */
  | "microphone-framed"
  /** The site's own Permissions Policy forbids it. */
  | "microphone-forbidden"
  | "microphone-missing"
  | "microphone-busy"
  | "insecure-page"
  | "old-browser"
  | "signed-out"
  | "not-allowed"
  | "too-many-calls"
  | "too-many-at-once"
  | "unavailable"
  | "bad-request"
  | "endpoint-unreachable"
  | "endpoint-slow"
  | "server-unreachable"
  /** The server answers, but this network lets no media through to it. */
  | "media-blocked"
  | "token-refused"
  | "no-agent"
  | "agent-failed"
  /** Agents joined, but no audio gets through between them and the server. */
  | "no-media"
  | "connection-lost"
  | "joined-elsewhere"
  | "removed";

export interface Problem {
  code: ProblemCode;
  /** Whether trying again can help. */
  retry: boolean;
  /** Seconds to wait before trying again helps (from `Retry-After`). */
  retryAfter?: number;
  /** The server's own words, shown as plain text below ours. */
  detail?: string;
}

/** What a starting call is waiting for. */
export type Step = "microphone" | "token" | "room" | "agent";

export type Phase =
  | { is: "idle" }
  | { is: "starting"; step: Step }
  | { is: "live"; agent: AgentState }
  | { is: "reconnecting"; was: Phase }
  | { is: "ended"; by: "caller" | "agent" }
  | { is: "failed"; problem: Problem };

export type PhaseEvent =
  | { type: "start"; step: Step }
  | { type: "step"; step: Step }
  | { type: "agent"; state: AgentState }
  | { type: "agent-gone"; hungUp: boolean }
  | { type: "link-lost" }
  | { type: "link-back" }
  | { type: "hang-up" }
  /** The person has read how the call ended, and wants to start over. */
  | { type: "dismiss" }
  | { type: "fail"; problem: Problem };

/** True while there is something to hang up. */
export function isRunning(phase: Phase): boolean {
  return phase.is === "starting" || phase.is === "live" || phase.is === "reconnecting";
}

/** The phase beneath a lost connection. */
export function settled(phase: Phase): Phase {
  return phase.is === "reconnecting" ? phase.was : phase;
}

/** Total: an event that means nothing in a phase leaves the phase unchanged. */
export function next(phase: Phase, event: PhaseEvent): Phase {
  if (event.type === "start") {
    return isRunning(phase) ? phase : { is: "starting", step: event.step };
  }
  if (event.type === "dismiss") return isRunning(phase) ? phase : { is: "idle" };
  // Late events from a call that is over change nothing.
  if (!isRunning(phase)) return phase;
  switch (event.type) {
    case "hang-up":
      return { is: "ended", by: "caller" };
    case "fail":
      return { is: "failed", problem: event.problem };
    case "link-lost":
      return phase.is === "reconnecting" ? phase : { is: "reconnecting", was: phase };
    case "link-back":
      return settled(phase);
    case "step":
      return beneath(phase, (p) => (p.is === "starting" ? { is: "starting", step: event.step } : p));
    case "agent":
      return beneath(phase, () => ({ is: "live", agent: event.state }));
    case "agent-gone":
      // An agent that hung up ended the call. If it crashed, the control plane's dispatch guardian requests
      // another one, so the caller waits for it.
      if (event.hungUp) return { is: "ended", by: "agent" };
      return beneath(phase, () => ({ is: "starting", step: "agent" }));
  }
}

function beneath(phase: Phase, change: (phase: Phase) => Phase): Phase {
  return phase.is === "reconnecting"
    ? { is: "reconnecting", was: change(phase.was) }
    : change(phase);
}
