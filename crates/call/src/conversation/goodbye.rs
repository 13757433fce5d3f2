//! Silence, and the end of a call that the agent brings about.

use std::time::{Duration, Instant};

use super::Conversation;
use crate::event::{CallEvent, EndReason};
use crate::handover::Due;
use crate::meter::Spent;
use crate::part::Part;
use crate::providers::ProviderError;
use crate::transport::{Mismatch, RoomCommand};
use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;
use sidetone_config::agent::Budget;
use sidetone_config::built_in;
use sidetone_turn::{Input, Phase};

/// What is only written has so long to reach the caller before the agent leaves.
const ANNOUNCED: Duration = Duration::from_secs(1);

impl Conversation {
    /// The call is over; the first reason counts.
    pub(super) fn end(&mut self, reason: EndReason) {
        self.ended.get_or_insert(reason);
    }

    /// Counts the silence when nobody speaks, writes or works.
    pub(super) fn watch_silence(&mut self, now: Instant) {
        let phase = self.turn.phase();
        let is_silent = phase == Phase::Listening && self.work.is_idle();
        if (self.caller.is_unheard() || self.hand.is_muted()) && is_silent {
            // Who asked not to be heard is there, and has a reason to be silent.
            self.deadlines.silence().broken();
        } else if self.caller.is_here() && is_silent {
            self.deadlines.silence().goes_on(now);
        } else if !self.replies.keeps_silence()
            || phase == Phase::Held
            || phase == Phase::UserSpeaking
        {
            self.deadlines.silence().broken();
            self.deadlines.caller_is_not_silent();
        }
    }

    pub(super) fn caller_is_away(&mut self) {
        self.record.now(|at| CallEvent::CallerAway { at });
        let text = self.cast.agent().silence.still_there.clone();
        if !text.is_empty() {
            self.say_unasked(text, true, None);
        }
    }

    /// Says goodbye, and ends the call when that was heard.
    pub(super) fn say_goodbye(&mut self, reason: EndReason) {
        if self.caller.mismatch().is_some() {
            self.end(EndReason::Encrypted);
            return;
        }
        let text = self.cast.agent().silence.goodbye.clone();
        self.say_last(text, reason);
    }

    /// Says this, and ends the call when it was heard.
    pub(super) fn say_last(&mut self, text: String, reason: EndReason) {
        if text.is_empty() || !self.caller.is_here() || self.hand.is_muted() {
            self.end(reason);
            return;
        }
        let by = LeaveBy::within(clock::now(), LeaveBy::ASKED);
        self.deadlines.last_words(by, reason);
        self.say_unasked(text, reason == EndReason::CallerSilent, Some(reason));
    }

    /// Caller and agent do not encrypt alike: neither can hear the other, and nothing may be said in the clear.
    pub(super) fn mismatched(&mut self, mismatch: Mismatch) {
        self.caller.differs(mismatch);
        self.record
            .failure(ProviderError::new(Part::Transport, mismatch.advice()));
        if self.caller.is_here() {
            self.tell_mismatch(mismatch);
        }
    }

    /// Writes why the agent leaves, once, and leaves.
    pub(super) fn tell_mismatch(&mut self, mismatch: Mismatch) {
        if self.deadlines.hangs_up() == Some(EndReason::Encrypted) {
            return;
        }
        // From now on nothing that the caller said is answered.
        self.input(Input::FloorTaken);
        let built_in = built_in::of(self.cast.agent().language.as_deref());
        let sentence = match mismatch {
            Mismatch::NoKey | Mismatch::WrongKey => built_in.encrypted,
            Mismatch::InTheClear => built_in.not_encrypted,
        };
        self.to_room
            .command(RoomCommand::Announce(sentence.to_owned()));
        self.deadlines
            .hang_up_at(clock::now() + ANNOUNCED, EndReason::Encrypted);
    }

    /// Whether the call may take no more of its providers, and which part it was: at once where the reply
    /// that is being said is what takes it, else when that was heard.
    pub(super) fn spent(&self) -> Option<Part> {
        if self.deadlines.is_draining() || self.deadlines.hangs_up().is_some() {
            return None;
        }
        match self.record.meter().spent(&self.cast.agent().limits.budget) {
            Spent::TooMuch(part) => Some(part),
            Spent::All(part) => Some(part).filter(|_| !self.replies.has_floor()),
            Spent::No => None,
        }
    }

    /// Says that the call has reached its limit, and leaves. Nothing more is taken up.
    pub(super) fn tell_limit(&mut self, part: Part) {
        let Budget {
            tokens,
            characters,
            listening,
            ..
        } = self.cast.agent().limits.budget;
        let limit = match part {
            Part::Tts => format!("{characters} characters (limits.max_characters)"),
            Part::Stt => format!("{listening:?} of speech (limits.max_listening)"),
            _ => format!("{tokens} tokens (limits.max_tokens)"),
        };
        let message = format!("the call has reached {limit} and ends");
        self.record.failure(ProviderError::new(part, message));
        // From now on nothing that the caller said is answered, and nothing is heard.
        self.input(Input::FloorTaken);
        let sentence = built_in::of(self.cast.agent().language.as_deref()).limit;
        self.say_only(sentence, EndReason::Limit);
    }

    /// Says that nobody takes the call, and leaves: the agent that was asked for is not there.
    pub(super) fn refuse(&mut self, sentence: &str) {
        let message =
            "the requested agent does not exist: the caller is told so, and the call ends";
        self.record
            .failure(ProviderError::new(Part::Transport, message));
        self.input(Input::FloorTaken);
        self.say_only(sentence, EndReason::NoAgent);
    }

    /// Says this and leaves. Nothing is taken up any more.
    fn say_only(&mut self, sentence: &str, reason: EndReason) {
        self.say_last(sentence.to_owned(), reason);
        let by = LeaveBy::within(clock::now(), LeaveBy::ASKED);
        self.deadlines.drain(by, reason);
    }

    /// Says this, which nobody can talk down, and has left by then. Nothing is taken up any more.
    pub(super) fn say_to_the_end(&mut self, text: String, by: LeaveBy, reason: EndReason) {
        self.deadlines.last_words(by, reason);
        self.say_unasked(text, false, Some(reason));
        self.deadlines.drain(by, reason);
    }

    /// When a call whose successor is there is left to it, if nothing happens before.
    pub(super) fn handed_over_at(&self) -> Option<Instant> {
        let next = self.handover.next(self.is_free());
        next.filter(|_| !self.deadlines.is_draining())
    }

    /// Leaves the call to the successor, if it is time.
    pub(super) fn leave_to_successor(&mut self, now: Instant) {
        if self.deadlines.is_draining() {
            return;
        }
        match self.handover.due(now, self.is_free()) {
            Some(Due::Leave) => self.end(EndReason::HandedOver),
            Some(Due::Finish(by)) => {
                self.deadlines.drain(by, EndReason::HandedOver);
                self.end_if_drained();
            }
            None => {}
        }
    }

    /// Whether nobody speaks, nothing is owed, and nothing is being done: no tool, no transfer, no goodbye.
    fn is_free(&self) -> bool {
        self.turn.phase() == Phase::Listening
            && self.turn.open_turn().is_none()
            && self.turn.key_down() != Some(true)
            && !self.listen.is_speaking()
            && self.replies.live().is_none()
            && self.keys.is_empty()
            && self.work.is_idle()
            && self.caller.is_here()
            && self.deadlines.hangs_up().is_none()
            && !self.is_machine()
    }

    fn say_unasked(&mut self, text: String, interruptible: bool, hangs_up: Option<EndReason>) {
        // Known before it begins: a reply that is started tells the silence at once.
        self.replies.begins_unasked(self.turn.next_reply());
        self.input(Input::Say {
            text,
            interruptible,
        });
        if let (Some(reason), Some(reply)) = (hangs_up, self.replies.unasked()) {
            reply.hang_up(reason);
        }
    }
}
