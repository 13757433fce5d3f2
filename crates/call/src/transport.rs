//! What a call knows of a room: four channels and two closed enums.
//!
//! A driver (LiveKit, the console, the tests' simulated room) holds the other ends. The call
//! sees frames, events and commands, never a socket.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use sidetone_base::audio::Pcm;
use sidetone_base::hand::{Order, Outcome};
use sidetone_base::leave::{LeaveBy, LeaveOrder};
use sidetone_config::choices::Caller;

/// Frames of 10 ms that the speaker channel holds: the call runs this far ahead of the room.
///
/// Two frames keep the driver fed while the call's task is scheduled, and bound what can still
/// be heard after a barge-in to 20 ms.
pub const SPEAKER_FRAMES: usize = 2;

/// Frames of 10 ms that the microphone channel holds; a driver that finds it full drops the
/// frame and counts it.
pub const MIC_FRAMES: usize = 50;

/// Events and commands in flight; both are rare compared with audio.
pub const SIGNALS: usize = 128;

/// The call's ends of a room.
#[derive(Debug)]
pub struct RoomLink {
    /// The caller's voice: steady 10 ms frames (160 samples), silence included, from the moment
    /// the caller's microphone is there. Where several people are heard, the voice of one of them.
    pub mic: mpsc::Receiver<MicFrame>,
    /// What happens in the room.
    pub events: mpsc::Receiver<RoomEvent>,
    /// The agent's voice: 10 ms frames (480 samples). The driver takes one each 10 ms and plays
    /// silence when there is none; this backpressure is the playout clock.
    pub speaker: mpsc::Sender<Pcm<48_000>>,
    /// What the call asks the room to do.
    pub commands: mpsc::Sender<RoomCommand>,
}

/// The driver's ends of a room, the counterpart of [`RoomLink`].
#[derive(Debug)]
pub struct RoomDriver {
    /// Frames of 10 ms to the call; use `try_send`, drop and count when full.
    pub mic: mpsc::Sender<MicFrame>,
    /// Events to the call; `send` waits when full, because none may be lost.
    pub events: mpsc::Sender<RoomEvent>,
    /// Frames to play, one every 10 ms.
    pub speaker: mpsc::Receiver<Pcm<48_000>>,
    /// Commands to carry out in order. Ends when the call has ended.
    pub commands: mpsc::Receiver<RoomCommand>,
}

/// A connected pair of ends with the agreed capacities.
pub fn link() -> (RoomLink, RoomDriver) {
    let (mic_tx, mic) = mpsc::channel(MIC_FRAMES);
    let (events_tx, events) = mpsc::channel(SIGNALS);
    let (speaker, speaker_rx) = mpsc::channel(SPEAKER_FRAMES);
    let (commands, commands_rx) = mpsc::channel(SIGNALS);
    (
        RoomLink {
            mic,
            events,
            speaker,
            commands,
        },
        RoomDriver {
            mic: mic_tx,
            events: events_tx,
            speaker: speaker_rx,
            commands: commands_rx,
        },
    )
}

/// 10 ms of a microphone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MicFrame {
    /// The sound.
    pub sound: Pcm<16_000>,
    /// Where several people are heard: from this frame on it is this one's voice.
    pub turn_to: Option<TurnTo>,
}

impl From<Pcm<16_000>> for MicFrame {
    fn from(sound: Pcm<16_000>) -> Self {
        Self {
            sound,
            turn_to: None,
        }
    }
}

/// Another person is listened to from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnTo {
    /// Who.
    pub who: Arc<Person>,
    /// What was said before this frame, if the person has begun already.
    pub earlier: Pcm<16_000>,
    /// What is being said in the voice before counts for nothing: it was noise, or the same words from farther away.
    pub replaces: bool,
}

/// Somebody whose words are told from others'.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// LiveKit identity.
    pub identity: String,
    /// The name shown to others; may be empty.
    pub name: String,
}

/// What happens in the room, as far as a call needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomEvent {
    /// The caller is in the room (or back in it) and can hear the agent.
    CallerJoined(Caller),
    /// What the caller said before the agent could hear; comes before `CallerJoined`.
    SaidBefore(Pcm<16_000>),
    /// The caller has left.
    CallerLeft {
        /// The reason, as the server reports it.
        reason: DisconnectReason,
        /// Another person in the room becomes the caller: `CallerJoined` follows.
        is_followed: bool,
    },
    /// Typed text from the caller (topic `lk.chat`).
    Chat {
        /// The whole message.
        text: String,
        /// Who wrote it, where several people are heard.
        by: Option<Arc<Person>>,
    },
    /// The caller pressed a telephone key.
    Pressed(Key),
    /// The control plane wants the agent to say this.
    Say {
        /// The words.
        text: String,
    },
    /// An order from the backend, answered by [`RoomCommand::Answer`].
    Commanded(Order),
    /// Push-to-talk: the caller marks the beginning and end of its turn, by RPC.
    Floor(Floor),
    /// The caller muted (`true`) or unmuted the microphone.
    MicMuted(bool),
    /// The caller asks not to be heard (`true`), or to be heard again, whatever its microphone does. RPC `mute` and
    /// `unmute`.
    Unheard(bool),
    /// The room's connection was down for this long: what was played in that time, nobody has heard.
    NotHeard(Duration),
    /// Caller and agent differ in encryption and cannot talk. No audio passes any more.
    Mismatch(Mismatch),
    /// Another agent is in the room, hears the caller, and goes on when this one leaves: at the next pause, or when there
    /// is none.
    Succeeded(LeaveBy),
    /// The agent must leave: the control plane orders it, or LiveKit has ended its job.
    Dismissed(LeaveBy),
    /// The room is over for the agent: deleted, or its connection is lost for good.
    Closed {
        /// The reason.
        reason: DisconnectReason,
    },
}

impl RoomEvent {
    /// Whether the caller has written, or pressed a key of whatever kind.
    pub(crate) fn is_of_caller(&self) -> bool {
        matches!(
            self,
            Self::Chat { .. } | Self::Pressed(_) | Self::Floor(_) | Self::Unheard(_)
        )
    }
}

/// How the encryption of caller and agent differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// The caller encrypts, and the agent has no key.
    NoKey,
    /// None of the agent's keys decrypts what the caller sends.
    WrongKey,
    /// The agent encrypts, and the caller does not.
    InTheClear,
}

impl Mismatch {
    /// The value of the attribute `sidetone.encryption`, which tells pages and apps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoKey => "no-key",
            Self::WrongKey => "wrong-key",
            Self::InTheClear => "in-the-clear",
        }
    }

    /// What is wrong, and how to fix it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::NoKey => {
                "the caller's tracks are end-to-end encrypted, and the agent has no key: name one under \
                 [encryption] in the agent's file, or join without encryption"
            }
            Self::WrongKey => {
                "what the caller sends is end-to-end encrypted, and no key of the agent opens it: give both the \
                 same keys, indexes and derivation ([encryption] in the agent's file)"
            }
            Self::InTheClear => {
                "the agent's calls are end-to-end encrypted ([encryption] in its file), and the caller's tracks \
                 are in the clear: join with encryption, or take the keys out of the file"
            }
        }
    }
}

/// A key of a telephone: a digit, `*`, `#`, or one of A to D.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(char);

/// A telephone's keys in the order of their event codes (RFC 4733, section 3.2).
const KEYS: &str = "0123456789*#ABCD";

impl Key {
    /// The key with this character. `None` if telephones have no such key.
    pub fn new(sign: char) -> Option<Self> {
        let sign = sign.to_ascii_uppercase();
        matches!(sign, '0'..='9' | '*' | '#' | 'A'..='D').then_some(Self(sign))
    }

    /// The key with this event code. `None` if there is none.
    pub fn of_code(code: u32) -> Option<Self> {
        let sign = KEYS.chars().nth(usize::try_from(code).ok()?)?;
        Some(Self(sign))
    }

    /// Its event code.
    pub fn code(self) -> u32 {
        let known = KEYS.chars().zip(0..).find(|(sign, _)| *sign == self.0);
        known.map_or(0, |(_, code)| code)
    }

    /// Its character.
    pub const fn sign(self) -> char {
        self.0
    }
}

/// Push-to-talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Floor {
    /// The key is down: the agent is quiet and listens. RPC `start_turn`.
    Taken,
    /// The key is up: the agent answers. RPC `end_turn`.
    Given,
    /// The turn is cancelled: what was said is discarded. RPC `cancel_turn`.
    Dropped,
}

/// Why a participant left, in LiveKit's terms (`DisconnectReason` of `livekit_models.proto`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// No reason given.
    Unknown,
    /// The participant left deliberately: it hung up.
    ClientInitiated,
    /// Another participant joined with the same identity.
    DuplicateIdentity,
    /// The server is shutting down.
    ServerShutdown,
    /// Removed through the API.
    ParticipantRemoved,
    /// The room was deleted through the API.
    RoomDeleted,
    /// Resume failed: server and client disagree about the session.
    StateMismatch,
    /// Join failed.
    JoinFailure,
    /// Moved to another server.
    Migration,
    /// The signal connection closed unexpectedly.
    SignalClose,
    /// The room closed because nobody was left.
    RoomClosed,
    /// The callee did not answer (SIP).
    UserUnavailable,
    /// The callee rejected the call (SIP).
    UserRejected,
    /// The SIP trunk failed.
    SipTrunkFailure,
    /// The server did not hear from the participant in time.
    ConnectionTimeout,
    /// Media could not be established or was lost.
    MediaFailure,
    /// An agent failed.
    AgentError,
}

impl DisconnectReason {
    /// Whether the participant will not come back, so that the call ends at once. After any other reason the call
    /// waits for it (livekit-agents' `RoomIO` closes on the same three).
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::ClientInitiated | Self::RoomDeleted | Self::UserRejected
        )
    }
}

/// LiveKit's signal that an agent's job is over, and the agent's reply.
#[derive(Debug, Clone, Default)]
pub struct Dismissal {
    /// Given when the server has ended the job: its dispatch was deleted, or its agent has left the room. In the
    /// latter case the room's own reason takes precedence.
    pub ordered: LeaveOrder,
    /// Cancelled by an agent that stays, because the order was about a session that it has replaced.
    pub declined: CancellationToken,
}

/// What the call asks the room to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomCommand {
    /// Publish the attribute `lk.agent.state`.
    SetState(AgentState),
    /// Publish words on `lk.transcription`.
    Transcript(Segment),
    /// Show these words of the agent to everybody, without speaking them; also to those without its key.
    Announce(String),
    /// Send these telephone keys, in order; `w` waits half a second.
    Dtmf(String),
    /// Publish where an answer's time went, on `sidetone.turn`: names and durations, once it is heard. Stages
    /// overlap, so their sum exceeds the caller's wait.
    Timing(Vec<(&'static str, Duration)>),
    /// Tell the backend the outcome of its order.
    Answer {
        /// The order's id.
        id: String,
        /// The outcome.
        outcome: Outcome,
    },
    /// Leave the room. Always the last command of a call.
    Leave,
}

/// What the agent is doing, in LiveKit's terms, so that stock UIs work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AgentState {
    /// Not ready to talk yet.
    Initializing,
    /// Ready, but there is no caller.
    Idle,
    /// The caller has the floor.
    Listening,
    /// The caller has finished; the answer is being made.
    Thinking,
    /// The agent has the floor.
    Speaking,
}

impl AgentState {
    /// The value of the attribute `lk.agent.state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Idle => "idle",
            Self::Listening => "listening",
            Self::Thinking => "thinking",
            Self::Speaking => "speaking",
        }
    }
}

/// A piece of transcript.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// Whose words these are.
    pub who: Speaker,
    /// The identity of the person, where several people are heard.
    pub by: Option<String>,
    /// `lk.segment_id`, "SG_…": the same for all pieces of one turn.
    pub id: String,
    /// Caller: the whole text of the turn so far (a new stream each time). Agent: what to append to the segment's
    /// single delta stream, paced with the audio; may be empty in the last piece.
    pub text: String,
    /// Caller: the text is final. Agent: the segment's stream must be closed.
    pub is_final: bool,
}

/// Shows the length, never the words: they are personal data.
impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("who", &self.who)
            .field("id", &self.id)
            .field("chars", &self.text.chars().count())
            .field("is_final", &self.is_final)
            .finish()
    }
}

/// The two sides of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The person.
    Caller,
    /// Sidetone.
    Agent,
}
