//! A turn that reaches the maximum length is cut off and answered, although its caller, or somebody else in the room,
//! keeps speaking.
//! What follows is the next turn. The answer is firm: the voice that kept speaking does not interrupt it, because
//! otherwise it would never be heard; "stop" does, and after a silence any words do.

use super::reply::closed;
use super::*;

/// If no pause between two words comes within this time, the cut is made inside a word: people speak for 1 to 2 s
/// between breaths (Goldman-Eisler, "Psycholinguistics", 1968).
const PAUSE_WITHIN: Duration = Duration::from_secs(2);

impl Turn {
    /// Sets the timer for the open turn's maximum length.
    pub(super) fn await_longest(&mut self) {
        if let Some(turn) = &self.open {
            let end = turn.words.started_at + self.config.endpointing.longest_turn;
            self.timers.set(Timer::Longest, end);
        }
    }

    /// Whether the open turn must be cut off. With push-to-talk only the key ends turns, and no more than two turns
    /// wait for their answers.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let longest = self.config.endpointing.longest_turn;
        let is_long = |turn: &OpenTurn| now >= turn.words.started_at + longest;
        self.key_down.is_none() && self.full.is_none() && self.open.as_ref().is_some_and(is_long)
    }

    /// The open turn has reached its maximum length.
    pub(super) fn turn_is_full(&mut self, now: Instant) {
        self.answer_waiting(now);
        if self.full_waits && self.reply.is_none() {
            self.join_full();
        }
        if !self.is_full(now) {
            return;
        }
        match self.user {
            User::Speaking { near, .. } => {
                let longest = self.config.endpointing.longest_turn;
                let started_at = self.open.as_ref().map(|turn| turn.words.started_at);
                let last = started_at.map(|at| at + longest + PAUSE_WITHIN);
                match last.filter(|last| now < *last) {
                    Some(last) => self.timers.set(Timer::Longest, last),
                    None => {
                        self.cut(now, Cut::InSpeech);
                        self.goes_on_as_next(now, near);
                    }
                }
            }
            // Any pause is long enough now.
            User::Paused { .. } if self.timers.is_set(Timer::Endpoint) => {
                self.timers.set(Timer::Endpoint, now);
            }
            User::Paused { .. } | User::Silent => {}
        }
    }

    /// A pause, perhaps only between two words.
    pub(super) fn cut_in_pause(&mut self, now: Instant, at: Instant) {
        if self.is_full(now)
            && let User::Speaking { near, .. } = self.user
        {
            self.cut(at, Cut::InPause);
            self.user = User::Silent;
            self.voiced_to = Some(at);
            self.cut_speech = Some(near);
            self.timers.stop(Timer::Overlap);
        }
    }

    fn cut(&mut self, at: Instant, cut: Cut) {
        let Some(mut turn) = self.open.take() else {
            return;
        };
        turn.words.ended_at = at;
        turn.settled = false;
        self.outputs.push_back(Output::CutTurn(turn.words.id, cut));
        self.full = Some(turn);
        self.timers.stop(Timer::Longest);
    }

    /// The speech of a turn that was cut off continues, as the next turn.
    pub(super) fn goes_on_as_next(&mut self, now: Instant, near: bool) {
        self.user = User::Speaking {
            since: now,
            near,
            short: false,
        };
        self.open_turn_at(now);
        self.await_overlap(now);
    }

    /// The caller goes on after a pause in a turn that has reached its maximum length.
    pub(super) fn set_aside(&mut self) {
        let is_answered = self.reply_answers_open_turn();
        let is_ahead = |reply: &Reply| reply.stage == Progress::Speculative;
        if is_answered && self.reply.as_ref().is_some_and(is_ahead) {
            self.commit();
        }
        let Some(turn) = &self.open else { return };
        if !is_answered && !turn.settled {
            let ended_at = turn.words.ended_at;
            return self.cut(ended_at, Cut::InSpeech);
        }
        if let Some(reply) = self.reply.as_mut().filter(|_| is_answered) {
            reply.firm = true;
        }
        let id = turn.words.id;
        self.outputs.push_back(Output::CutTurn(id, Cut::Settled));
        self.full = self.open.take();
        self.timers.stop(Timer::Longest);
    }

    /// All words of the turn that was cut off have arrived.
    pub(super) fn last_words(&mut self, now: Instant, text: Option<String>) {
        let Some(turn) = self.full.as_mut().filter(|turn| !turn.settled) else {
            return;
        };
        let is_failure = text.is_none();
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            turn.words.text = text;
        }
        turn.settled = !turn.words.text.trim().is_empty();
        let id = turn.words.id;
        if turn.settled {
            if !self.waits_for_another() {
                self.answer_full(now);
            }
        } else if is_failure && self.reply.is_none() && !self.full_waits {
            self.start(Some(id), Prompt::Apology, Progress::Thinking, true);
        } else {
            self.drop_full(match is_failure {
                true => Closed::NotUnderstood,
                false => Closed::NoWords,
            });
            if self.reply.is_none() {
                self.answer_pending(now);
            }
        }
    }

    /// The words of the turn that was cut off are known: it is answered, unless a reply must be heard first.
    pub(super) fn answer_full(&mut self, now: Instant) {
        let Some(turn) = &self.full else { return };
        let (id, text) = (turn.words.id, turn.words.text.clone());
        if self.is_full_turn(self.reply.as_ref().and_then(|reply| reply.turn)) {
            return;
        }
        if self.reply.is_some() {
            let rules = &self.config.interruption;
            match rules.judge(&text) {
                _ if !self.can_interrupt() => return,
                Overlap::Noise => return self.drop_full(Closed::NoWords),
                Overlap::Backchannel if rules.says_go_on(&text) => {
                    return self.drop_full(Closed::Backchannel);
                }
                Overlap::Backchannel => return self.drop_full(Closed::TooFewWords),
                Overlap::Interruption if !self.can_be_talked_down() => return,
                Overlap::Interruption | Overlap::Stop => {
                    // It is an apology for the next turn, whose words are lost.
                    let is_lost = self.reply_answers_open_turn();
                    self.cancel();
                    if is_lost {
                        self.close_turn(Closed::NotUnderstood);
                    }
                }
            }
        }
        let is_next_whole = self.open.as_ref().is_some_and(|turn| turn.settled);
        if is_next_whole && matches!(self.user, User::Paused { .. }) {
            self.join_full();
            return self.wait_for_end(now);
        }
        self.end_full();
        self.start(Some(id), Prompt::Answer(text), Progress::Thinking, true);
    }

    fn end_full(&mut self) {
        if let Some(turn) = &self.full {
            self.ended = Some(turn.words.clone());
            self.outputs
                .push_back(Output::TurnEnded(turn.words.clone()));
        }
    }

    /// The turn that was cut off is answered together with the new input.
    pub(super) fn join_full(&mut self) {
        let Some(turn) = self.full.as_ref().filter(|turn| turn.settled) else {
            return;
        };
        let id = turn.words.id;
        if self.ended.as_ref().is_none_or(|ended| ended.id != id) {
            self.end_full();
        }
        self.close_full(Closed::Joined);
    }

    /// The caller leaves. Returns the cut-off turn if its answer is owed.
    pub(super) fn leave_full(&mut self) -> Option<UserTurn> {
        let words = self.full.as_ref()?.words.clone();
        if words.text.trim().is_empty() {
            self.close_full(Closed::CallerLeft);
            return None;
        }
        if self.ended.as_ref() != Some(&words) {
            self.end_full();
        }
        self.close_full(Closed::Owed);
        Some(words)
    }

    /// The turn that was cut off needs no answer.
    fn drop_full(&mut self, why: Closed) {
        if self.open.is_none() {
            self.release();
        }
        self.close_full(why);
    }

    pub(super) fn close_answered_full(&mut self, is_apology: bool) {
        let has_words = self.full.as_ref().is_some_and(|turn| turn.settled);
        self.close_full(closed(is_apology, has_words));
    }

    pub(super) fn close_full(&mut self, why: Closed) {
        self.full_waits = false;
        if let Some(turn) = self.full.take() {
            self.outputs
                .push_back(Output::CloseTurn(turn.words.id, why));
            // The next turn may have reached its maximum length meanwhile.
            self.await_longest();
        }
    }

    /// Whether this is the turn that was cut off.
    pub(super) fn is_full_turn(&self, turn: Option<TurnId>) -> bool {
        turn.is_some() && turn == self.full.as_ref().map(|full| full.words.id)
    }

    /// Whether this reply answers the turn that was cut off.
    pub(super) fn is_of_full(&self, id: ReplyId) -> bool {
        let reply = self.reply.as_ref().filter(|reply| reply.id == id);
        self.is_full_turn(reply.and_then(|reply| reply.turn))
    }

    /// Speech begins. After a silence it is no longer the voice that kept speaking, and may interrupt any reply.
    pub(super) fn may_talk_down(&mut self, at: Instant) {
        let silence = self
            .voiced_to
            .map(|voiced_to| at.saturating_duration_since(voiced_to));
        let min_delay = self.config.endpointing.min_delay;
        if let Some(reply) = &mut self.reply
            && reply.stage == Progress::Speaking
            && silence.is_none_or(|silence| silence >= min_delay)
        {
            reply.firm = false;
        }
    }
}
