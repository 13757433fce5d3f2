//! What a call tells the rest of the process, as it happens.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::ledger::Figures;
use super::meter::Taken;
use super::part::Part;
use crate::transport::{AgentState, Person};
use crate::voicemail::Sign;
use sidetone_base::leave::LeaveBy;
use sidetone_turn::{ReplyId, TurnId};

/// Identifies a call; the primary key of the calls table.
pub type CallId = uuid::Uuid;

/// Something worth storing. Times are offsets from the start of the call (`at` of
/// [`CallEvent::Started`]), so that a trace is the same on every run of a simulated clock.
///
/// Turns are sent *progressively*: a later event with the same `turn_id` or `reply_id` replaces
/// the earlier one (upsert), so that a killed process loses at most the sentence in the air.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    /// The agent is in the room.
    Started {
        /// Wall-clock time of offset zero.
        at: std::time::SystemTime,
    },
    /// What `lk.agent.state` says from now on.
    AgentState {
        /// When.
        at: Duration,
        /// The new state.
        state: AgentState,
    },
    /// The caller joined (or came back).
    CallerJoined {
        /// When.
        at: Duration,
        /// LiveKit identity.
        identity: String,
    },
    /// A machine has answered the telephone that the agent calls.
    Machine {
        /// When it was known.
        at: Duration,
        /// By what.
        sign: Sign,
    },
    /// The caller muted or unmuted the microphone.
    CallerMuted {
        /// When.
        at: Duration,
        /// Muted now.
        muted: bool,
    },
    /// What is recognised so far of a turn that is not over, in the place of what was recognised of one before: an
    /// agent that takes the call over would know nothing of it otherwise. Empty once it is no turn of the call's, such
    /// as a backchannel. A [`CallEvent::CallerTurn`] takes its place.
    CallerSaying {
        /// When.
        at: Duration,
        /// Which turn.
        turn_id: TurnId,
        /// All words of the turn so far.
        text: String,
        /// As in [`CallEvent::CallerTurn`].
        by: Option<Person>,
    },
    /// The caller's turn is settled: its words go to the model. Sent again with the same
    /// `turn_id` when the caller goes on before hearing an answer.
    CallerTurn {
        /// Which turn.
        turn_id: TurnId,
        /// All words of the turn.
        text: String,
        /// Whose turn it is, where several people are heard. The name is one that only this person has in the call.
        by: Option<Person>,
        /// First voiced sample (or the moment a chat message came).
        started_at: Duration,
        /// Last voiced sample.
        ended_at: Duration,
    },
    /// What the agent said, as far as the caller has heard it: sent when it becomes audible,
    /// after each sentence heard, and when it ends.
    AgentTurn(AgentTurn),
    /// A tool is about to run. Its request leaves when the receipt is dropped.
    ToolStarted(ToolStarted, Receipt),
    /// A tool has run.
    ToolCall(ToolCalled),
    /// A stage failed. The call goes on.
    Error {
        /// When.
        at: Duration,
        /// Which stage.
        stage: Part,
        /// Cause, without secrets and without words of the conversation.
        message: String,
    },
    /// Nobody has spoken for long: the caller counts as away.
    CallerAway {
        /// When.
        at: Duration,
    },
    /// What became of all that was said up to now, and what the call has taken of its providers.
    /// Sent with each reply that is over, and at the end; the last one counts.
    Figures {
        /// Utterances and sentences.
        figures: Figures,
        /// Tokens, characters and seconds.
        taken: Taken,
    },
    /// Always the last event.
    Ended {
        /// When.
        at: Duration,
        /// Why.
        reason: EndReason,
    },
}

/// See [`CallEvent::AgentTurn`].
#[derive(Debug, Clone, PartialEq)]
pub struct AgentTurn {
    /// Which reply.
    pub reply_id: ReplyId,
    /// The caller's turn it answers; none for a greeting or an apology.
    pub turn_id: Option<TurnId>,
    /// First sample pushed to the room.
    pub started_at: Duration,
    /// Last sample pushed to the room so far.
    pub ended_at: Duration,
    /// Only words that were played.
    pub text_heard: String,
    /// The caller cut it short.
    pub interrupted: bool,
    /// No further event follows for this reply.
    pub is_final: bool,
    /// More of it is to be heard, or was when the agent left: neither is it over, nor did the caller or
    /// a failure cut it short.
    pub unfinished: bool,
    /// Where the time went.
    pub latency: Latency,
}

/// See [`CallEvent::ToolStarted`].
#[derive(Clone, PartialEq)]
pub struct ToolStarted {
    /// The reply that it is for.
    pub reply_id: ReplyId,
    /// Whose tool it is.
    pub agent: String,
    /// The model's id of the call: with `reply_id` it names the run.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text, as the model wrote it.
    pub arguments: String,
    /// When it was called.
    pub started_at: Duration,
}

/// Says which it is, never the words: they are personal data.
impl std::fmt::Debug for ToolStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ToolStarted({})", self.name)
    }
}

/// Dropped by whoever keeps the record once an event is on disk, or by nobody's keeping one.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Cancels its token when the last clone is dropped.
    _dropped: Arc<DropGuard>,
}

impl Receipt {
    /// A receipt, and what is cancelled when it is dropped.
    pub fn new() -> (Self, CancellationToken) {
        let dropped = CancellationToken::new();
        let guard = Arc::new(dropped.clone().drop_guard());
        (Self { _dropped: guard }, dropped)
    }
}

/// Says nothing of what happened.
impl PartialEq for Receipt {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// See [`CallEvent::ToolCall`].
#[derive(Clone, PartialEq)]
pub struct ToolCalled {
    /// The reply that it was for.
    pub reply_id: ReplyId,
    /// Whose tool it is.
    pub agent: String,
    /// The model's id of the call; not unique in a call with every server.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text, as the model wrote it.
    pub arguments: String,
    /// What the model was told.
    pub result: Result<String, String>,
    /// When it was called.
    pub started_at: Duration,
    /// How long it took.
    pub took: Duration,
}

/// Says how it went, never the words: they are personal data.
impl std::fmt::Debug for ToolCalled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, ok) = (&self.name, self.result.is_ok());
        write!(f, "ToolCalled({name}, ok {ok}, took {:?})", self.took)
    }
}

/// Where the time of one answer went. `None`: the stage had no part in it.
///
/// A stage has how long it took and when it was done (`…_at`), for stages overlap: one that works
/// ahead has begun before the one it follows was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// End of speech (last voiced sample) → the decision that the turn is over.
    pub endpointing: Option<Duration>,
    /// STT request → transcript.
    pub stt: Option<Duration>,
    /// End of speech → transcript.
    pub stt_at: Option<Duration>,
    /// LLM request → first token.
    pub llm_first_token: Option<Duration>,
    /// End of speech → first token.
    pub llm_first_token_at: Option<Duration>,
    /// First TTS request → its first audio.
    pub tts_first_byte: Option<Duration>,
    /// End of speech → first audio.
    pub tts_first_byte_at: Option<Duration>,
    /// First audio ready (or the decision that the turn is over, if later) → first frame pushed.
    pub playout: Option<Duration>,
    /// End of speech → first frame pushed to the room: what the caller waits, without network
    /// and codec. Work done ahead makes it less than the sum of the stages.
    pub response: Option<Duration>,
}

impl Latency {
    /// Those that had a part in the answer, by the names under which they are stored and told.
    pub fn named(&self) -> Vec<(&'static str, Duration)> {
        let all = [
            ("endpointingMs", self.endpointing),
            ("sttMs", self.stt),
            ("sttAtMs", self.stt_at),
            ("llmFirstTokenMs", self.llm_first_token),
            ("llmFirstTokenAtMs", self.llm_first_token_at),
            ("ttsFirstByteMs", self.tts_first_byte),
            ("ttsFirstByteAtMs", self.tts_first_byte_at),
            ("playoutMs", self.playout),
            ("responseMs", self.response),
        ];
        let known = all
            .into_iter()
            .filter_map(|(name, time)| Some((name, time?)));
        known.collect()
    }
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The caller hung up.
    CallerHungUp,
    /// The agent said goodbye (`end_call`).
    AgentHungUp,
    /// A person has taken over (`transfer`).
    Transferred,
    /// Nobody spoke any more; the agent said goodbye.
    CallerSilent,
    /// The callee rejected the call.
    CallerRejected,
    /// The caller vanished and did not come back within the grace period.
    CallerLost,
    /// Nobody came.
    NoCaller,
    /// The room was deleted or closed.
    RoomClosed,
    /// The agent lost its connection to the room for good.
    ConnectionLost,
    /// Caller and agent did not encrypt alike: one of them not at all, or with another key.
    Encrypted,
    /// This process is shutting down.
    Drained,
    /// This process is shutting down, and another agent goes on with the call.
    HandedOver,
    /// The agent was told to leave: by the control plane, or by LiveKit, which has ended its job.
    Dismissed,
    /// `limits.max_duration` was reached.
    MaxDuration,
    /// What the call may take of its providers is used up.
    Limit,
    /// The agent that was asked for is not there, and none was to take its place.
    NoAgent,
    /// A machine has answered, and has its message, if there was one.
    Voicemail,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 17] = [
        Self::CallerHungUp,
        Self::AgentHungUp,
        Self::Transferred,
        Self::CallerSilent,
        Self::CallerRejected,
        Self::CallerLost,
        Self::NoCaller,
        Self::RoomClosed,
        Self::ConnectionLost,
        Self::Encrypted,
        Self::Drained,
        Self::HandedOver,
        Self::Dismissed,
        Self::MaxDuration,
        Self::Limit,
        Self::NoAgent,
        Self::Voicemail,
    ];

    /// Whether another agent goes on with the call.
    pub fn is_taken_over(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::HandedOver)
    }

    /// Short name, as stored and logged.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallerHungUp => "caller_hung_up",
            Self::AgentHungUp => "agent_hung_up",
            Self::Transferred => "transferred",
            Self::CallerSilent => "caller_silent",
            Self::CallerRejected => "caller_rejected",
            Self::CallerLost => "caller_lost",
            Self::NoCaller => "no_caller",
            Self::RoomClosed => "room_closed",
            Self::ConnectionLost => "connection_lost",
            Self::Encrypted => "encrypted",
            Self::Drained => "drained",
            Self::HandedOver => "handed_over",
            Self::Dismissed => "dismissed",
            Self::MaxDuration => "max_duration",
            Self::Limit => "limit",
            Self::NoAgent => "no_agent",
            Self::Voicemail => "voicemail",
        }
    }
}

/// How a call went, for the job's status and the log.
#[derive(Debug, Clone, PartialEq)]
pub struct CallOutcome {
    /// Why it ended.
    pub reason: EndReason,
    /// From the start of [`crate::run`] to its end.
    pub duration: Duration,
    /// Caller turns that were answered.
    pub turns: u32,
    /// Events the receiver did not take before the call's closing deadline. Not zero means the
    /// stored call is incomplete.
    pub events_lost: usize,
    /// What the rest of leaving has to keep to.
    pub leave_by: LeaveBy,
}
