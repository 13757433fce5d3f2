/**
 * Listens to both ends of the call in the browser: levels for the visualiser and the meter, and the latency
 * of each turn. Nothing is recorded.
 *
 * AnalyserNodes hold the newest samples; a timer reads those that arrived since it last ran. So a late
 * timer loses nothing up to the analyser's length, and no worklet has to be loaded, which the strict
 * Content-Security-Policy of a host page would refuse.
 */

import { dbfs, FRAME_SECONDS, LatencyMeter, type HeardTurn } from "./latency.js";

/** Samples an analyser keeps: 341 ms at 48 kHz. */
const WINDOW = 16_384;
const LOOK_EVERY_MS = 50;

class Tap {
  readonly samples = new Float32Array(WINDOW);
  private readonly analyser: AnalyserNode;
  private source: MediaStreamAudioSourceNode | undefined;
  /** Loudness of the newest samples, 0…1. */
  level = 0;

  constructor(private readonly context: AudioContext) {
    this.analyser = new AnalyserNode(context, { fftSize: WINDOW });
  }

  connect(track: MediaStreamTrack | undefined): void {
    this.source?.disconnect();
    this.source = track && this.context.createMediaStreamSource(new MediaStream([track]));
    this.source?.connect(this.analyser);
    this.level = 0;
  }

  /** Reads the newest `count` samples and updates their loudness. */
  read(count: number): Float32Array {
    if (!this.source) this.samples.fill(0);
    else this.analyser.getFloatTimeDomainData(this.samples);
    const fresh = this.samples.subarray(WINDOW - count);
    this.level = loudness(dbfs(fresh));
    return fresh;
  }
}

/** Maps dBFS to the scale of a meter: −60 dB is 0, −10 dB is 1. */
function loudness(db: number): number {
  return Math.min(Math.max((db + 60) / 50, 0), 1);
}

export class Ears {
  private readonly caller: Tap;
  private readonly agent: Tap;
  private readonly meter = new LatencyMeter();
  private readonly timer: ReturnType<typeof setInterval>;
  private heardUntil: number;

  constructor(
    private readonly context: AudioContext,
    private readonly onTurn: (turn: HeardTurn) => void,
  ) {
    this.caller = new Tap(context);
    this.agent = new Tap(context);
    this.heardUntil = context.currentTime;
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  hearCaller(track: MediaStreamTrack | undefined): void {
    this.caller.connect(track);
  }

  hearAgent(track: MediaStreamTrack | undefined): void {
    this.agent.connect(track);
  }

  /** Current loudness of both ends, 0…1. */
  get levels(): { caller: number; agent: number } {
    return { caller: this.caller.level, agent: this.agent.level };
  }

  close(): void {
    clearInterval(this.timer);
    this.caller.connect(undefined);
    this.agent.connect(undefined);
  }

  private look(): void {
    const rate = this.context.sampleRate;
    const frame = Math.round(rate * FRAME_SECONDS);
    const now = this.context.currentTime;
    // Whole frames only; the meter misses what the page was too busy to read in time.
    const frames = Math.floor(Math.min((now - this.heardUntil) * rate, WINDOW) / frame);
    if (frames <= 0) return;
    const count = frames * frame;
    const caller = this.caller.read(count);
    const agent = this.agent.read(count);
    this.heardUntil = now;
    for (let i = 0; i < count; i += frame) {
      const turn = this.meter.push(
        now - (count - i) / rate,
        dbfs(caller.subarray(i, i + frame)),
        dbfs(agent.subarray(i, i + frame)),
      );
      if (turn) this.onTurn(turn);
    }
  }
}
