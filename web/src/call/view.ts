/**
 * Shows a snapshot. Nodes are created once and updated in place, so that focus, scroll position and
 * selection stay; nothing here makes decisions about the call.
 */

import { clock, h, icon, setText } from "./dom.js";
import { LogView } from "./log-view.js";
import { isRunning, type Phase, type Problem, type ProblemCode } from "./phase.js";
import type { Snapshot } from "./session.js";
import { direction, type Strings } from "./strings.js";
import { Visualiser, type Mood } from "./visualiser.js";

export interface Actions {
  show(): void;
  hide(): void;
  start(options: { microphone: boolean }): void;
  resume(): void;
  /** Returns to the state in which a call can be started. */
  dismiss(): void;
  hangUp(): void;
  mute(muted: boolean): void;
  send(text: string): Promise<boolean>;
  choose(kind: "audioinput" | "audiooutput", deviceId: string): void;
  unlock(): void;
}

export interface ViewModel {
  snapshot: Snapshot;
  /** Language tag of the strings; also determines the panel's direction. */
  language: string;
  strings: Strings;
  /** The agent's name as shown to the caller; the title from the strings if empty. */
  label: string;
  open: boolean;
  inline: boolean;
  /** Chosen devices; undefined for the default. */
  devices: { audioinput: string | undefined; audiooutput: string | undefined };
}

const MESSAGE_LIMIT = 2_000;
/** Between calls the orb moves for this long after the last activity of a person: a page left open draws nothing. */
const REST_AFTER_MS = 20_000;

export class View {
  private readonly visualiser = new Visualiser();
  private readonly log = new LogView();
  private readonly floatText = h("span");
  private readonly float: HTMLButtonElement;
  private readonly title = h("p", { class: "title", id: "title" });
  private readonly stateText = h("span");
  private readonly time = h("span", { class: "clock", role: "timer" });
  private readonly minimise: HTMLButtonElement;
  private readonly intro = h("p", { class: "intro" });
  private readonly small = h("p", { class: "small" });
  private readonly problem = h("p", { class: "problem" });
  private readonly detail = h("p", { class: "small detail", dir: "auto" });
  private readonly alert = h("div", { role: "alert" }, this.problem, this.detail);
  private readonly words = h("div", { class: "words" }, this.intro, this.small, this.alert);
  private readonly primaryText = h("span");
  private readonly primary: HTMLButtonElement;
  private readonly textOnly: HTMLButtonElement;
  private readonly leave: HTMLButtonElement;
  private readonly back: HTMLButtonElement;
  /** A link to where the call would work, if it cannot work on this page. */
  private readonly elsewhere = h("a", { class: "plain", target: "_blank", rel: "noopener" });
  private readonly actionRow: HTMLElement;
  private readonly banner = h("p", { class: "banner", role: "status" });
  private readonly unlockText = h("span");
  private readonly unlock: HTMLButtonElement;
  private readonly input = h("input", { type: "text", maxlength: String(MESSAGE_LIMIT), autocomplete: "off", enterkeyhint: "send", dir: "auto" });
  private readonly sendButton = h("button", { type: "submit" }, icon("send"));
  private readonly mute: HTMLButtonElement;
  private readonly settings: HTMLButtonElement;
  private readonly hangUp: HTMLButtonElement;
  private readonly microphone = h("select");
  private readonly speaker = h("select");
  private readonly microphoneText = h("span");
  private readonly speakerText = h("span");
  private readonly speakerRow = h("label", {}, this.speakerText, this.speaker);
  private readonly meter = h("div", { class: "meter", role: "meter", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0" });
  private readonly devices = h("div", { class: "devices", id: "devices", hidden: true });
  private readonly foot: HTMLElement;
  private readonly panel: HTMLElement;
  /** Carries language and direction of the element's own texts, whatever the page's are. */
  private readonly frameOfWords = h("div", { class: "frame" });

  private model: ViewModel | undefined;
  private frame = 0;
  /** On the clock of animation frames. */
  private restAt = 0;
  private inSight = true;
  private readonly sight = new IntersectionObserver(([entry]) => {
    this.inSight = entry!.isIntersecting;
    this.stir();
  });
  private retryAt = 0;
  private retryTimer: ReturnType<typeof setInterval> | undefined;
  private sendFailed = false;

  constructor(
    private readonly root: ShadowRoot,
    private readonly actions: Actions,
    private readonly levels: () => { caller: number; agent: number },
  ) {
    this.float = h("button", { class: "float", part: "button", type: "button", click: () => actions.show() }, icon("wave"), this.floatText);
    this.minimise = h("button", { class: "round", type: "button", click: () => actions.hide() }, icon("minimise"));
    this.primary = h("button", { class: "primary", type: "button", click: () => this.onPrimary() }, icon("microphone"), this.primaryText);
    this.textOnly = h("button", { class: "plain", type: "button", click: () => actions.start({ microphone: false }) });
    this.leave = h("button", { class: "plain", type: "button", click: () => actions.hangUp() });
    this.back = h("button", { class: "plain", type: "button", click: () => actions.dismiss() });
    this.actionRow = h("div", { class: "actions" }, this.primary, this.elsewhere, this.textOnly, this.leave, this.back);
    this.unlock = h("button", { class: "primary unlock", type: "button", click: () => actions.unlock() }, icon("sound"), this.unlockText);
    this.mute = h("button", { class: "control", type: "button", click: () => actions.mute(!this.model?.snapshot.muted) });
    this.settings = h("button", { class: "control", type: "button", "aria-controls": "devices", click: () => this.toggleDevices() }, icon("settings"));
    this.hangUp = h("button", { class: "control end", type: "button", click: () => actions.hangUp() }, icon("hangUp"));
    this.microphone.addEventListener("change", () => actions.choose("audioinput", this.microphone.value));
    this.speaker.addEventListener("change", () => actions.choose("audiooutput", this.speaker.value));
    this.devices.append(h("label", {}, this.microphoneText, this.microphone), this.meter, this.speakerRow);
    const composer = h("form", { class: "composer", submit: (event) => void this.onSend(event) }, this.input, this.sendButton);
    this.input.addEventListener("input", () => this.enableSend());
    this.foot = h("div", { class: "foot" }, this.devices, composer,
      h("div", { class: "controls" }, this.mute, this.settings, this.hangUp));
    this.panel = h("section", { part: "panel", "aria-labelledby": "title" },
      h("header", {},
        h("div", { class: "who" }, this.title,
          h("p", { class: "state", role: "status" }, h("span", { class: "dot" }), this.stateText)),
        this.time, this.minimise),
      h("div", { class: "stage" }, this.visualiser.canvas),
      this.words, this.log.region, this.banner, this.unlock, this.actionRow, this.foot);
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.model?.inline) return;
      event.stopPropagation();
      if (!this.devices.hidden) this.toggleDevices();
      else actions.hide();
    });
    for (const sign of ["pointermove", "focusin"] as const) this.panel.addEventListener(sign, () => this.stir());
    this.sight.observe(this.panel);
    this.frameOfWords.append(this.float, this.panel);
    root.append(this.frameOfWords);
  }

  update(model: ViewModel): void {
    const before = this.model;
    const focused = this.root.activeElement;
    this.model = model;
    this.render(model);
    this.stir();
    if (before && before.open !== model.open && !model.inline) {
      if (!model.open && focused) this.float.focus();
      else if (model.open) this.firstControl().focus();
    } else if (focused instanceof HTMLElement && focused.getClientRects().length === 0) {
      // The focused element has disappeared: focus moves to the next useful control, never to the top of the page.
      this.firstControl().focus();
    }
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    clearInterval(this.retryTimer);
    this.retryTimer = undefined;
  }

  private firstControl(): HTMLElement {
    const { phase } = this.model!.snapshot;
    if (!isRunning(phase)) {
      const usable = [this.primary, this.back, this.minimise].find((button) => !button.hidden && !button.disabled);
      return usable ?? this.primary;
    }
    return this.mute.hidden ? this.hangUp : this.mute;
  }

  private render({ snapshot, language, strings: s, label, open, inline }: ViewModel): void {
    this.frameOfWords.lang = language;
    this.frameOfWords.dir = direction(language);
    const { phase } = snapshot;
    const running = isRunning(phase);
    const talking = snapshot.transcript.length > 0 || (phase.is === "live" && !snapshot.microphone);
    const shown = open || inline;

    this.float.hidden = shown;
    this.float.classList.toggle("running", running);
    this.float.setAttribute("aria-label", running || snapshot.resumable ? s.returnToCall : s.open);
    setText(this.floatText, running ? this.elapsed(snapshot) || s.returnToCall : snapshot.resumable ? s.returnToCall : s.open);
    this.panel.hidden = !shown;
    this.panel.className = `panel ${inline ? "inline" : "floating"}${talking ? " talking" : ""}`;
    this.panel.setAttribute("role", inline ? "region" : "dialog");
    this.panel.dataset["mood"] = moodOf(phase);
    this.panel.toggleAttribute("data-failed", phase.is === "failed");

    setText(this.title, label || s.title);
    setText(this.stateText, stateText(snapshot, s));
    this.stateText.parentElement!.hidden = phase.is === "idle";
    this.time.setAttribute("aria-label", s.duration);
    setText(this.time, this.elapsed(snapshot));
    this.minimise.hidden = inline;
    name(this.minimise, s.minimise);

    this.renderWords(snapshot, s, running);
    this.log.update(snapshot.transcript, s);
    this.log.region.hidden = !talking;

    setText(this.unlockText, s.unlock);
    this.unlock.hidden = !running || !snapshot.soundBlocked;
    const banner = this.sendFailed ? s.sendFailed : bannerText(snapshot, s);
    setText(this.banner, banner);
    this.banner.hidden = !running || banner === "";

    this.renderControls(snapshot, s, running);
  }

  private renderWords(snapshot: Snapshot, s: Strings, running: boolean): void {
    const { phase, resumable } = snapshot;
    const idle = phase.is === "idle";
    const asking = phase.is === "starting" && phase.step === "microphone";
    setText(this.intro, idle ? (resumable ? s.resumeText : s.intro) : "");
    this.intro.hidden = !idle;
    setText(this.small, idle && !resumable ? s.privacy : asking ? s["hint.microphone"] : "");
    this.small.hidden = this.small.textContent === "";
    const problem = phase.is === "failed" ? phase.problem : undefined;
    setText(this.problem, problem ? s[`problem.${problem.code}`] : "");
    setText(this.detail, problem?.detail ?? "");
    this.detail.hidden = !problem?.detail;
    this.words.hidden = running && !asking;

    this.actionRow.hidden = running;
    this.countDown(problem?.retry ? (problem.retryAfter ?? 0) : 0, snapshot.endedAt);
    const wait = Math.ceil((this.retryAt - Date.now()) / 1000);
    this.primary.hidden = problem !== undefined && !problem.retry;
    this.primary.disabled = problem !== undefined && wait > 0;
    setText(this.primaryText, problem ? (wait > 0 ? retryText(wait, s) : s.retry)
      : phase.is === "ended" ? s.again : resumable ? s.resume : s.start);
    const silent = problem !== undefined && problem.code.startsWith("microphone-");
    this.textOnly.hidden = !silent;
    setText(this.textOnly, s.textOnly);
    this.leave.hidden = !resumable || running;
    setText(this.leave, s.hangUp);
    this.renderWayOn(problem, s);
  }

  /** No failure is a dead end: what cannot be retried may work elsewhere, or as another call. */
  private renderWayOn(problem: Problem | undefined, s: Strings): void {
    this.back.hidden = problem === undefined || problem.retry;
    setText(this.back, s.back);
    const address = problem && placeFor(problem.code);
    this.elsewhere.hidden = address === undefined;
    setText(this.elsewhere, problem?.code === "insecure-page" ? s.openSecure : s.openOutside);
    if (address === undefined) this.elsewhere.removeAttribute("href");
    else this.elsewhere.href = address;
  }

  private renderControls(snapshot: Snapshot, s: Strings, running: boolean): void {
    const { muted, microphone } = snapshot;
    this.foot.hidden = !running;
    // A message typed while another agent is on its way waits for it.
    const next = snapshot.phase.is === "starting" && snapshot.startedAt !== undefined;
    this.input.disabled = snapshot.phase.is !== "live" && !next;
    this.input.placeholder = s.message;
    this.input.setAttribute("aria-label", s.message);
    name(this.sendButton, s.send);
    this.enableSend();

    this.mute.hidden = !microphone;
    this.mute.setAttribute("aria-pressed", String(muted));
    // The name stays the same and the pressed state changes; if both changed, the state would be announced twice.
    name(this.mute, s.mute, muted ? s.unmute : s.mute);
    if (this.mute.dataset["icon"] !== String(muted)) {
      this.mute.dataset["icon"] = String(muted);
      this.mute.replaceChildren(icon(muted ? "microphoneOff" : "microphone"), h("span", { class: "ring" }));
    }
    name(this.settings, s.settings);
    this.settings.setAttribute("aria-expanded", String(!this.devices.hidden));
    name(this.hangUp, s.hangUp);
    if (!running) this.devices.hidden = true;

    setText(this.microphoneText, s.microphone);
    setText(this.speakerText, s.speaker);
    this.meter.setAttribute("aria-label", s.level);
    this.microphone.parentElement!.hidden = this.meter.hidden = !microphone;
    fill(this.microphone, snapshot.microphones, this.model!.devices.audioinput, s.defaultDevice);
    fill(this.speaker, snapshot.speakers, this.model!.devices.audiooutput, s.defaultDevice);
    this.speakerRow.hidden = !("setSinkId" in HTMLMediaElement.prototype) || snapshot.speakers.length === 0;
  }

  /** Something has changed, or a person is active: animations run again for a while. */
  private stir(): void {
    this.restAt = performance.now() + REST_AFTER_MS;
    if (this.frame === 0 && this.isSeen) this.frame = requestAnimationFrame((now) => this.animate(now));
  }

  private get isSeen(): boolean {
    return this.inSight && this.model !== undefined && (this.model.open || this.model.inline);
  }

  private animate(now: number): void {
    const { model } = this;
    const moves = this.isSeen && (now < this.restAt || isRunning(model!.snapshot.phase));
    this.frame = moves ? requestAnimationFrame((t) => this.animate(t)) : 0;
    if (!model || !this.isSeen) return;
    const { caller, agent } = this.levels();
    const { phase, muted } = model.snapshot;
    const mood = moodOf(phase);
    this.visualiser.draw(now, mood, mood === "speaking" ? agent : mood === "listening" && !muted ? caller : 0);
    const level = (muted ? 0 : caller).toFixed(2);
    this.foot.style.setProperty("--level", level);
    if (!this.devices.hidden) this.meter.setAttribute("aria-valuenow", String(Math.round(Number(level) * 100)));
    setText(this.time, this.elapsed(model.snapshot));
  }

  private elapsed({ startedAt, endedAt }: Snapshot): string {
    return startedAt === undefined ? "" : clock(((endedAt ?? Date.now()) - startedAt) / 1000);
  }

  /** Shows the seconds until another try makes sense; then the button enables itself. */
  private countDown(retryAfter: number, failedAt: number | undefined): void {
    this.retryAt = retryAfter > 0 ? (failedAt ?? Date.now()) + retryAfter * 1000 : 0;
    const waiting = this.retryAt > Date.now();
    if (waiting && this.retryTimer === undefined) {
      this.retryTimer = setInterval(() => this.model && this.update(this.model), 500);
    } else if (!waiting) {
      clearInterval(this.retryTimer);
      this.retryTimer = undefined;
    }
  }

  private onPrimary(): void {
    if (this.model?.snapshot.resumable) this.actions.resume();
    else this.actions.start({ microphone: true });
  }

  private toggleDevices(): void {
    this.devices.hidden = !this.devices.hidden;
    this.settings.setAttribute("aria-expanded", String(!this.devices.hidden));
    if (this.devices.hidden) this.settings.focus();
  }

  private enableSend(): void {
    this.sendButton.disabled = this.input.disabled || this.input.value.trim() === "";
  }

  private async onSend(event: Event): Promise<void> {
    event.preventDefault();
    const text = this.input.value;
    if (text.trim() === "" || this.input.disabled) return;
    this.input.value = "";
    this.sendFailed = !(await this.actions.send(text));
    if (this.sendFailed && this.input.value === "") this.input.value = text;
    if (this.model) this.update(this.model);
  }
}

/** Names a button for everyone: for screen readers, and as a tooltip. */
function name(button: HTMLElement, label: string, tooltip = label): void {
  button.setAttribute("aria-label", label);
  button.title = tooltip;
}

/** The most urgent message beside the conversation. */
function bannerText({ phase, weakLink, microphone, microphoneLost, muted, waiting, trouble, slow }: Snapshot, s: Strings): string {
  if (phase.is === "starting") {
    if (waiting && trouble?.code === "no-media") return s["problem.no-media"];
    return slow ? s.slow : "";
  }
  if (phase.is !== "live") return "";
  if (microphoneLost) return s.microphoneLost;
  return weakLink ? s.weakLink : microphone && muted ? s.muted : "";
}

/** Seconds, or minutes and seconds if there are too many. */
function retryText(seconds: number, s: Strings): string {
  return seconds < 100 ? s.retryIn.replace("{seconds}", String(seconds)) : s.retryAfter.replace("{time}", clock(seconds));
}

/** The address at which a call would work that cannot be made on this page as it is. */
function placeFor(code: ProblemCode): string | undefined {
  if (code === "microphone-framed") return location.href;
  if (code === "insecure-page" && location.protocol === "http:") return location.href.replace(/^http:/, "https:");
  return undefined;
}

function moodOf(phase: Phase): Mood {
  switch (phase.is) {
    case "idle":
      return "idle";
    case "starting":
    case "reconnecting":
      return "connecting";
    case "live":
      return phase.agent;
    case "ended":
    case "failed":
      return "off";
  }
}

function stateText({ phase, waiting, trouble }: Snapshot, s: Strings): string {
  switch (phase.is) {
    case "idle":
      return "";
    case "starting":
      return waiting && trouble?.code === "no-agent" && phase.step === "agent" ? s["state.waiting"] : s[`state.${phase.step}`];
    case "live":
      return s[`state.${phase.agent}`];
    case "reconnecting":
      return s["state.reconnecting"];
    case "ended":
      return s["state.ended"];
    case "failed":
      return s["state.failed"];
  }
}

function fill(select: HTMLSelectElement, devices: readonly MediaDeviceInfo[], chosen: string | undefined, byDefault: string): void {
  const wanted = devices.map((d, i) => [d.deviceId, d.label || `${byDefault} ${i + 1}`] as const);
  const same = wanted.length === select.options.length &&
    wanted.every(([id, label], i) => select.options[i]!.value === id && select.options[i]!.text === label);
  if (!same) select.replaceChildren(...wanted.map(([id, label]) => h("option", { value: id }, label)));
  if (chosen !== undefined && select.value !== chosen) select.value = chosen;
}
