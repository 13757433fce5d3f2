//! The reply: started, heard, interrupted, finished.

use super::*;

impl Turn {
    pub(super) fn reply_audible(&mut self, id: ReplyId) {
        let Some(reply) = &mut self.reply else { return };
        if reply.id == id && reply.stage == Progress::Thinking {
            reply.stage = Progress::Speaking;
            let is_apology = reply.is_apology;
            if self.reply_answers_open_turn() {
                self.pauses.turn_over();
                self.close_answered_turn(is_apology);
            } else if self.is_of_full(id) {
                self.pauses.turn_over();
                self.close_answered_full(is_apology);
            }
        }
    }

    pub(super) fn reply_finished(&mut self, now: Instant, id: ReplyId) {
        let Some(reply) = self.take_reply(id) else {
            return;
        };
        if self
            .open
            .as_ref()
            .is_some_and(|turn| reply.turn == Some(turn.words.id))
        {
            self.close_answered_turn(reply.is_apology);
            return self.answer_waiting(now);
        }
        if self.is_full_turn(reply.turn) {
            self.close_answered_full(reply.is_apology);
        }
        self.answer_owed();
        self.answer_pending(now);
    }

    /// Answers what was said over a reply and had to wait for its end.
    pub(super) fn answer_pending(&mut self, now: Instant) {
        if self.full.as_ref().is_some_and(|turn| turn.settled) {
            self.answer_full(now);
        } else if self.open.as_ref().is_some_and(|turn| turn.settled) {
            self.wait_for_end(now);
        }
    }

    pub(super) fn reply_failed(&mut self, now: Instant, id: ReplyId) {
        let Some(reply) = self.take_reply(id) else {
            return;
        };
        if self.is_full_turn(reply.turn) {
            if reply.is_apology {
                self.close_answered_full(true);
                self.answer_pending(now);
            } else {
                self.start(reply.turn, Prompt::Apology, Progress::Thinking, true);
            }
            return;
        }
        let answered = self
            .open
            .as_mut()
            .filter(|turn| reply.turn == Some(turn.words.id));
        match (reply.stage, answered) {
            (Progress::Speculative, Some(turn)) => turn.speculation_failed = true,
            (_, Some(_)) if reply.is_apology => self.close_answered_turn(true),
            _ if reply.is_apology => self.answer_pending(now),
            // The caller has the floor anyway.
            _ if matches!(self.user, User::Speaking { .. }) => {}
            _ => self.start(reply.turn, Prompt::Apology, Progress::Thinking, true),
        }
    }

    /// The reply to the open turn is audible, or over.
    fn close_answered_turn(&mut self, is_apology: bool) {
        let has_words = self.open.as_ref().is_some_and(|turn| turn.settled);
        self.close_turn(closed(is_apology, has_words));
    }

    pub(super) fn start(
        &mut self,
        turn: Option<TurnId>,
        prompt: Prompt,
        stage: Progress,
        interruptible: bool,
    ) {
        self.owed = None;
        let id = self.next_reply();
        self.replies = id.0;
        let is_apology = prompt == Prompt::Apology;
        let speculative = stage == Progress::Speculative;
        let firm = self.is_full_turn(turn);
        self.reply = Some(Reply {
            id,
            turn,
            stage,
            held: false,
            interruptible,
            firm,
            is_apology,
        });
        self.outputs.push_back(Output::StartReply {
            id,
            turn,
            prompt,
            speculative,
        });
    }

    pub(super) fn take_reply(&mut self, id: ReplyId) -> Option<Reply> {
        let reply = self.reply.take_if(|reply| reply.id == id)?;
        self.timers.stop(Timer::Overlap);
        self.timers.stop(Timer::FalseInterruption);
        Some(reply)
    }

    pub(super) fn cancel(&mut self) {
        let Some(id) = self.reply.as_ref().map(|reply| reply.id) else {
            return;
        };
        self.outputs.push_back(Output::CancelReply(id));
        self.take_reply(id);
    }

    pub(super) fn hold(&mut self) {
        if let Some(reply) = self.reply.as_mut().filter(|reply| !reply.held) {
            reply.held = true;
            self.outputs.push_back(Output::HoldPlayout);
        }
    }

    pub(super) fn release(&mut self) {
        if let Some(reply) = self.reply.as_mut().filter(|reply| reply.held) {
            reply.held = false;
            self.outputs.push_back(Output::ReleasePlayout);
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| reply.held)
    }

    pub(super) fn can_interrupt(&self) -> bool {
        self.config.interruption.enabled
            && self.reply.as_ref().is_some_and(|reply| reply.interruptible)
    }

    /// Whether voice and any words interrupt, and not only "stop".
    pub(super) fn can_be_talked_down(&self) -> bool {
        self.can_interrupt() && self.reply.as_ref().is_some_and(|reply| !reply.firm)
    }

    /// Whether speech that continues before the answer is heard belongs to the same turn.
    pub(super) fn reply_answers_open_turn(&self) -> bool {
        let open = self.open.as_ref().map(|turn| turn.words.id);
        open.is_some() && open == self.reply.as_ref().and_then(|reply| reply.turn)
    }

    pub(super) fn next_turn(&mut self) -> TurnId {
        self.turns += 1;
        TurnId(self.turns)
    }
}

/// The outcome of a turn whose reply is audible or over.
pub(super) fn closed(is_apology: bool, has_words: bool) -> Closed {
    match (is_apology, has_words) {
        (false, _) => Closed::Answered,
        (true, true) => Closed::NotAnswered,
        (true, false) => Closed::NotUnderstood,
    }
}
