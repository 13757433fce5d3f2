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
/** All files of the agents, as one version that the pool shares; the current one is the first. */
export interface Edition {
  version: string;
  current: boolean;
  publishedBy: string;
  publishedAt: string;
  heldSince: string | null;
}
/** An edition and who uses it; none: the files of the workers' own machines. */
export interface InUse {
  edition: Edition | null;
  hosts: string[];
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

/** Who uses which edition: the current one first, then those that were published last, then the workers without one. Lost workers do not count. */
export function inUse(editions: readonly Edition[], workers: readonly { host: string; state: string; edition?: string | null }[]): InUse[] {
  if (editions.length === 0) return [];
  const hosts = (version: string | null) =>
    [...new Set(workers.filter((worker) => worker.state !== "lost" && (worker.edition ?? null) === version).map(({ host }) => host))].sort();
  const rows: InUse[] = editions.map((edition) => ({ edition, hosts: hosts(edition.version) }));
  const own = hosts(null);
  return own.length === 0 ? rows : [...rows, { edition: null, hosts: own }];
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
