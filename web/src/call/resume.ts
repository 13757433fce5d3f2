/**
 * The running call, kept for this tab so that a reload joins it again. `sessionStorage` is per tab
 * and goes with it; the token in it opens one room for a few minutes.
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

interface Entry extends RunningCall {
  savedAt: number;
}

export class RunningCallStore {
  constructor(private readonly key: string) {}

  save(call: RunningCall): void {
    const entry: Entry = { ...call, transcript: call.transcript.slice(-50), savedAt: Date.now() };
    try {
      sessionStorage.setItem(this.key, JSON.stringify(entry));
    } catch {
      // Storage is full or forbidden: the call works, a reload just does not rejoin.
    }
  }

  forget(): void {
    try {
      sessionStorage.removeItem(this.key);
    } catch {
      // Storage is forbidden: there is nothing to forget.
    }
  }

  /** The call to join again, if it was running a moment ago and its token still opens the room. */
  load(): RunningCall | undefined {
    try {
      const text = sessionStorage.getItem(this.key);
      if (!text) return undefined;
      const entry = JSON.parse(text) as Entry;
      const now = Date.now();
      const expiry = tokenExpiry(entry.token.token) ?? 0;
      if (now - entry.savedAt > MAX_AGE_MS || expiry < now + 5_000) {
        this.forget();
        return undefined;
      }
      return entry;
    } catch {
      return undefined;
    }
  }
}
