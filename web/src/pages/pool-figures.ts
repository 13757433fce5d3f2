/** The combined figures of a pool's workers. */

/** What a worker measured during the last five minutes. */
export interface Recent {
  answers: number;
  p50LatencyMs: number | null;
  p95LatencyMs: number | null;
  providers: Asked[];
}
export interface Asked {
  stage: string;
  provider: string;
  requests: number;
  errors: number;
}
interface Figures {
  version: string;
  state: string;
  calls: number;
  recent?: Recent | null;
}
export interface Version {
  version: string;
  workers: number;
  leaving: number;
  calls: number;
}

/** The versions, starting with the one that has the most workers. Lost workers do not count. */
export function versions(workers: readonly Figures[]): Version[] {
  const all = new Map<string, Version>();
  for (const { version, state, calls } of workers) {
    if (state === "lost") continue;
    const of = all.get(version) ?? { version, workers: 0, leaving: 0, calls: 0 };
    of.workers += 1;
    of.leaving += Number(state === "draining" || state === "drained");
    of.calls += calls;
    all.set(version, of);
  }
  return [...all.values()].sort((a, b) => b.workers - a.workers || a.version.localeCompare(b.version));
}

/** The providers of all workers, starting with the one that has the most errors. */
export function providers(workers: readonly Figures[]): Asked[] {
  const all = new Map<string, Asked>();
  for (const { state, recent } of workers) {
    if (state === "lost") continue;
    for (const asked of recent?.providers ?? []) {
      const key = JSON.stringify([asked.stage, asked.provider]);
      const of = all.get(key) ?? { ...asked, requests: 0, errors: 0 };
      of.requests += asked.requests;
      of.errors += asked.errors;
      all.set(key, of);
    }
  }
  return [...all.values()].sort((a, b) => b.errors - a.errors || b.requests - a.requests || a.stage.localeCompare(b.stage));
}
