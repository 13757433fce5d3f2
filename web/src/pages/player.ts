/** The player of a call's recording: both voices as a waveform, and the position in the conversation. */

import { h } from "../call/dom.js";

/** A recording in the call's data (crates/control-plane/src/http/recording.rs). */
export interface Recording {
  state: string;
  /** LiveKit's Egress puts the agent on the left. */
  mode: "process" | "egress";
  durationMs: number | null;
  startedAt: string;
}

/** The place in the conversation for a time. */
export interface Mark {
  at: number;
  item: HTMLElement;
}

/** The waveform needs the whole file decoded: longer recordings are played without one. */
const DRAWN_MS = 60 * 60_000;
/** Sample rate of the decoded copy: enough for an outline, with a sixth of the memory. */
const OUTLINE_HERTZ = 8_000;
const COLUMNS = 600;
const DEADLINE_MS = 30_000;

/** True if there is something to play. */
export function audible(recording: Recording): boolean {
  return recording.state === "kept" || recording.state === "uploaded";
}

export class Player {
  private readonly audio = h("audio", { controls: true, preload: "metadata" });
  private readonly canvas = h("canvas", { class: "wave", width: String(COLUMNS), height: "96", "aria-hidden": "true" });
  private readonly note = h("p", { class: "note", hidden: true });
  private readonly parts = h("select", { "aria-label": "Part of the recording", hidden: true });
  private peaks: readonly Float32Array[] = [];
  private marks: readonly Mark[] = [];
  private shown = "";
  private recordings: readonly Recording[] = [];
  private part = 0;

  constructor(place: HTMLElement) {
    place.replaceChildren(this.canvas, this.audio, this.parts, this.note);
    this.canvas.addEventListener("click", (event) => {
      const { left, width } = this.canvas.getBoundingClientRect();
      if (Number.isFinite(this.audio.duration)) this.audio.currentTime = ((event.clientX - left) / width) * this.audio.duration;
    });
    this.audio.addEventListener("timeupdate", () => this.follow());
    this.audio.addEventListener("error", () => this.say("The recording could not be loaded."));
    this.parts.addEventListener("change", () => this.choose(this.parts.selectedIndex));
  }

  /** Shows a call's recordings; showing the same ones again changes nothing, so that playback continues. */
  show(url: string, recordings: readonly Recording[], marks: readonly Mark[]): void {
    this.marks = marks;
    const key = `${url} ${recordings.map((r) => r.state).join()}`;
    if (key !== this.shown) {
      this.shown = key;
      this.recordings = recordings;
      this.parts.replaceChildren(...recordings.map((_, n) => h("option", { value: `${url}?part=${n + 1}` }, `Part ${n + 1}`)));
      this.parts.hidden = recordings.length < 2;
      this.choose(Math.max(0, recordings.findIndex(audible)));
    }
    this.follow();
  }

  /** Plays from a time of the call, in the part that contains it. */
  playFrom(at: number): void {
    const part = this.recordings.findLastIndex((r) => audible(r) && Date.parse(r.startedAt) <= at);
    if (part >= 0 && part !== this.part) this.choose(part);
    this.audio.currentTime = Math.max(0, (at - this.began()) / 1000);
    void this.audio.play().catch(() => this.say("The recording could not be played."));
  }

  stop(): void {
    this.audio.pause();
  }

  private began(): number {
    return Date.parse(this.recordings[this.part]?.startedAt ?? "");
  }

  private say(text: string): void {
    this.note.textContent = text;
    this.note.hidden = text === "";
  }

  private choose(part: number): void {
    this.part = part;
    this.parts.selectedIndex = part;
    this.say("");
    const url = this.parts.value;
    this.audio.src = url;
    this.peaks = [];
    const length = this.recordings[part]?.durationMs ?? 0;
    this.canvas.hidden = length > DRAWN_MS;
    if (!this.canvas.hidden) void this.outline(url);
  }

  private async outline(url: string): Promise<void> {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
      if (!response.ok) throw new Error(`${response.status}`);
      const context = new OfflineAudioContext(1, 1, OUTLINE_HERTZ);
      const sound = await context.decodeAudioData(await response.arrayBuffer());
      if (url !== this.parts.value) return;
      const lanes = Array.from({ length: sound.numberOfChannels }, (_, n) => peaks(sound.getChannelData(n)));
      this.peaks = this.recordings[this.part]?.mode === "egress" ? lanes.reverse() : lanes;
      this.canvas.dataset["peak"] = String(Math.max(0, ...this.peaks.flatMap((lane) => [...lane])));
      this.draw();
    } catch {
      // It can still be played, or the player says why not.
      if (url === this.parts.value) this.canvas.hidden = true;
    }
  }

  private follow(): void {
    const now = this.began() + this.audio.currentTime * 1000;
    const started = this.audio.currentTime > 0;
    const current = started ? this.marks.findLast((mark) => mark.at <= now) : undefined;
    for (const { item } of this.marks) {
      if (item === current?.item) {
        if (item.getAttribute("aria-current") !== "true") {
          item.setAttribute("aria-current", "true");
          if (!this.audio.paused) item.scrollIntoView({ block: "nearest" });
        }
      } else item.removeAttribute("aria-current");
    }
    this.draw();
  }

  /** Draws the caller above and the agent below, with the played part in the accent colour. */
  private draw(): void {
    const pen = this.canvas.getContext("2d");
    if (!pen) return;
    const { width, height } = this.canvas;
    const style = getComputedStyle(this.canvas);
    const heard = (this.audio.currentTime / (this.audio.duration || 1)) * width;
    const lane = height / Math.max(1, this.peaks.length);
    pen.clearRect(0, 0, width, height);
    this.peaks.forEach((values, n) => {
      values.forEach((value, x) => {
        const tall = Math.max(1, value * (lane - 4));
        pen.fillStyle = x < heard ? style.color : style.borderTopColor;
        pen.fillRect(x, n * lane + (lane - tall) / 2, 0.75, tall);
      });
    });
  }
}

/** The loudest sample of each column. */
function peaks(samples: Float32Array): Float32Array {
  const lane = new Float32Array(COLUMNS);
  const step = samples.length / COLUMNS;
  for (let x = 0; x < COLUMNS; x += 1) {
    let loudest = 0;
    for (let i = Math.floor(x * step); i < (x + 1) * step && i < samples.length; i += 1) loudest = Math.max(loudest, Math.abs(samples[i]!));
    lane[x] = loudest;
  }
  return lane;
}
