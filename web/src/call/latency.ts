/**
 * The latency that a caller perceives: from the last voiced sample of the microphone to the first voiced
 * sample of the agent. Pure: takes levels of consecutive frames, returns turns. All times are seconds on
 * one clock (the AudioContext's), so a busy page does not distort the figure.
 */

/** Frame over which a level is computed; the resolution of the measurement. */
export const FRAME_SECONDS = 0.01;

/** A frame louder than this is voice, if it also stands out from its channel's noise floor. */
const VOICE_DBFS = -45;
/** How far above the noise floor voice must be. */
const ABOVE_FLOOR_DB = 12;
/** Voice shorter than this (a click, a key) is not an utterance. */
const MIN_VOICED_SECONDS = 0.12;
/** Silence that ends an utterance for this meter. */
const GAP_SECONDS = 0.3;
/** An answer that comes later than this is not attributed to the utterance. */
const MAX_LATENCY_SECONDS = 15;

/** Distinguishes voice from silence in one channel, with a noise floor that follows quiet frames. */
class Voice {
  private floor = -70;
  private voicedFor = 0;
  private silentFor = Infinity;
  /** Start and end of the current utterance, or of the last one. */
  from = 0;
  until = 0;

  /** Returns the effect of this frame: it began an utterance, ended one, or neither. */
  push(time: number, dbfs: number): "began" | "ended" | undefined {
    const voiced = dbfs > Math.max(VOICE_DBFS, this.floor + ABOVE_FLOOR_DB);
    if (!voiced) {
      const level = Math.max(dbfs, -90);
      // Falls at once, rises slowly: speech must not become the noise floor.
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
  /** Whether the caller's last utterance has not been answered yet. */
  private open = false;

  /** Takes one frame of both channels that began at `time`. Returns the turn that it completes. */
  push(time: number, callerDbfs: number, agentDbfs: number): HeardTurn | undefined {
    this.caller.push(time, callerDbfs);
    const agent = this.agent.push(time, agentDbfs);
    if (this.caller.active) this.open = true;
    if (agent !== "began" || !this.open) return undefined;
    // Frames arrive in order: the agent's onset is earlier than this frame by the time it took to be certain.
    const seconds = this.agent.from - this.caller.until;
    // The agent began while the caller was speaking: there was no silence, so there is no latency.
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
