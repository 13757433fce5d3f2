//! The effects of the caller's voice and words on the conversation.

use super::*;

impl Turn {
    pub(super) fn speech_started(&mut self, now: Instant, at: Instant) {
        self.cut_speech = None;
        let pause = match self.user {
            User::Speaking { .. } => return,
            User::Paused { since } => Some(at.saturating_duration_since(since)),
            User::Silent => None,
        };
        self.user = User::Speaking {
            since: at,
            near: false,
            short: false,
        };
        self.timers.stop(Timer::Endpoint);
        self.timers.stop(Timer::FalseInterruption);
        self.may_talk_down(at);
        if self.is_full(now) {
            self.set_aside();
        }
        match &mut self.open {
            Some(turn) => {
                turn.settled = false;
                turn.pause = pause;
                turn.probability = None;
                turn.speculation_failed = false;
            }
            None => self.open_turn_at(at),
        }
        if self.reply_answers_open_turn() {
            self.cancel();
        }
    }

    /// A new turn.
    pub(super) fn open_turn_at(&mut self, at: Instant) {
        let words = UserTurn {
            id: self.next_turn(),
            text: String::new(),
            started_at: at,
            ended_at: at,
        };
        self.open = Some(OpenTurn {
            words,
            settled: false,
            pause: None,
            probability: None,
            speculation_failed: false,
        });
        self.await_longest();
    }

    pub(super) fn speech_is_near(&mut self, now: Instant) {
        if let Some(near) = &mut self.cut_speech {
            *near = true;
        }
        if let User::Speaking { near, .. } = &mut self.user {
            *near = true;
            self.await_overlap(now);
        }
    }

    pub(super) fn speech_wavers(&mut self, now: Instant, at: Instant) {
        if let User::Speaking { since, short, .. } = &mut self.user {
            let was_short = *short;
            let voiced = at.saturating_duration_since(*since);
            *short = voiced < self.config.interruption.min_duration * 2 / 3;
            // A second pause with more voice before it, and no sign that the voice returned in between.
            if was_short && !*short {
                self.await_overlap(now);
            }
            self.cut_in_pause(now, at);
        }
    }

    pub(super) fn speech_resumed(&mut self, now: Instant) {
        if let Some(near) = self.cut_speech.take() {
            return self.goes_on_as_next(now, near);
        }
        if let User::Speaking { short, .. } = &mut self.user {
            *short = false;
            self.await_overlap(now);
        }
    }

    /// Sound alone holds playout once it has lasted long enough.
    pub(super) fn await_overlap(&mut self, now: Instant) {
        let User::Speaking {
            since, near: true, ..
        } = self.user
        else {
            return;
        };
        let held_at = since + self.config.interruption.min_duration;
        if self.can_be_talked_down() && !self.reply_answers_open_turn() {
            self.timers.set(Timer::Overlap, held_at.max(now));
        }
    }

    pub(super) fn speech_stopped(&mut self, at: Instant) {
        self.cut_speech = None;
        let User::Speaking { since, .. } = self.user else {
            return;
        };
        self.user = User::Paused { since: at };
        self.voiced_to = Some(at);
        if let Some(turn) = &mut self.open {
            turn.words.ended_at = at;
        }
        self.timers.stop(Timer::Overlap);
        if self.is_held() {
            let rules = &self.config.interruption;
            let has_words = self
                .open
                .as_ref()
                .is_some_and(|turn| !turn.words.text.trim().is_empty());
            let wait = match has_words {
                true => rules.false_interruption_timeout,
                // A bark, a cough, a door: unless words arrive soon, playout resumes. STT has had as long again as
                // the sound lasted; words that arrive later still interrupt.
                false => (at.saturating_duration_since(since) * 2)
                    .max(rules.min_duration * 3)
                    .min(rules.false_interruption_timeout),
            };
            self.timers.set(Timer::FalseInterruption, at + wait);
        }
    }

    pub(super) fn transcript(&mut self, now: Instant, text: String, is_final: bool) {
        let may_hold = self.can_interrupt() && !self.is_held();
        let by_words = self.can_be_talked_down();
        let Some(turn) = &mut self.open else { return };
        if !is_final && matches!(self.user, User::Paused { .. }) {
            return;
        }
        // A noise after real words can make STT lose them from the transcript of the whole.
        let same = turn.words.text == text || text.trim().is_empty();
        if !same {
            turn.words.text = text;
            if let Some(pause) = turn.pause.take() {
                self.pauses.went_on_after(pause);
            }
        }
        match self.user {
            User::Paused { .. } if is_final => {
                turn.settled = true;
                self.turn_settled(now, same);
            }
            User::Speaking { since, .. } if may_hold => {
                let rules = &self.config.interruption;
                let lasts = now >= since + rules.min_duration;
                match rules.judge(&turn.words.text) {
                    Overlap::Stop => self.hold(),
                    Overlap::Interruption if lasts && by_words => self.hold(),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// All words of the open turn are known.
    pub(super) fn turn_settled(&mut self, now: Instant, same: bool) {
        let Some(turn) = &self.open else { return };
        if turn.words.text.trim().is_empty() {
            self.drop_turn(Closed::NoWords);
            return self.answer_waiting(now);
        }
        if self.reply.is_none() {
            if self.full_waits {
                self.join_full();
            }
            return self.wait_for_end(now);
        }
        if self.reply_answers_open_turn() {
            if !same {
                self.cancel();
                self.wait_for_end(now);
            }
        } else if self.can_interrupt() {
            let (rules, text) = (&self.config.interruption, turn.words.text.as_str());
            match rules.judge(text) {
                Overlap::Noise => self.drop_turn(Closed::NoWords),
                Overlap::Backchannel if rules.says_go_on(text) => {
                    self.drop_turn(Closed::Backchannel);
                }
                Overlap::Backchannel => self.drop_turn(Closed::TooFewWords),
                Overlap::Interruption if !self.can_be_talked_down() => {}
                Overlap::Interruption | Overlap::Stop => {
                    self.cancel();
                    self.join_full();
                    self.wait_for_end(now);
                }
            }
        }
        // What is said over a reply that cannot be interrupted waits for its end.
    }

    pub(super) fn transcript_failed(&mut self) {
        let User::Paused { .. } = self.user else {
            return;
        };
        let Some(id) = self
            .open
            .as_ref()
            .filter(|turn| !turn.settled)
            .map(|turn| turn.words.id)
        else {
            return;
        };
        if self.reply.is_some() {
            self.drop_turn(Closed::NotUnderstood);
        } else {
            self.start(Some(id), Prompt::Apology, Progress::Thinking, true);
        }
    }

    pub(super) fn end_of_turn(&mut self, now: Instant, probability: f32) {
        let (Some(turn), User::Paused { .. }) = (&mut self.open, self.user) else {
            return;
        };
        turn.probability = Some(probability);
        if self.timers.is_set(Timer::Endpoint)
            && let Some(end) = self.endpoint()
        {
            self.timers.set(Timer::Endpoint, end.max(now));
        }
    }

    pub(super) fn overlap_lasts(&mut self) {
        if matches!(self.user, User::Speaking { short: true, .. }) {
            // It is over by now, or it sets the timer again.
            return;
        }
        let rules = &self.config.interruption;
        let words = self
            .open
            .as_ref()
            .map_or("", |turn| turn.words.text.as_str());
        let enough = rules.min_words == 0
            || matches!(rules.judge(words), Overlap::Interruption | Overlap::Stop);
        if enough {
            self.hold();
        }
    }
}
