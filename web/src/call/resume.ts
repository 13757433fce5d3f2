/**
 * The running call, kept for this tab so that a reload joins it again. `sessionStorage` is per tab
 * and goes with it; the token in it opens one room for a few minutes.
 *
 * An entry is taken, not read: it is written when a page goes, and gone once a page has it. A tab that is
 * duplicated copies the storage, and two pages in one call would put each other out of it by turns.
 */

import type { Transcript } from "./transcript.js";
import { tokenExpiry, type CallToken } from "./token.js";

export interface RunningCall {
  token: CallToken;
  /** Milliseconds of the epoch at which the agent was first there. */
  startedAt: number;
  muted: boolean;
  microphone: boolean;
  transcript: Transcript;
}

/** Reloads take seconds; an older entry is of a tab that the browser brought back. */
const MAX_AGE_MS = 60_000;

/** A running call that its page left at `savedAt`. */
export interface LeftCall extends RunningCall {
  /** Milliseconds of the epoch. */
  savedAt: number;
}

/** Keeps a call under `key`. */
export function save(key: string, call: LeftCall): void {
  const entry: LeftCall = { ...call, transcript: call.transcript.slice(-50) };
  try {
    sessionStorage.setItem(key, JSON.stringify(entry));
  } catch {
    // Storage is full or forbidden: the call works, a reload just does not rejoin.
  }
}

/** The call under `key`, if it was running a moment ago and its token still opens the room. Nobody finds it again. */
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
 * Where in its tab an element stands: its place beside its like, and so that of each host and frame around it.
 * All frames of one origin share the tab's storage.
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
  // Pages of other sites around it show no more than the order of their frames.
  for (; view !== view.parent; view = view.parent) {
    const { parent } = view;
    places.push(Array.from({ length: parent.length }, (_, n) => parent[n]).indexOf(view));
  }
  return places.join("/");
}
