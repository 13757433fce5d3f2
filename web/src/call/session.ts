/**
 * A call from the click to the hang-up. Owns the phase, and at most one `Link`; reports every change as one
 * snapshot. Knows nothing about how it is shown.
 */

import { Room, type AudioCaptureOptions, type LocalAudioTrack } from "livekit-client";
import { Link, type LinkEvents } from "./link.js";
import { microphoneIsGranted, openMicrophone } from "./microphone.js";
import { isRunning, next, type Phase, type PhaseEvent, type Problem } from "./phase.js";
import { isGood, save, take, type LeftCall } from "./resume.js";
import { CallError, type CallToken } from "./token.js";
import { put, settle, type Line, type Transcript } from "./transcript.js";
import { addTurn, type Turn } from "./turns.js";

/** The dispatch guardian tries again every 2 s; after this time the caller is told that nobody will join. */
const AGENT_DEADLINE_MS = 25_000;
/** If starting takes longer, the caller is told. */
const SLOW_MS = 4_000;

export interface Snapshot {
  phase: Phase;
  transcript: Transcript;
  turns: readonly Turn[];
  muted: boolean;
  /** False in a text-only call. */
  microphone: boolean;
  /** The microphone is gone, and no other was found: the person is not heard. */
  microphoneLost: boolean;
  /** Milliseconds since the epoch; set once the agent has joined. */
  startedAt: number | undefined;
  endedAt: number | undefined;
  /** The browser refuses to play audio until the person clicks. */
  soundBlocked: boolean;
  weakLink: boolean;
  /** No agent is free; the service keeps trying. */
  waiting: boolean;
  /** The service's reason for the wait, which becomes the reason of the failure if nobody joins. */
  trouble: Problem | undefined;
  /** Starting takes unusually long. */
  slow: boolean;
  /** A call of this tab was running before the page was reloaded, and can be resumed by a click. */
  resumable: boolean;
  microphones: readonly MediaDeviceInfo[];
  speakers: readonly MediaDeviceInfo[];
  callId: string | undefined;
  roomName: string | undefined;
}

export interface SessionOptions {
  getToken(): Promise<CallToken>;
  capture(): AudioCaptureOptions;
  changed(snapshot: Snapshot): void;
  /** Key under which the running call is stored for a reload: it identifies the element and its agent. */
  storageKey(): string;
  sound: ParentNode & Node;
}

const NOBODY: Problem = { code: "no-agent", retry: true };

const NOTHING: Snapshot = {
  phase: { is: "idle" },
  transcript: [],
  turns: [],
  muted: false,
  microphone: true,
  microphoneLost: false,
  startedAt: undefined,
  endedAt: undefined,
  soundBlocked: false,
  weakLink: false,
  waiting: false,
  trouble: undefined,
  slow: false,
  resumable: false,
  microphones: [],
  speakers: [],
  callId: undefined,
  roomName: undefined,
};

export class CallSession {
  snapshot: Snapshot = NOTHING;
  private link: Link | undefined;
  private track: LocalAudioTrack | undefined;
  private token: CallToken | undefined;
  private agentTimer: ReturnType<typeof setTimeout> | undefined;
  private slowTimer: ReturnType<typeof setTimeout> | undefined;
  /** The call from before the reload, while it waits for a click. */
  private left: LeftCall | undefined;

  constructor(private readonly options: SessionOptions) {}

  /** Call this in a click or key press handler. */
  async start({ microphone = true } = {}): Promise<void> {
    if (isRunning(this.snapshot.phase)) return;
    this.reset({ microphone });
    await this.run(microphone, undefined);
  }

  /**
   * Rejoins the call from before the reload; returns true if there is one. Without permission for the
   * microphone it waits for a click.
   */
  async offerResume(): Promise<boolean> {
    if (this.left || this.snapshot.phase.is !== "idle") return false;
    const call = (this.left = take(this.options.storageKey()));
    if (!call) return false;
    const listens = !call.microphone || (await microphoneIsGranted());
    // If a new call was started in the meantime, that call has been left.
    if (this.left !== call) return false;
    if (listens) void this.resume();
    else this.set({ resumable: true, transcript: call.transcript });
    return true;
  }

  async resume(): Promise<void> {
    const call = this.left;
    if (isRunning(this.snapshot.phase)) return;
    if (!call || !isGood(call)) return this.dismiss();
    const { microphone, muted, startedAt, transcript } = call;
    this.reset({ microphone, muted, startedAt, transcript: settle(transcript) });
    // If the page is left again before it has joined, the call is stored again, too.
    this.token = call.token;
    await this.run(microphone, call.token);
  }

  hangUp(): void {
    if (isRunning(this.snapshot.phase)) this.apply({ type: "hang-up" });
    else if (this.left) this.dismiss();
  }

  /** Clears the end of the last call: the element is as it was before. */
  dismiss(): void {
    const phase = next(this.snapshot.phase, { type: "dismiss" });
    if (isRunning(phase)) return;
    this.reset({ phase });
    this.set({});
  }

  /** The page is being left: store what a reload needs. Does not hang up. */
  pageLeaves(): void {
    const { phase, startedAt, muted, microphone, transcript } = this.snapshot;
    const key = this.options.storageKey();
    if (this.left) save(key, this.left);
    else if (isRunning(phase) && this.token && startedAt !== undefined) {
      const token = { ...this.token, token: this.link?.renewedToken ?? this.token.token };
      save(key, { token, startedAt, muted, microphone, transcript, savedAt: Date.now() });
    }
  }

  /** The page is restored from the browser's memory: it takes its call back. */
  pageReturns(): void {
    take(this.options.storageKey());
  }

  async setMuted(muted: boolean): Promise<void> {
    const { track } = this;
    this.set({ muted });
    try {
      await (muted ? track?.mute() : track?.unmute());
    } catch {
      // Its device is gone, or is not allowed any more.
      if (track === this.track) this.set({ muted: true, microphoneLost: true });
    }
  }

  async sendText(text: string): Promise<boolean> {
    const link = this.link;
    if (!link || text.trim() === "") return false;
    try {
      const id = await link.sendText(text.trim());
      if (link === this.link) this.line({ id, who: "caller", text: text.trim(), final: true, typed: true });
      return true;
    } catch {
      return false;
    }
  }

  async chooseDevice(kind: "audioinput" | "audiooutput", deviceId: string): Promise<void> {
    const link = this.link;
    try {
      await link?.room.switchActiveDevice(kind, deviceId);
      if (kind === "audioinput" && this.snapshot.microphoneLost) await this.setMuted(false);
    } catch {
      // The device disappeared while it was chosen: the list below shows what is available now.
    }
    if (link === this.link && this.track) link?.hearMicrophone(this.track);
    await this.listDevices();
  }

  activeDevice(kind: "audioinput" | "audiooutput"): string | undefined {
    return this.link?.room.getActiveDevice(kind);
  }

  async unlockSound(): Promise<void> {
    await this.link?.unlockSound();
  }

  get levels(): { caller: number; agent: number } {
    return this.link?.levels ?? { caller: 0, agent: 0 };
  }

  private async run(microphone: boolean, token: CallToken | undefined): Promise<void> {
    this.apply({ type: "start", step: microphone ? "microphone" : "token" });
    let link: Link | undefined;
    const current = () => this.link === link;
    try {
      if (!("RTCPeerConnection" in globalThis)) throw new CallError({ code: "old-browser", retry: false });
      link = new Link(this.linkEvents(() => link), this.options.sound);
      this.link = link;
      if (microphone) {
        const track = await openMicrophone(this.options.capture());
        if (!current()) return void track.stop();
        this.track = track;
        if (this.snapshot.muted) await track.mute();
        void this.listDevices();
      }
      await this.join(link, token, current);
    } catch (error) {
      if (!current()) return;
      this.fail(error instanceof CallError ? error.problem : { code: "unavailable", retry: true });
    }
  }

  private async join(link: Link, known: CallToken | undefined, current: () => boolean): Promise<void> {
    let token = known;
    for (let last = false; ; last = true) {
      if (!token) {
        this.apply({ type: "step", step: "token" });
        token = await this.options.getToken();
        if (!current()) return;
      }
      this.token = token;
      this.set({ callId: token.callId, roomName: token.roomName });
      this.apply({ type: "step", step: "room" });
      try {
        await link.join(token, this.track);
        break;
      } catch (error) {
        // The token expired before it was used: one new token is worth a try.
        const refused = error instanceof CallError && error.problem.code === "token-refused";
        if (!refused || last || !current()) throw error;
        token = undefined;
      }
    }
    if (!current() || this.snapshot.phase.is !== "starting") return;
    this.apply({ type: "step", step: "agent" });
  }

  private linkEvents(link: () => Link | undefined): LinkEvents {
    const ifCurrent = (act: () => void) => {
      if (this.link === link()) act();
    };
    return {
      agent: (state) => ifCurrent(() => this.apply({ type: "agent", state })),
      agentGone: (hungUp) =>
        ifCurrent(() => {
          this.set({ transcript: settle(this.snapshot.transcript, "agent") });
          this.apply({ type: "agent-gone", hungUp });
        }),
      waiting: (trouble) => ifCurrent(() => this.set({ waiting: true, trouble })),
      lost: () => ifCurrent(() => this.apply({ type: "link-lost" })),
      back: () => ifCurrent(() => this.apply({ type: "link-back" })),
      closed: (problem) =>
        ifCurrent(() => {
          const waiting = this.snapshot.startedAt === undefined;
          // The room was closed before an agent joined, because none was available.
          if (!problem && waiting) problem = NOBODY;
          if (problem) this.fail(problem);
          else this.apply({ type: "agent-gone", hungUp: true });
        }),
      line: (line) => ifCurrent(() => this.line(line)),
      turn: (figure) => ifCurrent(() => this.set({ turns: addTurn(this.snapshot.turns, figure) })),
      soundBlocked: (soundBlocked) => ifCurrent(() => this.set({ soundBlocked })),
      weak: (weakLink) => ifCurrent(() => this.set({ weakLink })),
      microphone: ({ muted, lost }) => ifCurrent(() => this.set({ muted, microphoneLost: lost })),
      devicesChanged: () => ifCurrent(() => void this.listDevices()),
    };
  }

  private line(line: Line): void {
    this.set({ transcript: put(this.snapshot.transcript, line) });
  }

  private async listDevices(): Promise<void> {
    const [microphones, speakers] = await Promise.all([
      Room.getLocalDevices("audioinput", false).catch(() => []),
      Room.getLocalDevices("audiooutput", false).catch(() => []),
    ]);
    if (isRunning(this.snapshot.phase)) this.set({ microphones, speakers });
  }

  private reset(start: Partial<Snapshot>): void {
    this.token = undefined;
    this.left = undefined;
    this.snapshot = { ...NOTHING, ...start };
  }

  private apply(event: PhaseEvent): void {
    const phase = next(this.snapshot.phase, event);
    if (phase === this.snapshot.phase) return;
    const change: Partial<Snapshot> = { phase };
    if (phase.is === "live") {
      change.startedAt = this.snapshot.startedAt ?? Date.now();
      change.waiting = false;
      change.trouble = undefined;
    }
    this.watchForAgent(phase);
    if (this.watchForSlowness(phase)) change.slow = false;
    if (!isRunning(phase)) {
      change.endedAt = Date.now();
      change.transcript = settle(this.snapshot.transcript);
      change.soundBlocked = false;
      this.release();
    }
    this.set(change);
  }

  private watchForAgent(phase: Phase): void {
    clearTimeout(this.agentTimer);
    if (phase.is !== "starting" || phase.step !== "agent") return;
    this.agentTimer = setTimeout(() => this.fail(NOBODY), AGENT_DEADLINE_MS);
  }

  /**
   * Returns true when the wait is over. All steps count as one wait, except the microphone: people may take
   * their time with the browser's prompt.
   */
  private watchForSlowness(phase: Phase): boolean {
    if (phase.is === "starting" && phase.step !== "microphone") {
      this.slowTimer ??= setTimeout(() => this.set({ slow: true }), SLOW_MS);
      return false;
    }
    clearTimeout(this.slowTimer);
    this.slowTimer = undefined;
    return true;
  }

  /** The call cannot continue. If nobody joined, the service's reason is the better one. */
  private fail(problem: Problem): void {
    const { trouble } = this.snapshot;
    const told = trouble && trouble.code !== "no-agent" && problem.code === "no-agent";
    this.apply({ type: "fail", problem: told ? trouble : problem });
  }

  /** Releases everything that the call held. */
  private release(): void {
    const { link, track } = this;
    this.link = undefined;
    this.track = undefined;
    link?.close();
    track?.stop();
  }

  private set(change: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...change };
    this.options.changed(this.snapshot);
  }
}
