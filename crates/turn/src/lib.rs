//! Turn taking: who may speak, and when. PURE: only `std` and ICU's word breaks; no audio, no I/O, no clock.
//!
//! [`Turn`] takes what happened ([`Input`]) and returns what to do ([`Output`]). Its state combines two smaller ones:
//! what the caller is doing, and the progress of the one live reply. The phase of the usual table ([`Phase`]) follows
//! from both:
//!
//! | phase | on | go to |
//! |---|---|---|
//! | Listening | speech starts | UserSpeaking |
//! | UserSpeaking | speech stops | Endpointing |
//! | Endpointing | speech starts | UserSpeaking, same turn; work ahead is cancelled |
//! | Endpointing | final transcript | a reply is made ahead, unheard |
//! | Endpointing | final transcript and the delay has passed | Thinking: the reply is committed |
//! | Endpointing | an end-of-turn probability | the delay changes |
//! | Endpointing | transcript without words | Listening |
//! | Thinking | reply audible | Speaking; the turn is closed |
//! | Thinking | speech starts | reply cancelled; UserSpeaking, same turn |
//! | Speaking | speech starts | Overlap |
//! | Overlap | speech stops early | Speaking |
//! | Overlap | `min_duration` passed (and `min_words`), and the voice is near | Held |
//! | Speaking, Held | words that interrupt | reply cancelled; Endpointing |
//! | Held | no words, only a backchannel, or `false_interruption_timeout` | Speaking, same sample |
//! | any reply | failed | an apology takes its place |
//! | UserSpeaking | maximum turn length | cut off at the next pause between words, and answered; then the next turn |
//! | Endpointing, Thinking | another person speaks | UserSpeaking, next turn; both are answered together |
//! | any | muted | Listening: the reply is cancelled, the turn is closed unanswered |
//!
//! With push-to-talk ([`Input::FloorTaken`]) the caller's key replaces the delay.

mod ending;
mod endpointing;
mod interruption;
mod machine;
mod phrases;
mod timers;
pub mod words;

#[cfg(test)]
mod tests;

use std::time::Instant;

pub use endpointing::Endpointing;
pub use interruption::Interruption;
pub use machine::Turn;

/// A turn of the caller, counted from 1 within a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId(pub u64);

/// A reply of the agent, counted from 1 within a call. Every item between the model and the speaker carries it, and
/// items of any other than the live reply are dropped: barge-in is a comparison, not a race.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// The settings of turn taking.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// When the caller counts as finished.
    pub endpointing: Endpointing,
    /// When the agent gives way.
    pub interruption: Interruption,
    /// Make the reply while endpointing still waits, and discard it unheard if the caller goes on.
    pub speculative: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpointing: Endpointing::default(),
            interruption: Interruption::default(),
            speculative: true,
        }
    }
}

/// What happened. Times inside are audio time and lie at or before `now`.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The caller began to speak.
    SpeechStarted {
        /// First voiced sample.
        at: Instant,
    },
    /// Where several people are heard: another one than before speaks, as the `SpeechStarted` that follows says. A
    /// turn is one person's, so what was said before is all of it.
    AnotherSpeaks,
    /// The caller's voice is not heard at the moment; whether the speech is over is not known yet.
    SpeechPaused {
        /// Last voiced sample.
        at: Instant,
    },
    /// The speech was not over.
    SpeechResumed,
    /// The current speech is the caller's: near, and not the agent's echo. Until this arrives, sound alone does not
    /// hold playout.
    SpeechIsNear,
    /// Push-to-talk: the caller marks the beginning of its turn. From now until the end of the call, pauses end
    /// nothing.
    FloorTaken,
    /// Push-to-talk: the caller's turn is over, and is answered without a wait.
    FloorGiven,
    /// Push-to-talk: what the caller said is discarded.
    FloorDropped,
    /// The caller fell silent. A transcript of the turn so far, or its failure, will follow.
    SpeechStopped {
        /// Last voiced sample.
        at: Instant,
    },
    /// Words of the whole open turn so far; replaces what came before.
    Transcript {
        /// The words; empty if there are none.
        text: String,
        /// It covers all speech of the turn up to now.
        is_final: bool,
    },
    /// The transcript promised by `SpeechStopped` will not come.
    TranscriptFailed,
    /// All words of the turn that was cut off. `None` if they could not be transcribed.
    LastWords(Option<String>),
    /// A model's probability that the open turn is over.
    EndOfTurn {
        /// 0 to 1.
        probability: f32,
    },
    /// A whole turn that the caller typed: it interrupts, and is answered.
    UserText(String),
    /// The caller is pressing telephone keys: the agent stops talking. The digits follow as `UserText`.
    KeyPressed,
    /// Say this; it replaces what the agent is saying.
    Say {
        /// The words.
        text: String,
        /// Whether the caller can interrupt it.
        interruptible: bool,
    },
    /// Speak unprompted, about what the model was told: the caller has asked nothing.
    SpeakUp,
    /// From now on the agent neither hears nor speaks: its reply ends, and what the caller said is not answered.
    Muted,
    /// Continues a conversation that another agent held: first says these words, if there are any, then gives the
    /// answer that is owed.
    Resume {
        /// The words.
        text: String,
        /// The answer.
        owed: Option<Owed>,
    },
    /// The first sample of a reply was played.
    ReplyAudible(ReplyId),
    /// The last sample of a reply was played.
    ReplyFinished(ReplyId),
    /// A reply cannot go on.
    ReplyFailed(ReplyId),
    /// The caller has left.
    UserLeft,
    /// The caller is back: an owed answer is given.
    UserReturned,
    /// The time of `Output::Timeout` has come.
    Timeout,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Make a reply. It ends by exactly one of `CancelReply`, `ReplyFinished`, `ReplyFailed`.
    StartReply {
        /// Its id; ids only increase.
        id: ReplyId,
        /// The turn it answers.
        turn: Option<TurnId>,
        /// What to reply to.
        prompt: Prompt,
        /// Nothing of it may be heard or shown before `CommitReply`.
        speculative: bool,
    },
    /// A speculative reply may be heard from now on.
    CommitReply(ReplyId),
    /// Stop making a reply, and drop what has not been played.
    CancelReply(ReplyId),
    /// Pause playout and keep the reply. Ends with `ReleasePlayout` or with the reply.
    HoldPlayout,
    /// Continue at the sample after the last one played.
    ReleasePlayout,
    /// The caller's turn is over, with these words. Repeated with the same id if the caller goes on before hearing an
    /// answer; the last one counts.
    TurnEnded(UserTurn),
    /// This turn has reached its maximum length, or another person speaks. What was said so far is all of it; what
    /// follows is the next turn.
    CutTurn(TurnId, Cut),
    /// Nothing more can be added to this turn: its audio may be dropped.
    CloseTurn(TurnId, Closed),
    /// Nothing more to do until this time, or until the next input.
    Timeout(Option<Instant>),
}

/// Where a turn is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// In a pause. `LastWords` will follow; the next turn begins if and when the speech continues.
    InPause,
    /// In mid-speech. `LastWords` will follow; the next turn has begun.
    InSpeech,
    /// Its words are known; the next turn has begun.
    Settled,
}

/// Why nothing more can be added to a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// Its answer is heard.
    Answered,
    /// It has no words.
    NoWords,
    /// It was spoken over the agent and contains only backchannels.
    Backchannel,
    /// It was spoken over the agent and has too few words to interrupt it.
    TooFewWords,
    /// Its words could not be transcribed.
    NotUnderstood,
    /// No answer could be made.
    NotAnswered,
    /// The caller cancelled it (push-to-talk).
    TakenBack,
    /// The caller continued, by typing or in another turn: both are answered together.
    Joined,
    /// The agent was muted before it had answered.
    Muted,
    /// The caller left; it will be answered when the caller is back.
    Owed,
    /// The caller left before it was over.
    CallerLeft,
}

/// What a reply is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Answer the caller's words.
    Answer(String),
    /// Give the rest of an interrupted answer.
    Rest,
    /// Speak about what the model was told last.
    Unasked,
    /// Say these words.
    Say(String),
    /// Say these words, which recur in many calls and may have been synthesised before.
    Phrase(String),
    /// Say that something went wrong.
    Apology,
}

/// An answer that the caller still waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The turn that it answers.
    pub turn: Option<TurnId>,
    /// What it is made from.
    pub prompt: Prompt,
}

/// A finished turn of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserTurn {
    /// Which.
    pub id: TurnId,
    /// Its words.
    pub text: String,
    /// First voiced sample.
    pub started_at: Instant,
    /// Last voiced sample.
    pub ended_at: Instant,
}

/// The phase of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nobody speaks.
    Listening,
    /// The caller speaks.
    UserSpeaking,
    /// The caller paused, or has finished.
    Endpointing,
    /// The caller has finished; nothing of the reply is heard yet.
    Thinking,
    /// The agent speaks.
    Speaking,
    /// Both speak.
    Overlap,
    /// The caller speaks; playout is held.
    Held,
}
