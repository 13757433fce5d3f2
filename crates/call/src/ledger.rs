//! What became of everything that was said: each utterance of the caller ends exactly once, as
//! answered, dropped or superseded, and each sentence of the agent as heard, cut or failed. Pure.
//!
//! An utterance is a stretch of speech that VAD found, or typed words. Several may make one turn:
//! the last one stands for it, and those before are superseded.

use std::collections::BTreeMap;

use super::part::Part;
use sidetone_turn::{Closed, TurnId};

/// Why an utterance was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    /// It had no words.
    NoWords,
    /// Its words were the agent's own, come back.
    Echo,
    /// It said "go on" while the agent spoke.
    Backchannel,
    /// Said over the agent, it had fewer words than interrupt it (`interruption.min_words`).
    TooFewWords,
    /// STT failed.
    NotUnderstood,
    /// No answer could be made: the caller heard an apology.
    NotAnswered,
    /// The caller took it back with the key of push-to-talk.
    TakenBack,
    /// The agent was muted, by the backend.
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

/// The figures of a call, so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// Utterances of the caller.
    pub opened: u64,
    /// Their answer was heard.
    pub answered: u64,
    /// The caller went on: a later utterance stands for them.
    pub superseded: u64,
    /// They came to nothing.
    pub dropped: BTreeMap<Dropped, u64>,
    /// Sentences of the agent that were begun.
    pub begun: u64,
    /// They were heard to their end.
    pub heard: u64,
    /// The caller, or the end of the call, cut them short.
    pub cut: u64,
    /// They could not be said, for a stage failed.
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

/// The books of a call. At most one utterance of a turn is open.
#[derive(Debug, Default)]
pub struct Ledger {
    figures: Figures,
    /// By turn; whether its last words were an echo.
    open: BTreeMap<TurnId, bool>,
}

impl Ledger {
    /// What is known up to now.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The caller begins to speak, or goes on, or has written: it is of this turn.
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

    /// Whether the words of this turn, so far, were the agent's own.
    pub fn is_echo(&mut self, turn: TurnId, is_echo: bool) {
        if let Some(echo) = self.open.get_mut(&turn) {
            *echo = is_echo;
        }
    }

    /// Words of the answer to this turn are heard: turns before it that wait still are answered with it.
    pub fn answered(&mut self, turn: TurnId) {
        if self.open.remove(&turn).is_some() {
            self.figures.answered += 1;
        }
        self.supersede_before(turn);
    }

    /// Nothing can be added to this turn.
    pub fn closed(&mut self, turn: TurnId, why: Closed) {
        let is_echo = self.open.get(&turn).copied().unwrap_or_default();
        match why {
            Closed::Joined => {
                if self.open.remove(&turn).is_some() {
                    self.figures.superseded += 1;
                }
            }
            // It is answered when words of the answer are heard (what sounds first may be something
            // for the meantime), or by the end of the call it was not.
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

    /// The call is over: what is open will not be answered.
    pub fn over(&mut self) {
        while let Some((turn, _)) = self.open.first_key_value() {
            self.drop_turn(*turn, Dropped::CallEnded);
        }
    }

    /// Sentences of a reply that is over: how many were begun, how many of them were heard to their
    /// end, and the stage that failed, if one did. A sentence that speech could not be had for at
    /// all was begun, too.
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

    /// A sentence of a reply that goes on could not be spoken.
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
