//! Turn taking: who may speak, and when. Pure: `std` and ICU's word breaks only, no audio, no I/O, no clock.
//!
//! [`Turn`] takes what happened ([`Input`]) and says what to do ([`Output`]). Its state is the
//! product of two small ones, what the caller does and what becomes of the one live reply; the
//! phase of the usual table ([`Phase`]) is read off the two:
//!
//! | phase | on | go to |
//! |---|---|---|
//! | Listening | speech starts | UserSpeaking |
//! | UserSpeaking | speech stops | Endpointing |
//! | Endpointing | speech starts | UserSpeaking, same turn; work ahead is cancelled |
//! | Endpointing | final transcript | a reply is made ahead, unheard |
//! | Endpointing | final transcript and the delay has passed | Thinking: the reply is committed |
//! | Endpointing | an end-of-turn probability | the delay is a different one |
//! | Endpointing | transcript without words | Listening |
//! | Thinking | reply audible | Speaking; the turn is closed |
//! | Thinking | speech starts | reply cancelled; UserSpeaking, same turn |
//! | Speaking | speech starts | Overlap |
//! | Overlap | speech stops early | Speaking |
//! | Overlap | `min_duration` passed (and `min_words`), and the voice is near | Held |
//! | Speaking, Held | words that interrupt | reply cancelled; Endpointing |
//! | Held | no words, only a backchannel, or `false_interruption_timeout` | Speaking, same sample |
//! | any reply | failed | an apology takes its place |
//! | UserSpeaking | the turn has had its longest length | at the next pause between words it is cut off, and answered as soon as its words are there; what follows is the next turn |
//! | any | muted | Listening: the reply is cancelled, the turn is closed unanswered |
//!
//! With push-to-talk ([`Input::FloorTaken`]) the caller's hand takes the place of the delay.

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

/// A reply of the agent, counted from 1 within a call. Every item between the model and the
/// speaker carries it; one that is not the live reply's is dropped, so that barge-in is a
/// comparison and not a race.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// The numbers of turn taking.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// When the caller has finished.
    pub endpointing: Endpointing,
    /// When the agent gives way.
    pub interruption: Interruption,
    /// Make the reply while endpointing still waits, and throw it away unheard if the caller
    /// goes on.
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
    /// The caller's voice is not heard now; whether the speech is over is not known yet.
    SpeechPaused {
        /// Last voiced sample.
        at: Instant,
    },
    /// It was not over.
    SpeechResumed,
    /// The speech that goes on is the caller's: near, and not the agent's echo. Until it is known,
    /// sound alone does not hold the agent's voice.
    SpeechIsNear,
    /// The caller says by hand when its turn begins and ends (push-to-talk): from now on until the
    /// end of the call, pauses end nothing.
    FloorTaken,
    /// The caller's turn is over, by hand: it is answered without a wait.
    FloorGiven,
    /// What the caller said is to be forgotten, by hand.
    FloorDropped,
    /// The caller fell silent. A transcript of the turn so far, or its failure, will follow.
    SpeechStopped {
        /// Last voiced sample.
        at: Instant,
    },
    /// Words of the whole open turn so far; replaces what came before.
    Transcript {
        /// The words; empty when there are none.
        text: String,
        /// It covers all speech of the turn up to now.
        is_final: bool,
    },
    /// The transcript promised by `SpeechStopped` will not come.
    TranscriptFailed,
    /// All words of the turn that was cut off; none where they cannot be had.
    LastWords(Option<String>),
    /// How likely the open turn is over, from a model.
    EndOfTurn {
        /// 0 to 1.
        probability: f32,
    },
    /// A whole turn of the caller that was typed: interrupts, and is answered.
    UserText(String),
    /// The caller presses telephone keys: the agent stops talking. What was pressed follows as `UserText`.
    KeyPressed,
    /// Say this; it replaces what the agent is saying.
    Say {
        /// The words.
        text: String,
        /// Whether the caller can talk it down.
        interruptible: bool,
    },
    /// Speak by yourself, of what the model was told: nobody has asked anything.
    SpeakUp,
    /// From now on the agent neither hears nor speaks: what it says ends, what the caller said is not answered.
    Muted,
    /// The conversation goes on that another agent held: says these words first, if there are any, then
    /// gives the answer that is owed.
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
    /// The caller is gone.
    UserLeft,
    /// The caller is back: an answer that was owed is given.
    UserReturned,
    /// The time of `Output::Timeout` has come.
    Timeout,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Make a reply. It ends by exactly one of `CancelReply`, `ReplyFinished`, `ReplyFailed`.
    StartReply {
        /// Its id; ids only grow.
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
    /// Stop making a reply, and drop what was not played.
    CancelReply(ReplyId),
    /// Stop the voice; keep the reply. Ends with `ReleasePlayout` or with the reply.
    HoldPlayout,
    /// Go on at the sample after the last one played.
    ReleasePlayout,
    /// The caller's turn is over: these are its words. Comes again with the same id when the
    /// caller goes on before hearing an answer; the last one counts.
    TurnEnded(UserTurn),
    /// This turn has had its longest length. What was said up to now is all of it, what follows is the
    /// next turn's.
    CutTurn(TurnId, Cut),
    /// Nothing can be added to this turn: its audio may be forgotten.
    CloseTurn(TurnId, Closed),
    /// Nothing more to do until this time, or until the next input.
    Timeout(Option<Instant>),
}

/// Where a turn that had its longest length is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// In a pause. `LastWords` will follow; the next turn begins when the speech goes on, if it does.
    InPause,
    /// In mid-speech. `LastWords` will follow; the next turn has begun.
    InSpeech,
    /// Its words are known; the next turn has begun.
    Settled,
}

/// Why nothing can be added to a turn any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// Its answer is heard.
    Answered,
    /// It has no words.
    NoWords,
    /// Its words, said over the agent, mean "go on".
    Backchannel,
    /// Its words, said over the agent, are fewer than interrupt it.
    TooFewWords,
    /// What its words are could not be found out.
    NotUnderstood,
    /// No answer could be made.
    NotAnswered,
    /// The caller took it back, by hand.
    TakenBack,
    /// The caller went on, in writing or in a turn of its own: both are answered together.
    Joined,
    /// The agent was muted before it had answered.
    Muted,
    /// The caller left; it is answered when the caller is back.
    Owed,
    /// The caller left before it was over.
    CallerLeft,
}

/// What a reply is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// Answer the caller's words.
    Answer(String),
    /// Give the rest of an answer that broke off.
    Rest,
    /// Speak of what the model was told last.
    Unasked,
    /// Say these words.
    Say(String),
    /// Say these words, which are the same in many calls and may have been made before.
    Phrase(String),
    /// Say that something went wrong.
    Apology,
}

/// An answer that somebody still waits for.
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

/// Where the conversation stands.
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
    /// The caller speaks; the agent's voice is held.
    Held,
}
