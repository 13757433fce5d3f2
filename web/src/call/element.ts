/**
 * `<sidetone-call>`: the floating call button and the call panel, as one element that any page can contain.
 * It has its own styles in a shadow root and needs no framework.
 */

import type { AudioCaptureOptions } from "livekit-client";
import css from "./call.css";
import type { Phase } from "./phase.js";
import { placeOf } from "./resume.js";
import { CallSession, type Snapshot } from "./session.js";
import { spokenLanguage, stringsFor, type Strings } from "./strings.js";
import { askProvider, fetchToken, type CallRequest, type CallToken, type TokenProvider } from "./token.js";
import type { Line } from "./transcript.js";
import type { Turn } from "./turns.js";
import { View } from "./view.js";

const DEFAULT_ENDPOINT = "/api/voice/token";

/** Events for the page. All of them bubble and cross shadow roots. */
export interface SidetoneCallEventMap {
  /** The phase changed: idle, starting, live, reconnecting, ended, failed. */
  "sidetone-state": CustomEvent<Phase>;
  /** The agent has joined for the first time. */
  "sidetone-started": CustomEvent<{ callId: string | undefined; roomName: string | undefined }>;
  /** A line of the conversation is final. */
  "sidetone-transcript": CustomEvent<Line>;
  /** A turn got a figure: its latency as heard, or its latency by stage. */
  "sidetone-turn": CustomEvent<Turn>;
  /** The call ended, after `seconds` of conversation. */
  "sidetone-ended": CustomEvent<{ by: "caller" | "agent"; seconds: number }>;
  /** The call failed; `code` says why. */
  "sidetone-failed": CustomEvent<{ code: string; detail?: string }>;
}

export class SidetoneCall extends HTMLElement {
  static readonly observedAttributes = ["label", "lang", "open", "inline", "theme", "position", "agent", "endpoint", "room-type"];
  /** Fetches the token in the host page's own way; without it the element asks `endpoint`. */
  declare tokenProvider: TokenProvider | undefined;
  /** Headers for `endpoint`, such as the page's own Authorization. */
  declare headers: Record<string, string> | undefined;
  /** How the browser processes the microphone's audio; echo cancellation and similar processing are on by default. */
  declare audioCapture: AudioCaptureOptions | undefined;
  private ownStrings: Partial<Strings> = {};
  private session: CallSession | undefined;
  private view: View | undefined;
  private told: Snapshot | undefined;
  private readonly onPageHide = () => this.session?.pageLeaves();
  private readonly onPageShow = (event: PageTransitionEvent) => {
    if (event.persisted) this.session?.pageReturns();
  };

  constructor() {
    super();
    this.attachShadow({ mode: "open" });
  }

  connectedCallback(): void {
    addEventListener("pagehide", this.onPageHide);
    addEventListener("pageshow", this.onPageShow);
    if (!this.session) this.build();
    this.render();
    this.offerResume();
  }

  disconnectedCallback(): void {
    removeEventListener("pagehide", this.onPageHide);
    removeEventListener("pageshow", this.onPageShow);
    // An element that is only moved is connected again within this task.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.session?.hangUp();
      this.view?.stop();
    });
  }

  attributeChangedCallback(name: string): void {
    this.render();
    // A page may set whom the element calls after inserting it.
    if (this.isConnected && (name === "agent" || name === "endpoint" || name === "room-type")) this.offerResume();
  }

  /** Opens the panel. */
  show(): void {
    this.open = true;
  }

  /** Closes the panel, leaving the floating button; a running call continues. */
  hide(): void {
    this.open = false;
  }

  /** Starts a call; use it in a click or key press handler, so that the browser allows the page to play audio. */
  async start(options: { microphone?: boolean } = {}): Promise<void> {
    this.show();
    await this.session?.start(options);
  }

  hangUp(): void {
    this.session?.hangUp();
  }

  /** Sends a typed message to the agent; returns false if there is no call. */
  async sendText(text: string): Promise<boolean> {
    return (await this.session?.sendText(text)) ?? false;
  }

  async setMuted(muted: boolean): Promise<void> {
    await this.session?.setMuted(muted);
  }

  get open(): boolean {
    return this.hasAttribute("open");
  }

  set open(open: boolean) {
    this.toggleAttribute("open", open);
  }

  /** Texts of the host page that replace the element's own; any part of `Strings`. */
  set strings(strings: Partial<Strings>) {
    this.ownStrings = strings;
    this.render();
  }

  get strings(): Strings {
    return stringsFor(this.language, this.ownStrings);
  }

  /** The call's current state, read-only. */
  get snapshot(): Snapshot | undefined {
    return this.session?.snapshot;
  }

  /** Current loudness of both ends, 0…1. */
  get levels(): { caller: number; agent: number } {
    return this.session?.levels ?? { caller: 0, agent: 0 };
  }

  private build(): void {
    const root = this.shadowRoot!;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    // An adopted sheet needs no 'unsafe-inline' in the host page's Content-Security-Policy.
    root.adoptedStyleSheets = [sheet];
    for (const name of ["strings", "open"] as const) this.upgrade(name);
    const session = new CallSession({
      getToken: () => this.getToken(),
      capture: () => this.audioCapture ?? {},
      changed: (snapshot) => this.changed(snapshot),
      storageKey: () => this.storageKey,
      sound: root,
    });
    this.session = session;
    this.view = new View(
      root,
      {
        show: () => {
          this.show();
          if (this.hasAttribute("autostart") && !session.snapshot.resumable) void session.start();
        },
        hide: () => this.hide(),
        start: (options) => void session.start(options),
        resume: () => void session.resume(),
        dismiss: () => session.dismiss(),
        hangUp: () => session.hangUp(),
        mute: (muted) => void session.setMuted(muted),
        send: (text) => session.sendText(text),
        choose: (kind, id) => void session.chooseDevice(kind, id),
        unlock: () => void session.unlockSound(),
      },
      () => session.levels,
    );
  }

  private offerResume(): void {
    void this.session?.offerResume().then((found) => {
      if (found) this.show();
    });
  }

  /** Two elements in a tab, and two agents of one element, have separate calls. */
  private get storageKey(): string {
    return ["sidetone-call", this.endpoint, this.roomType, this.getAttribute("agent") ?? "", placeOf(this)].join(" ");
  }

  /** A property that was set before the element was defined hides the class's accessor: set it again. */
  private upgrade(name: "strings" | "open"): void {
    if (!Object.hasOwn(this, name)) return;
    const self = this as unknown as Record<string, unknown>;
    const value = self[name];
    delete self[name];
    self[name] = value;
  }

  private get endpoint(): string {
    return this.getAttribute("endpoint") || DEFAULT_ENDPOINT;
  }

  private get roomType(): string {
    return this.getAttribute("room-type") || "support";
  }

  private get language(): string {
    return this.lang || this.closest("[lang]")?.getAttribute("lang") || navigator.language;
  }

  private async getToken(): Promise<CallToken> {
    const request: CallRequest = { roomType: this.roomType };
    for (const [attribute, field] of [["participant-name", "participantName"], ["agent", "agent"], ["voice", "voice"]] as const) {
      const value = this.getAttribute(attribute);
      if (value) request[field] = value;
    }
    return this.tokenProvider ? askProvider(this.tokenProvider, request) : fetchToken(this.endpoint, request, this.headers);
  }

  private changed(now: Snapshot): void {
    const before = this.told;
    this.told = now;
    this.render();
    if (!before || now.phase !== before.phase) this.tell("sidetone-state", now.phase);
    if (now.startedAt !== undefined && before?.startedAt === undefined) {
      this.tell("sidetone-started", { callId: now.callId, roomName: now.roomName });
    }
    if (now.transcript !== before?.transcript) {
      for (const line of now.transcript) {
        if (line.final && !before?.transcript.some((l) => l.final && l.id === line.id && l.who === line.who)) {
          this.tell("sidetone-transcript", line);
        }
      }
    }
    const turn = now.turns.at(-1);
    if (turn && turn !== before?.turns.at(-1)) this.tell("sidetone-turn", turn);
    if (now.phase === before?.phase) return;
    if (now.phase.is === "ended") {
      const seconds = now.startedAt === undefined ? 0 : ((now.endedAt ?? 0) - now.startedAt) / 1000;
      this.tell("sidetone-ended", { by: now.phase.by, seconds });
    } else if (now.phase.is === "failed") {
      const { code, detail } = now.phase.problem;
      this.tell("sidetone-failed", { code, ...(detail && { detail }) });
    }
  }

  private tell<K extends keyof SidetoneCallEventMap>(name: K, detail: SidetoneCallEventMap[K]["detail"]): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  private render(): void {
    if (!this.session || !this.view) return;
    this.view.update({
      snapshot: this.session.snapshot,
      language: spokenLanguage(this.language, this.ownStrings),
      strings: this.strings,
      label: this.getAttribute("label") ?? "",
      open: this.open,
      inline: this.hasAttribute("inline"),
      devices: {
        audioinput: this.session.activeDevice("audioinput"),
        audiooutput: this.session.activeDevice("audiooutput"),
      },
    });
  }
}

/** The element's own events, typed, in addition to those of every element. */
export interface SidetoneCall {
  addEventListener<K extends keyof SidetoneCallEventMap>(type: K, listener: (this: SidetoneCall, event: SidetoneCallEventMap[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener<K extends keyof HTMLElementEventMap>(type: K, listener: (this: HTMLElement, event: HTMLElementEventMap[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof SidetoneCallEventMap>(type: K, listener: (this: SidetoneCall, event: SidetoneCallEventMap[K]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener<K extends keyof HTMLElementEventMap>(type: K, listener: (this: HTMLElement, event: HTMLElementEventMap[K]) => void, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "sidetone-call": SidetoneCall;
  }
}
