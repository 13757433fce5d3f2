//! Silence, and the end of a call that the agent brings about.

use std::time::{Duration, Instant};

use super::{Caller, Conversation};
use crate::event::{CallEvent, EndReason, Stage};
use crate::providers::ProviderError;
use sidetone_config::built_in;
use sidetone_base::clock;
use sidetone_turn::{Input, Phase};

/// A goodbye that is not over after this long is not waited for.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(10);

impl Conversation {
    /// Counts the silence when nobody speaks, writes or works.
    pub(super) fn watch_silence(&mut self, now: Instant) {
        let is_ours = self
            .reply
            .as_ref()
            .is_some_and(|reply| self.asks == Some(reply.id) || reply.hangs_up.is_some());
        let phase = self.turn.phase();
        let is_silent =
            phase == Phase::Listening && self.tools_running == 0 && self.transferring.is_none();
        if self.unheard && is_silent {
            // Who asked not to be heard is there, and has a reason to be silent.
            self.silence.broken();
        } else if self.caller == Caller::Here && is_silent && self.greeted {
            self.silence.goes_on(now);
        } else if !is_ours || phase == Phase::Held || phase == Phase::UserSpeaking {
            self.silence.broken();
            // Somebody is there after all.
            self.hang_up_at
                .take_if(|(_, reason)| *reason == EndReason::CallerSilent);
        }
    }

    pub(super) fn caller_is_away(&mut self) {
        let at = self.journal.offset(clock::now());
        self.journal.push(CallEvent::CallerAway { at });
        let text = self.agent.silence.still_there.clone();
        if !text.is_empty() {
            self.say_unasked(text, true, None);
        }
    }

    /// Says goodbye, and ends the call when that was heard.
    pub(super) fn say_goodbye(&mut self, reason: EndReason) {
        if self.encrypted {
            self.ended = self.ended.or(Some(EndReason::Encrypted));
            return;
        }
        let text = self.agent.silence.goodbye.clone();
        self.say_last(text, reason);
    }

    /// Says this, and ends the call when it was heard.
    fn say_last(&mut self, text: String, reason: EndReason) {
        if text.is_empty() || self.caller != Caller::Here {
            self.ended = self.ended.or(Some(reason));
            return;
        }
        self.hang_up_at = Some((clock::now() + GOODBYE_DEADLINE, reason));
        self.say_unasked(text, reason == EndReason::CallerSilent, Some(reason));
    }

    /// The caller's tracks are encrypted, so it cannot be heard, and must not be answered in the clear.
    pub(super) fn encrypted(&mut self) {
        self.encrypted = true;
        let message = "the caller's tracks are end-to-end encrypted, and agents have no key: join \
                       without encryption";
        self.report(ProviderError::new(Stage::Transport, message));
        if self.caller == Caller::Here {
            self.tell_encrypted();
        }
    }

    /// Says why the agent leaves, once, and leaves.
    pub(super) fn tell_encrypted(&mut self) {
        if !matches!(self.hang_up_at, Some((_, EndReason::Encrypted))) {
            // From now on nothing that the caller said is answered.
            self.input(Input::FloorTaken);
            let sentence = built_in::of(self.agent.language.as_deref()).encrypted;
            self.say_last(sentence.to_owned(), EndReason::Encrypted);
        }
    }

    fn say_unasked(&mut self, text: String, interruptible: bool, hangs_up: Option<EndReason>) {
        // Known before it begins: a reply that is started tells the silence at once.
        self.asks = Some(self.turn.next_reply());
        self.input(Input::Say {
            text,
            interruptible,
        });
        if let Some(reply) = self.reply.as_mut().filter(|r| self.asks == Some(r.id)) {
            reply.hangs_up = hangs_up;
        }
    }
}
