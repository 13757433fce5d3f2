/**
 * The latency a caller feels: from the last voiced sample of the microphone to the first voiced
 * sample of the agent. Pure: levels of consecutive frames go in, turns come out. All times are
 * seconds on one clock (the AudioContext's), so a busy page does not bend the figure.
 */

/** Frame over which a level is taken; the grain of the measurement. */
export const FRAME_SECONDS = 0.01;

/** A frame louder than this is voice, if it also stands out of its own noise floor. */
const VOICE_DBFS = -45;
/** How far voice stands above the noise floor. */
const ABOVE_FLOOR_DB = 12;
/** Voice shorter than this (a click, a key) is not an utterance. */
const MIN_VOICED_SECONDS = 0.12;
/** Silence that ends an utterance for this meter. */
const GAP_SECONDS = 0.3;
/** An answer that comes later than this belongs to something else. */
const MAX_LATENCY_SECONDS = 15;

/** Tells voice from silence in one channel, with a noise floor that follows quiet frames. */
class Voice {
  private floor = -70;
  private voicedFor = 0;
  private silentFor = Infinity;
  /** Start and end of the utterance in the air, or of the last one. */
  from = 0;
  until = 0;

  /** Returns what this frame did: began an utterance, ended one, or neither. */
  push(time: number, dbfs: number): "began" | "ended" | undefined {
    const voiced = dbfs > Math.max(VOICE_DBFS, this.floor + ABOVE_FLOOR_DB);
    if (!voiced) {
      const level = Math.max(dbfs, -90);
      // Down at once, up slowly: speech must not become the floor.
      this.floor = level < this.floor ? level : this.floor + (level - this.floor) * 0.02;
    }
    const was = this.active;
    if (voiced) {
      if (this.silentFor >= GAP_SECONDS) {
        this.from = time;
        this.voicedFor = 0;
      }
      this.voicedFor += FRAME_SECONDS;
      this.silentFor = 0;
      this.until = time + FRAME_SECONDS;
    } else {
      this.silentFor += FRAME_SECONDS;
    }
    if (this.active && !was) return "began";
    if (!this.active && was) return "ended";
    return undefined;
  }

  get active(): boolean {
    return this.voicedFor >= MIN_VOICED_SECONDS && this.silentFor < GAP_SECONDS;
  }
}

export interface HeardTurn {
  /** Seconds from the caller's last voiced sample to the agent's first. */
  seconds: number;
}

export class LatencyMeter {
  private caller = new Voice();
  private agent = new Voice();
  /** The caller's utterance has not been answered yet. */
  private open = false;

  /** One frame of both channels that began at `time`. Gives the turn that it completes. */
  push(time: number, callerDbfs: number, agentDbfs: number): HeardTurn | undefined {
    this.caller.push(time, callerDbfs);
    const agent = this.agent.push(time, agentDbfs);
    if (this.caller.active) this.open = true;
    if (agent !== "began" || !this.open) return undefined;
    // Frames in order: the agent's onset lies before this frame by the time it took to be sure.
    const seconds = this.agent.from - this.caller.until;
    // The agent began over the caller's voice: no silence was heard, so there is no latency.
    if (seconds <= 0) return undefined;
    this.open = false;
    return seconds <= MAX_LATENCY_SECONDS ? { seconds } : undefined;
  }
}

/** RMS level of samples in −1…1, in dB below full scale; −Infinity for digital silence. */
export function dbfs(samples: Float32Array): number {
  let sum = 0;
  for (const s of samples) sum += s * s;
  return 10 * Math.log10(sum / samples.length);
}
