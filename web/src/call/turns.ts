/** The turns of a call with their latency: as heard here, and by stage as reported by the agent. Pure. */

/**
 * Topic of the text stream on which the agent reports a turn once its answer is heard: a JSON object with
 * any of the fields of `Stages`.
 */
export const TURN_TOPIC = "sidetone.turn";

/** The parts of a turn's latency, in milliseconds, in chronological order. */
export interface Stages {
  /** From the last voiced sample to the decision that the caller has finished. */
  endpointingMs?: number;
  /** From there to the final transcript. */
  sttMs?: number;
  /** From there to the first token of the answer. */
  llmFirstTokenMs?: number;
  /** From there to the first audio of the voice. */
  ttsFirstByteMs?: number;
}

export const STAGES = ["endpointingMs", "sttMs", "llmFirstTokenMs", "ttsFirstByteMs"] as const;

export interface Turn {
  number: number;
  /** Milliseconds of silence that the caller heard before the answer, measured in this browser. */
  heardMs?: number;
  stages?: Stages;
}

export const MAX_TURNS = 200;

/** Adds a figure to the newest turn, or starts a turn if that one already has this figure. */
export function addTurn(turns: readonly Turn[], figure: Pick<Turn, "heardMs"> | Pick<Turn, "stages">): readonly Turn[] {
  const last = turns.at(-1);
  const kind = "heardMs" in figure ? "heardMs" : "stages";
  if (last && last[kind] === undefined) return [...turns.slice(0, -1), { ...last, ...figure }];
  return [...turns, { number: (last?.number ?? 0) + 1, ...figure }].slice(-MAX_TURNS);
}

/** Parses an agent's report; returns undefined if it contains no figures. */
export function readStages(text: string): Stages | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null) return undefined;
  const stages: Stages = {};
  for (const name of STAGES) {
    const value = (body as Record<string, unknown>)[name];
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) stages[name] = value;
  }
  return Object.keys(stages).length > 0 ? stages : undefined;
}
