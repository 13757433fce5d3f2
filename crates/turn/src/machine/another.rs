//! Where several people are heard, a turn is one person's: another's voice ends it, and begins the next turn. Both
//! are answered together, once the second is over.

use super::*;

impl Turn {
    /// Another person than before speaks. What was said over a reply that is heard stays one turn, because it is judged
    /// together whether it interrupts; with push-to-talk only the key ends turns.
    pub(super) fn another_speaks(&mut self, now: Instant) {
        let is_over_reply = self.reply.is_some() && !self.reply_answers_open_turn();
        if is_over_reply || self.key_down.is_some() || matches!(self.user, User::Speaking { .. }) {
            return;
        }
        self.join_full();
        if self.full.is_some() || self.open.is_none() {
            return;
        }
        self.cancel();
        let Some(turn) = self.open.take() else { return };
        let cut = match turn.settled {
            true => Cut::Settled,
            false => Cut::InSpeech,
        };
        self.outputs.push_back(Output::CutTurn(turn.words.id, cut));
        self.full = Some(turn);
        self.full_waits = true;
        self.user = User::Silent;
        self.cut_speech = None;
        self.timers.stop(Timer::Endpoint);
        self.timers.stop(Timer::FalseInterruption);
        // If it was no speech after all.
        let end = now + self.config.endpointing.min_delay;
        self.timers.set(Timer::Longest, end);
    }

    /// The turn that another person's voice cut off is answered, if that came to nothing.
    pub(super) fn answer_waiting(&mut self, now: Instant) {
        if self.full_waits && self.reply.is_none() && self.open.is_none() {
            self.answer_pending(now);
        }
    }

    /// Whether the answer to the turn that was cut off waits for another person's turn to end.
    pub(super) fn waits_for_another(&self) -> bool {
        let is_open = |turn: &OpenTurn| !turn.settled || matches!(self.user, User::Speaking { .. });
        self.full_waits && self.full.is_some() && self.open.as_ref().is_some_and(is_open)
    }
}
