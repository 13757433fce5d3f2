/**
 * A connection to a LiveKit room with everything that belongs to it: the microphone's track, the agent's
 * voice, the text streams. It is created for one attempt to call and closed with it.
 */

import {
  ConnectionError,
  ConnectionErrorReason,
  ConnectionQuality,
  DisconnectReason,
  RoomEvent,
  Track,
  TrackEvent,
  type LocalAudioTrack,
  type Participant,
  type RemoteParticipant,
  type RemoteTrack,
  type Room,
  type TextStreamReader,
  type TrackPublication,
} from "livekit-client";
import { Ears } from "./ears.js";
import { readNotice } from "./notice.js";
import type { AgentState, Problem } from "./phase.js";
import { letGo, tidyRoom } from "./tidy-room.js";
import { CallError, type CallToken } from "./token.js";
import type { Line } from "./transcript.js";
import { readStages, TURN_TOPIC, type Turn } from "./turns.js";

const TRANSCRIPTION_TOPIC = "lk.transcription";
const CHAT_TOPIC = "lk.chat";
/** The service announces here that nobody has joined yet, or that nobody will: `call.waiting`, `call.failed`. */
const CALL_TOPIC = "sidetone.call";
const STATE_ATTRIBUTE = "lk.agent.state";
/** A text stream may have any length; a line on a page may not. */
const MAX_LINE = 8_000;
/** Maximum size to which a compressed stream may be unpacked, in bytes. */
const MAX_UNPACKED = 1 << 20;

/** The events of a link. None are sent after `close()`. */
export interface LinkEvents {
  agent(state: AgentState): void;
  agentGone(hungUp: boolean): void;
  /** No agent has joined yet; the service keeps trying. */
  waiting(why: Problem): void;
  lost(): void;
  back(): void;
  /** The room is gone for good; without a problem, the call was ended for everyone. */
  closed(problem: Problem | undefined): void;
  line(line: Line): void;
  turn(figure: Pick<Turn, "heardMs"> | Pick<Turn, "stages">): void;
  soundBlocked(blocked: boolean): void;
  weak(weak: boolean): void;
  /** Muted or not, by whomever; lost: it is gone, and no other was found. */
  microphone(is: { muted: boolean; lost: boolean }): void;
  devicesChanged(): void;
}

export class Link {
  readonly room: Room;
  private readonly context = new AudioContext({ latencyHint: "interactive" });
  private readonly ears: Ears;
  private agent: RemoteParticipant | undefined;
  /** Whether the agent is in the room and can be reached. */
  private reachable = false;
  /** Typed messages that no agent has begun to process. */
  private typed: { id: string; text: string; sent: boolean }[] = [];
  private joined = false;
  private closed = false;

  /**
   * Create it in the click's own task, because that is when a browser lets a page play audio. `sound` is
   * the parent of the agent's audio element.
   */
  constructor(
    private readonly events: LinkEvents,
    private readonly sound: ParentNode & Node,
  ) {
    this.ears = new Ears(this.context, ({ seconds }) => {
      this.tell((e) => e.turn({ heardMs: Math.round(seconds * 1000) }));
    });
    void this.context.resume().catch(() => undefined);
    this.room = tidyRoom({
      // A reload or a closed tab is not a hang-up: the server notices it, and the agent may wait; `close()`
      // says goodbye, which ends the call at once.
      disconnectOnPageLeave: false,
      publishDefaults: { dtx: true, red: true },
      dataStream: { maxPayloadByteLength: MAX_UNPACKED },
    });
    this.listen();
  }

  /** Joins and publishes. Throws a `CallError`; `token-refused` means that a new token is needed. */
  async join({ livekitHost, token }: CallToken, microphone: LocalAudioTrack | undefined): Promise<void> {
    let answered = false;
    this.room.once(RoomEvent.SignalConnected, () => (answered = true));
    try {
      // From now on, so that nothing that is said before the agent joins is lost.
      if (microphone) recordForAgent(microphone);
      await this.room.connect(livekitHost, token);
      if (this.closed) return letGo(this.room);
      this.joined = true;
      if (microphone) {
        this.hearMicrophone(microphone);
        microphone.on(TrackEvent.Restarted, () => !this.closed && this.hearMicrophone(microphone));
        const source = Track.Source.Microphone;
        const published = this.room.localParticipant.publishTrack(microphone, { source, preConnectBuffer: true });
        // From here on livekit-client manages the track, even one that was stopped in the meantime.
        await published.finally(() => this.closed && microphone.stop());
      }
    } catch (error) {
      throw new CallError(joinProblem(error, answered && !this.joined));
    }
    this.lookForAgent();
  }

  hearMicrophone(microphone: LocalAudioTrack): void {
    // The underlying track changes with the chosen device.
    this.ears.hearCaller(microphone.mediaStreamTrack);
  }

  get levels(): { caller: number; agent: number } {
    return this.ears.levels;
  }

  /** The token that opens the room now: LiveKit renews it while connected, and exposes it nowhere else. */
  get renewedToken(): string | undefined {
    const { token } = (this.room.engine ?? {}) as unknown as { token?: unknown };
    return typeof token === "string" ? token : undefined;
  }

  /**
   * Sends a typed message as soon as an agent is there to read it. If the agent was lost before it began to
   * process the message, it is sent to the next one.
   */
  async sendText(text: string): Promise<string> {
    const message = { id: crypto.randomUUID(), text, sent: false };
    this.typed.push(message);
    try {
      if (this.reachable) await this.transmit(message);
    } catch (error) {
      this.typed = this.typed.filter((other) => other !== message);
      throw error;
    }
    return message.id;
  }

  private async transmit(message: { text: string; sent: boolean }): Promise<void> {
    message.sent = true;
    await this.room.localParticipant.sendText(message.text, { topic: CHAT_TOPIC });
  }

  /** Called when an agent becomes reachable, or unreachable. */
  private reaches(reachable: boolean): void {
    this.reachable = reachable;
    for (const message of this.typed) {
      if (!reachable) message.sent = false;
      else if (!message.sent) void this.transmit(message).catch(() => (message.sent = false));
    }
  }

  /** Makes the agent audible after autoplay was refused; call it after a click or key press. */
  async unlockSound(): Promise<void> {
    await Promise.allSettled([this.room.startAudio(), this.context.resume()]);
    this.tell((e) => e.soundBlocked(!this.room.canPlaybackAudio));
  }

  /** Leaves the room. No events are sent from now on. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.ears.close();
    this.room.removeAllListeners();
    for (const p of this.room.remoteParticipants.values()) {
      for (const { track } of p.trackPublications.values()) {
        track?.detach().forEach((element) => element.remove());
      }
    }
    letGo(this.room);
    void this.context.close().catch(() => undefined);
  }

  private tell(say: (events: LinkEvents) => void): void {
    if (!this.closed) say(this.events);
  }

  private listen(): void {
    this.room
      .on(RoomEvent.ParticipantConnected, () => this.lookForAgent())
      .on(RoomEvent.ParticipantAttributesChanged, (changed, p) => {
        if (p === this.agent && changed[STATE_ATTRIBUTE] === "thinking") {
          this.typed = this.typed.filter((message) => !message.sent);
        }
        this.follow(p);
      })
      .on(RoomEvent.ParticipantDisconnected, (p, reason) => {
        if (p !== this.agent) return;
        this.agent = undefined;
        this.reaches(false);
        this.ears.hearAgent(undefined);
        // Where another one is in the room already, the call was handed over to it.
        const others = [...this.room.remoteParticipants.values()];
        if (!others.some((other) => other.isAgent && !other.attributes["lk.publish_on_behalf"])) {
          this.tell((e) => e.agentGone(reason === DisconnectReason.CLIENT_INITIATED));
        }
        this.lookForAgent();
      })
      .on(RoomEvent.TrackSubscribed, (track, _publication, p) => this.play(track, p))
      .on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()))
      .on(RoomEvent.LocalTrackUnpublished, () => this.ears.hearCaller(undefined))
      .on(RoomEvent.TrackMuted, (publication, p) => this.microphoneIs(publication, p))
      .on(RoomEvent.TrackUnmuted, (publication, p) => this.microphoneIs(publication, p))
      .on(RoomEvent.Reconnecting, () => this.tell((e) => e.lost()))
      .on(RoomEvent.SignalReconnecting, () => this.tell((e) => e.lost()))
      .on(RoomEvent.Reconnected, () => {
        this.tell((e) => e.back());
        this.lookForAgent();
      })
      .on(RoomEvent.Disconnected, (reason) => {
        // A failed join is reported by `join` itself, with the better reason.
        if (this.joined) this.tell((e) => e.closed(closeProblem(reason)));
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => {
        this.tell((e) => e.soundBlocked(!this.room.canPlaybackAudio));
      })
      .on(RoomEvent.ConnectionQualityChanged, (quality, p) => {
        if (p === this.agent) return this.agentQuality(quality);
        if (p !== this.room.localParticipant) return;
        this.tell((e) => e.weak(quality === ConnectionQuality.Poor || quality === ConnectionQuality.Lost));
      })
      .on(RoomEvent.DataReceived, (payload, sender, _kind, topic, _encryption, identity) => {
        // Only the server sends without a name, so another participant cannot end the call. A participant
        // whom this client does not know yet has an identity, but no `sender`.
        if (topic !== CALL_TOPIC || sender || identity) return;
        const { type, why } = readNotice(new TextDecoder().decode(payload));
        if (type === "call.failed") this.tell((e) => e.closed(why));
        if (type === "call.waiting") this.tell((e) => e.waiting(why));
      })
      .on(RoomEvent.MediaDevicesChanged, () => this.tell((e) => e.devicesChanged()))
      .on(RoomEvent.ActiveDeviceChanged, () => this.tell((e) => e.devicesChanged()));
    this.room.registerTextStreamHandler(TRANSCRIPTION_TOPIC, (reader, { identity }) => {
      void this.transcribe(reader, identity);
    });
    this.room.registerTextStreamHandler(TURN_TOPIC, async (reader, { identity }) => {
      if (identity !== this.agent?.identity) return;
      const stages = readStages(await reader.readAll().catch(() => ""));
      if (stages) this.tell((e) => e.turn({ stages }));
    });
  }

  /** The agent is the first participant of kind AGENT that does not publish on behalf of another one. */
  private lookForAgent(): void {
    if (this.agent) return this.follow(this.agent);
    for (const p of this.room.remoteParticipants.values()) {
      if (p.isAgent && !p.attributes["lk.publish_on_behalf"]) {
        this.agent = p;
        for (const { track } of p.trackPublications.values()) {
          if (track) this.play(track as RemoteTrack, p);
        }
        return this.follow(p);
      }
    }
  }

  private follow(p: Participant): void {
    if (p !== this.agent) return this.agent ? undefined : this.lookForAgent();
    // The server keeps a dead agent for twenty seconds.
    if (p.connectionQuality === ConnectionQuality.Lost) return;
    const state = p.attributes[STATE_ATTRIBUTE];
    if (state === "listening" || state === "thinking" || state === "speaking") {
      this.reaches(true);
      this.tell((e) => e.agent(state));
    } else if (state === "idle" || (state === undefined && p.getTrackPublication(Track.Source.Microphone))) {
      // An agent that reports no state but has a voice is there and listens.
      this.reaches(true);
      this.tell((e) => e.agent("listening"));
    }
  }

  /** The server hears nothing from the agent: a problem, long before the server removes it from the room. */
  private agentQuality(quality: ConnectionQuality): void {
    if (quality !== ConnectionQuality.Lost) return this.agent && this.follow(this.agent);
    if (!this.reachable) return;
    this.reaches(false);
    this.tell((e) => e.agentGone(false));
  }

  private play(track: RemoteTrack, p: RemoteParticipant): void {
    if (track.kind !== Track.Kind.Audio) return;
    // In Chromium, Web Audio gets no data from a remote track that no element plays.
    if (track.attachedElements.length === 0) this.sound.append(track.attach());
    if (p !== this.agent) return this.lookForAgent();
    if (track.source === Track.Source.Microphone) this.ears.hearAgent(track.mediaStreamTrack);
    this.follow(p);
  }

  /** livekit-client mutes a microphone that ended, such as one that was unplugged, if it finds no other. */
  private microphoneIs({ source, track, isMuted }: TrackPublication, p: Participant): void {
    if (p !== this.room.localParticipant || source !== Track.Source.Microphone) return;
    const lost = isMuted && track?.mediaStreamTrack.readyState === "ended";
    this.tell((e) => e.microphone({ muted: isMuted, lost }));
  }

  private async transcribe(reader: TextStreamReader, identity: string): Promise<void> {
    const { attributes = {}, id } = reader.info;
    const local = this.room.localParticipant;
    // Agents send the caller's captions in the caller's name; captions in anybody else's name are not part
    // of the conversation.
    if (identity !== local.identity && !this.room.remoteParticipants.get(identity)?.isAgent) return;
    const trackId = attributes["lk.transcribed_track_id"];
    const ofCaller =
      identity === local.identity ||
      [...local.trackPublications.values()].some((publication) => publication.trackSid === trackId);
    const line: Line = {
      id: attributes["lk.segment_id"] ?? id,
      who: ofCaller ? "caller" : "agent",
      text: "",
      final: false,
      typed: false,
    };
    try {
      for await (const delta of reader) {
        line.text = (line.text + delta).slice(0, MAX_LINE);
        // Each interim of the caller is a whole stream: it is shown when complete, so that a line never
        // shrinks before it grows.
        if (!ofCaller) this.tell((e) => e.line({ ...line }));
      }
    } catch {
      // The stream broke off when its sender left: what arrived is kept.
    }
    line.final = !ofCaller || reader.info.attributes?.["lk.transcription_final"] === "true";
    this.tell((e) => e.line(line));
  }
}

/**
 * LiveKit's pre-connect buffer. `setMicrophoneEnabled` would start it too, but with its own track; the
 * method is public except in its type. Without a MediaRecorder nothing is recorded.
 */
function recordForAgent(microphone: LocalAudioTrack): void {
  (microphone as unknown as { startPreConnectBuffer?: () => void }).startPreConnectBuffer?.();
}

/** Why a room could not be joined. If the server has `answered`, there is no media path to it. */
function joinProblem(error: unknown, answered: boolean): Problem {
  if (error instanceof ConnectionError) {
    switch (error.reason) {
      case ConnectionErrorReason.NotAllowed:
        return { code: "token-refused", retry: true };
      case ConnectionErrorReason.LeaveRequest:
        return { code: "removed", retry: true };
    }
  }
  return { code: answered ? "media-blocked" : "server-unreachable", retry: true };
}

function closeProblem(reason: DisconnectReason | undefined): Problem | undefined {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
    // So ends a call that the agent ends.
    case DisconnectReason.PARTICIPANT_REMOVED:
      return undefined;
    case DisconnectReason.DUPLICATE_IDENTITY:
      return { code: "joined-elsewhere", retry: false };
    default:
      return { code: "connection-lost", retry: true };
  }
}
