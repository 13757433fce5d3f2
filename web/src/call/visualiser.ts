/**
 * A calm orb: it breathes when idle, swells with the caller's voice while listening, ripples with the
 * agent's while speaking. One canvas, drawn only while it is visible.
 */

export type Mood = "idle" | "connecting" | "listening" | "thinking" | "speaking" | "off";

/** How each mood moves: rotations of the surface per second, and depth of its ripples at rest. */
const MOVES: Record<Mood, { speed: number; ripple: number; glow: number }> = {
  idle: { speed: 0.12, ripple: 0.025, glow: 0.75 },
  connecting: { speed: 0.35, ripple: 0.03, glow: 0.5 },
  listening: { speed: 0.2, ripple: 0.03, glow: 0.9 },
  thinking: { speed: 0.7, ripple: 0.05, glow: 0.8 },
  speaking: { speed: 0.45, ripple: 0.05, glow: 1 },
  off: { speed: 0.04, ripple: 0.01, glow: 0.3 },
};

/** Lobes of a layer, and how they drift against the others; odd numbers look less like a wheel. */
const LAYERS = [
  { lobes: 3, drift: 1, size: 1.0, alpha: 0.28 },
  { lobes: 5, drift: -0.7, size: 0.93, alpha: 0.42 },
  { lobes: 2, drift: 0.5, size: 0.86, alpha: 1 },
] as const;

const POINTS = 72;

export class Visualiser {
  readonly canvas = document.createElement("canvas");
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");
  private level = 0;
  private angle = 0;
  private speed = 0.1;
  private ripple = 0.02;
  private glow = 0.6;
  private last = 0;

  constructor() {
    this.canvas.setAttribute("aria-hidden", "true");
  }

  /** Draws one frame at `now` (milliseconds) for the level (0…1) of whoever speaks. */
  draw(now: number, mood: Mood, level: number): void {
    const { clientWidth: size } = this.canvas;
    const context = this.canvas.getContext("2d");
    if (!context || size === 0) return;
    const scale = Math.min(devicePixelRatio, 2);
    const pixels = Math.round(size * scale);
    if (this.canvas.width !== pixels) this.canvas.width = this.canvas.height = pixels;

    const dt = Math.min((now - this.last) / 1000, 0.1);
    this.last = now;
    const ease = (from: number, to: number, seconds: number) => from + (to - from) * Math.min(1, dt / seconds);
    const moves = MOVES[mood];
    // Rises fast, falls slowly: follows syllables without trembling.
    this.level = ease(this.level, level, level > this.level ? 0.06 : 0.25);
    this.speed = ease(this.speed, moves.speed, 0.5);
    this.ripple = ease(this.ripple, moves.ripple + this.level * 0.07, 0.1);
    this.glow = ease(this.glow, moves.glow, 0.4);
    this.angle += dt * this.speed * Math.PI * 2;

    const style = getComputedStyle(this.canvas);
    // Standard properties: a custom one may contain light-dark(), which a canvas does not support.
    const { color: from, caretColor: to } = style;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, size, size);
    this.orb(context, size, from, to, mood);
  }

  private orb(context: CanvasRenderingContext2D, size: number, from: string, to: string, mood: Mood): void {
    const centre = size / 2;
    const still = this.still.matches;
    const breath = still ? 0 : Math.sin(this.angle * 0.9) * 0.015;
    const radius = size * (0.315 + breath + (still ? 0 : this.level * 0.055));
    const gradient = context.createLinearGradient(
      centre - radius * Math.cos(this.tilt(still)),
      centre - radius * Math.sin(this.tilt(still)),
      centre + radius * Math.cos(this.tilt(still)),
      centre + radius * Math.sin(this.tilt(still)),
    );
    gradient.addColorStop(0, from);
    gradient.addColorStop(1, to);
    context.fillStyle = gradient;
    for (const [i, layer] of LAYERS.entries()) {
      context.globalAlpha = layer.alpha * this.glow;
      context.beginPath();
      for (let p = 0; p < POINTS; p += 1) {
        const theta = (p / POINTS) * Math.PI * 2;
        const wave = still
          ? 0
          : Math.sin(theta * layer.lobes + this.angle * layer.drift) +
            0.5 * Math.sin(theta * (layer.lobes + 1) - this.angle * layer.drift * 1.7 + i);
        // With reduced motion, only the halo shows the level.
        const halo = still && i < 2 ? 1 + this.level * 0.12 * (2 - i) : 1;
        const r = radius * layer.size * halo * (1 + this.ripple * wave * (i === 2 ? 0.35 : 1)) * (i === 2 ? 1 : 1.12);
        const [x, y] = [centre + r * Math.cos(theta), centre + r * Math.sin(theta)];
        if (p === 0) context.moveTo(x, y);
        else context.lineTo(x, y);
      }
      context.closePath();
      context.fill();
    }
    // A soft light from above gives the disc depth.
    const light = context.createRadialGradient(
      centre - radius * 0.3, centre - radius * 0.45, radius * 0.05,
      centre - radius * 0.1, centre - radius * 0.1, radius * 1.05,
    );
    light.addColorStop(0, "rgb(255 255 255 / 0.5)");
    light.addColorStop(0.5, "rgb(255 255 255 / 0.08)");
    light.addColorStop(1, "rgb(255 255 255 / 0)");
    context.globalAlpha = this.glow;
    context.fillStyle = light;
    context.beginPath();
    context.arc(centre, centre, radius * 0.82, 0, Math.PI * 2);
    context.fill();
    if (mood === "thinking" || mood === "connecting") this.comet(context, centre, size * 0.46, to, still);
    context.globalAlpha = 1;
  }

  private tilt(still: boolean): number {
    return still ? 0.8 : 0.8 + this.angle * 0.35;
  }

  /** A short rotating arc: something is in progress. */
  private comet(context: CanvasRenderingContext2D, centre: number, radius: number, colour: string, still: boolean): void {
    const head = still ? -Math.PI / 2 : this.angle * 1.3;
    context.strokeStyle = colour;
    context.lineWidth = 2.5;
    context.lineCap = "round";
    const pieces = 18;
    for (let i = 0; i < pieces; i += 1) {
      context.globalAlpha = ((pieces - i) / pieces) ** 1.6;
      context.beginPath();
      context.arc(centre, centre, radius, head - (i + 1) * 0.075, head - i * 0.075);
      context.stroke();
    }
  }
}
