/** What the service tells callers who wait, on the data topic `sidetone.call`. Pure. */

import type { Problem, ProblemCode } from "./phase.js";

/** Its reasons that there are words for (`Notice` in crates/control-plane/src/control/rooms.rs); others are shown as they are told. */
const REASONS: Record<string, ProblemCode> = {
  "no-agent": "no-agent",
  "agent-failed": "agent-failed",
  "no-media": "no-media",
  "too-many-calls": "too-many-at-once",
};

/** Reads a message: `call.waiting` when nobody is there yet, `call.failed` when nobody comes, and why. */
export function readNotice(message: string): { type: unknown; why: Problem } {
  let body: Record<string, unknown> = {};
  try {
    body = Object(JSON.parse(message)) as Record<string, unknown>;
  } catch {
    // Not of this service: it says nothing.
  }
  const { type, code, reason } = body;
  const known = typeof code === "string" && Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  const detail = known === undefined && typeof reason === "string" ? reason.slice(0, 300) : "";
  return { type, why: { code: known ?? "no-agent", retry: true, ...(detail && { detail }) } };
}
