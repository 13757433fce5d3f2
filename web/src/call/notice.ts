/** Messages from the service to waiting callers, on the data topic `sidetone.call`. Pure. */

import type { Problem, ProblemCode } from "./phase.js";

/** The reasons that there are texts for (`Notice` in crates/control-plane/src/control/rooms.rs); others are shown as received. */
const REASONS: Record<string, ProblemCode> = {
  "no-agent": "no-agent",
  "agent-failed": "agent-failed",
  "no-media": "no-media",
  "too-many-calls": "too-many-at-once",
};

/** Parses a message: `call.waiting` if nobody has joined yet, `call.failed` if nobody will, and the reason. */
export function readNotice(message: string): { type: unknown; why: Problem } {
  let body: Record<string, unknown> = {};
  try {
    body = Object(JSON.parse(message)) as Record<string, unknown>;
  } catch {
    // Not from this service: ignored.
  }
  const { type, code, reason } = body;
  const known = typeof code === "string" && Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  const detail = known === undefined && typeof reason === "string" ? reason.slice(0, 300) : "";
  return { type, why: { code: known ?? "no-agent", retry: true, ...(detail && { detail }) } };
}
