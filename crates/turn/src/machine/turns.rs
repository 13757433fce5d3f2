//! The beginning and end of turns: by a pause, by a key, by typing, and when the caller leaves.

use super::*;

impl UserTurn {
    /// Its answer, which is still to be given.
    fn owed(&self) -> Owed {
        Owed {
            turn: Some(self.id),
            prompt: Prompt::Answer(self.text.clone()),
        }
    }
}

impl Turn {
    pub(super) fn floor_taken(&mut self) {
        self.key_down = Some(true);
        self.timers.stop(Timer::Endpoint);
        if self.can_interrupt() {
            self.cancel();
            self.join_full();
        }
    }

    pub(super) fn floor_given(&mut self, now: Instant) {
        self.key_down = Some(false);
        // Words that are not settled yet are answered as soon as they are.
        if self.reply.is_none() {
            self.answer_pending(now);
        }
    }

    /// The open turn has words, and nothing prevents answering it.
    pub(super) fn wait_for_end(&mut self, now: Instant) {
        let (Some(turn), Some(end)) = (&self.open, self.endpoint()) else {
            return;
        };
        if self.full.as_ref().is_some_and(|full| !full.settled) {
            // What was said before is answered first.
            return;
        }
        let end = if self.is_full(now) { end.min(now) } else { end };
        self.timers.set(Timer::Endpoint, end);
        if self.config.speculative && !turn.speculation_failed && end > now {
            let (id, text) = (turn.words.id, turn.words.text.clone());
            self.start(Some(id), Prompt::Answer(text), Progress::Speculative, true);
        }
    }

    /// When the pause will be long enough, as far as is known now. `None` if it cannot end the turn.
    pub(super) fn endpoint(&self) -> Option<Instant> {
        let (Some(turn), User::Paused { since }) = (&self.open, self.user) else {
            return None;
        };
        let rules = &self.config.endpointing;
        match self.key_down {
            Some(true) => return None,
            Some(false) => return Some(since),
            None => {}
        }
        Some(since + rules.delay(&turn.words.text, &self.pauses, turn.probability))
    }

    /// The caller has finished.
    pub(super) fn commit(&mut self) {
        let Some(turn) = &self.open else { return };
        let (id, text) = (turn.words.id, turn.words.text.clone());
        self.end_turn();
        match &mut self.reply {
            Some(reply) => {
                reply.stage = Progress::Thinking;
                let reply = reply.id;
                self.outputs.push_back(Output::CommitReply(reply));
            }
            None => self.start(Some(id), Prompt::Answer(text), Progress::Thinking, true),
        }
    }

    /// The words of the open turn are final, for now.
    pub(super) fn end_turn(&mut self) {
        if let Some(turn) = &self.open {
            self.ended = Some(turn.words.clone());
            self.outputs
                .push_back(Output::TurnEnded(turn.words.clone()));
        }
    }

    /// The open turn needs no answer.
    pub(super) fn drop_turn(&mut self, why: Closed) {
        self.release();
        self.close_turn(why);
    }

    pub(super) fn close_turn(&mut self, why: Closed) {
        self.user = User::Silent;
        self.timers.stop(Timer::Endpoint);
        self.timers.stop(Timer::FalseInterruption);
        self.timers.stop(Timer::Longest);
        if let Some(turn) = self.open.take() {
            self.outputs
                .push_back(Output::CloseTurn(turn.words.id, why));
        }
    }

    pub(super) fn user_text(&mut self, now: Instant, text: String) {
        self.join_full();
        let waits = self.timers.is_set(Timer::Endpoint);
        if waits || self.reply_answers_open_turn() {
            // The words spoken before are answered first.
            if waits {
                self.end_turn();
            }
            self.close_turn(Closed::Joined);
        }
        self.cancel();
        let id = self.next_turn();
        let words = UserTurn {
            id,
            text: text.clone(),
            started_at: now,
            ended_at: now,
        };
        self.ended = Some(words.clone());
        self.outputs.push_back(Output::TurnEnded(words));
        self.start(Some(id), Prompt::Answer(text), Progress::Thinking, true);
        self.restart_overlap(now);
    }

    /// An answer that is not heard yet is still made; the keys may belong to its question.
    pub(super) fn key_pressed(&mut self) {
        let is_heard = |reply: &Reply| reply.stage == Progress::Speaking;
        if self.can_interrupt() && self.reply.as_ref().is_some_and(is_heard) {
            self.cancel();
        }
    }

    pub(super) fn user_left(&mut self) {
        self.cut_speech = None;
        let full = self.leave_full();
        let waits = self.timers.is_set(Timer::Endpoint);
        if waits {
            self.end_turn();
        }
        let asked = self.unheard_answer();
        let is_owed = waits || asked.is_some();
        if is_owed {
            let ended = self.ended.as_ref();
            self.owed = ended
                .filter(|turn| waits || asked == Some(turn.id))
                .map(UserTurn::owed);
        }
        if self.owed.is_none() {
            self.owed = full.as_ref().map(UserTurn::owed);
        }
        self.cancel();
        self.close_turn(if is_owed {
            Closed::Owed
        } else {
            Closed::CallerLeft
        });
        self.timers.stop_all();
    }

    /// The agent is muted: it stops speaking, and no earlier words are owed an answer.
    pub(super) fn muted(&mut self) {
        self.cut_speech = None;
        self.owed = None;
        self.close_full(Closed::Muted);
        self.cancel();
        self.close_turn(Closed::Muted);
        self.timers.stop_all();
    }

    /// The turn whose answer is being made and is not heard yet.
    fn unheard_answer(&self) -> Option<TurnId> {
        let reply = self.reply.as_ref()?;
        reply.turn.filter(|_| reply.stage == Progress::Thinking)
    }

    /// Answers a turn whose answer was postponed.
    pub(super) fn answer_owed(&mut self) {
        if self.reply.is_none()
            && self.open.is_none()
            && self.full.is_none()
            && let Some(Owed { turn, prompt }) = self.owed.take()
        {
            self.start(turn, prompt, Progress::Thinking, true);
        }
    }

    pub(super) fn resume(&mut self, now: Instant, text: String, owed: Option<Owed>) {
        if let Some((id, Prompt::Answer(text))) = owed
            .as_ref()
            .and_then(|owed| Some((owed.turn?, &owed.prompt)))
        {
            // In case the caller leaves before it is answered.
            self.ended = Some(UserTurn {
                id,
                text: text.clone(),
                started_at: now,
                ended_at: now,
            });
        }
        if !text.is_empty() {
            self.cancel();
            self.start(None, Prompt::Phrase(text), Progress::Thinking, true);
            self.restart_overlap(now);
        }
        self.owed = owed;
        self.answer_owed();
    }

    pub(super) fn say(&mut self, now: Instant, prompt: Prompt, interruptible: bool) {
        // A turn that was about to be answered is answered afterwards, and so is a typed one.
        let asked = self.unheard_answer();
        let is_open = self.open.is_some() || self.full.is_some();
        let ended = self.ended.as_ref();
        let owed = ended
            .filter(|turn| asked == Some(turn.id) && !is_open)
            .map(UserTurn::owed);
        self.cancel();
        self.timers.stop(Timer::Endpoint);
        self.start(None, prompt, Progress::Thinking, interruptible);
        self.owed = owed;
        self.restart_overlap(now);
    }

    /// A reply began while the caller is speaking.
    pub(super) fn restart_overlap(&mut self, now: Instant) {
        if matches!(self.user, User::Speaking { near: true, .. }) && self.can_be_talked_down() {
            self.timers
                .set(Timer::Overlap, now + self.config.interruption.min_duration);
        }
    }
}
