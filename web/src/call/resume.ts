/**
 * The running call, stored for this tab so that a reload rejoins it. `sessionStorage` is per tab and is
 * deleted with it; the token in it opens one room for a few minutes.
 *
 * An entry is taken, not just read: it is written when a page is left, and removed once a page has it.
 * Duplicating a tab copies the storage, and two pages in one call would keep disconnecting each other.
 */

import type { Transcript } from "./transcript.js";
import { tokenExpiry, type CallToken } from "./token.js";

export interface RunningCall {
  token: CallToken;
  /** When the agent first joined, in milliseconds since the epoch. */
  startedAt: number;
  muted: boolean;
  microphone: boolean;
  transcript: Transcript;
}

/** Reloads take seconds; an older entry comes from a tab that the browser restored. */
const MAX_AGE_MS = 60_000;

/** A running call whose page was left at `savedAt`. */
export interface LeftCall extends RunningCall {
  /** Milliseconds since the epoch. */
  savedAt: number;
}

/** Stores a call under `key`. */
export function save(key: string, call: LeftCall): void {
  const entry: LeftCall = { ...call, transcript: call.transcript.slice(-50) };
  try {
    sessionStorage.setItem(key, JSON.stringify(entry));
  } catch {
    // Storage is full or forbidden: the call works, but a reload does not rejoin it.
  }
}

/**
 * Returns the call under `key`, if it was running a moment ago and its token still opens the room. Removes
 * it from the storage.
 */
export function take(key: string): LeftCall | undefined {
  try {
    const text = sessionStorage.getItem(key);
    if (!text) return undefined;
    sessionStorage.removeItem(key);
    const call = JSON.parse(text) as LeftCall;
    return isGood(call) ? call : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the call can still be joined. */
export function isGood({ savedAt, token }: LeftCall): boolean {
  const now = Date.now();
  return now - savedAt <= MAX_AGE_MS && (tokenExpiry(token.token) ?? 0) >= now + 5_000;
}

/**
 * The position of an element in its tab: its id or its index among elements of the same name, and likewise
 * for each host and frame around it. All frames of one origin share the tab's storage.
 */
export function placeOf(element: Element): string {
  const places: (string | number)[] = [];
  let view: Window = window;
  for (let at: Element | null = element; at; ) {
    const root = at.getRootNode() as Document | ShadowRoot;
    places.push(at.id || [...root.querySelectorAll(at.localName)].indexOf(at));
    view = at.ownerDocument.defaultView ?? view;
    at = "host" in root ? root.host : view.frameElement;
  }
  // Surrounding pages of other sites reveal only the order of their frames.
  for (; view !== view.parent; view = view.parent) {
    const { parent } = view;
    places.push(Array.from({ length: parent.length }, (_, n) => parent[n]).indexOf(view));
  }
  return places.join("/");
}
