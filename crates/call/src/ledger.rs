//! The fate of everything that was said: each utterance of the caller ends exactly once, as answered, dropped or
//! superseded, and each sentence of the agent as heard, cut or failed. PURE.
//! An utterance is a stretch of speech that VAD found, or typed words. Several may make up one turn: the last one
//! stands for it, and those before are superseded.

use std::collections::BTreeMap;

use super::part::Part;
use sidetone_turn::{Closed, TurnId};

/// Why an utterance was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    /// It had no words.
    NoWords,
    /// Its words were an echo of the agent's own.
    Echo,
    /// It was a backchannel ("uh-huh") while the agent spoke.
    Backchannel,
    /// Spoken over the agent, it had too few words to interrupt it (`interruption.min_words`).
    TooFewWords,
    /// STT failed.
    NotUnderstood,
    /// No answer could be made; the caller heard an apology.
    NotAnswered,
    /// The caller cancelled it with the push-to-talk key.
    TakenBack,
    /// The backend had muted the agent.
    Muted,
    /// The caller left before it was over.
    CallerLeft,
    /// The agent was about to leave.
    Draining,
    /// The call ended first.
    CallEnded,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::NoWords,
        Self::Echo,
        Self::Backchannel,
        Self::TooFewWords,
        Self::NotUnderstood,
        Self::NotAnswered,
        Self::TakenBack,
        Self::Muted,
        Self::CallerLeft,
        Self::Draining,
        Self::CallEnded,
    ];

    /// Short name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoWords => "no_words",
            Self::Echo => "echo",
            Self::Backchannel => "backchannel",
            Self::TooFewWords => "too_few_words",
            Self::NotUnderstood => "not_understood",
            Self::NotAnswered => "not_answered",
            Self::TakenBack => "taken_back",
            Self::Muted => "muted",
            Self::CallerLeft => "caller_left",
            Self::Draining => "draining",
            Self::CallEnded => "call_ended",
        }
    }
}

/// The figures of a call so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Utterances of the caller.
    pub opened: u64,
    /// Those whose answer was heard.
    pub answered: u64,
    /// Those that the caller continued: a later utterance stands for them.
    pub superseded: u64,
    /// Those that were dropped, by reason.
    pub dropped: BTreeMap<Dropped, u64>,
    /// Sentences that the agent began.
    pub begun: u64,
    /// Those heard to their end.
    pub heard: u64,
    /// Those cut short by the caller or by the end of the call.
    pub cut: u64,
    /// Those that could not be said because a stage failed, by stage.
    pub failed: BTreeMap<&'static str, u64>,
}

impl Figures {
    /// Utterances that have ended.
    pub fn closed(&self) -> u64 {
        self.answered + self.superseded + self.dropped.values().sum::<u64>()
    }

    /// Sentences that have ended.
    pub fn said(&self) -> u64 {
        self.heard + self.cut + self.failed.values().sum::<u64>()
    }
}

/// The books of a call. At most one utterance per turn is open.
#[derive(Debug, Default)]
pub struct Ledger {
    figures: Figures,
    /// The open utterance of each turn; `true` if its last words were an echo.
    open: BTreeMap<TurnId, bool>,
}

impl Ledger {
    /// The figures up to now.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The caller begins to speak, continues, or has written, as part of this turn.
    pub fn opened(&mut self, turn: TurnId) {
        self.figures.opened += 1;
        if self.open.insert(turn, false).is_some() {
            self.figures.superseded += 1;
        }
    }

    /// Something was said that cannot become a turn.
    pub fn refused(&mut self, why: Dropped) {
        self.figures.opened += 1;
        *self.figures.dropped.entry(why).or_default() += 1;
    }

    /// Whether the words of this turn so far are an echo of the agent's own.
    pub fn is_echo(&mut self, turn: TurnId, is_echo: bool) {
        if let Some(echo) = self.open.get_mut(&turn) {
            *echo = is_echo;
        }
    }

    /// Words of the answer to this turn are heard. Earlier turns that still wait are answered with it.
    pub fn answered(&mut self, turn: TurnId) {
        if self.open.remove(&turn).is_some() {
            self.figures.answered += 1;
        }
        self.supersede_before(turn);
    }

    /// Nothing more can be added to this turn.
    pub fn closed(&mut self, turn: TurnId, why: Closed) {
        let is_echo = self.open.get(&turn).copied().unwrap_or_default();
        match why {
            Closed::Joined => {
                if self.open.remove(&turn).is_some() {
                    self.figures.superseded += 1;
                }
            }
            // It counts as answered once words of the answer are heard (the first audio may be a filler), and as
            // unanswered if the call ends before.
            Closed::Answered | Closed::Owed => {}
            Closed::NoWords if is_echo => self.drop_turn(turn, Dropped::Echo),
            Closed::NoWords => self.drop_turn(turn, Dropped::NoWords),
            Closed::Backchannel => self.drop_turn(turn, Dropped::Backchannel),
            Closed::TooFewWords => self.drop_turn(turn, Dropped::TooFewWords),
            Closed::NotUnderstood => self.drop_turn(turn, Dropped::NotUnderstood),
            Closed::NotAnswered => self.drop_turn(turn, Dropped::NotAnswered),
            Closed::TakenBack => self.drop_turn(turn, Dropped::TakenBack),
            Closed::Muted => self.drop_turn(turn, Dropped::Muted),
            Closed::CallerLeft => self.drop_turn(turn, Dropped::CallerLeft),
        }
    }

    /// The call is over: open utterances will not be answered.
    pub fn over(&mut self) {
        while let Some((turn, _)) = self.open.first_key_value() {
            self.drop_turn(*turn, Dropped::CallEnded);
        }
    }

    /// Counts the sentences of a finished reply: how many were begun, how many of those were heard to their end, and
    /// the stage that failed, if one did. A sentence for which no speech could be made counts as begun.
    pub fn said(&mut self, begun: usize, heard: usize, failed: Option<Part>) {
        let (mut begun, heard) = (begun as u64, heard as u64);
        if failed == Some(Part::Tts) && begun == heard {
            begun += 1;
        }
        let rest = begun.saturating_sub(heard);
        self.figures.begun += begun;
        self.figures.heard += heard;
        match failed {
            Some(stage) if rest > 0 => {
                *self.figures.failed.entry(stage.as_str()).or_default() += rest;
            }
            _ => self.figures.cut += rest,
        }
    }

    /// A sentence of a reply could not be spoken, and the reply goes on.
    pub fn unspoken(&mut self) {
        self.figures.begun += 1;
        *self.figures.failed.entry(Part::Tts.as_str()).or_default() += 1;
    }

    fn drop_turn(&mut self, turn: TurnId, why: Dropped) {
        if self.open.remove(&turn).is_some() {
            *self.figures.dropped.entry(why).or_default() += 1;
        }
    }

    fn supersede_before(&mut self, turn: TurnId) {
        let later = self.open.split_off(&turn);
        let before = std::mem::replace(&mut self.open, later);
        self.figures.superseded += before.len() as u64;
    }
}

#[cfg(test)]
mod tests;
