//! The state machine of turn taking.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::endpointing::Pauses;
use super::interruption::Overlap;
use super::timers::{Timer, Timers};
use super::{Config, Input, Output, Phase, Prompt, ReplyId, TurnId, UserTurn};

/// Who may speak, and when. Total and synchronous: every input is fine in every state.
///
/// Call [`Turn::handle_input`] with what happened, then [`Turn::poll_output`] until it answers
/// `Timeout`, and hand in [`Input::Timeout`] at that time.
#[derive(Debug)]
pub struct Turn {
    config: Config,
    user: User,
    pauses: Pauses,
    /// With push-to-talk: whether the key is down.
    key_down: Option<bool>,
    /// The spoken turn that can still grow: open from its first sound until its answer is heard.
    open: Option<OpenTurn>,
    /// At most one.
    reply: Option<Reply>,
    /// The turn that ended last.
    ended: Option<UserTurn>,
    /// A turn whose caller left before hearing an answer.
    owed: Option<UserTurn>,
    timers: Timers,
    outputs: VecDeque<Output>,
    turns: u64,
    replies: u64,
}

/// What the caller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    Silent,
    Speaking {
        since: Instant,
        near: bool,
        /// All that was voiced so far is a short sound: a cough, a click.
        short: bool,
    },
    Paused {
        since: Instant,
    },
}

#[derive(Debug)]
struct OpenTurn {
    words: UserTurn,
    /// The words cover all speech so far.
    settled: bool,
    /// The last pause, if it is not known yet whether words followed it.
    pause: Option<Duration>,
    probability: Option<f32>,
    /// Making the reply ahead failed for these words; the next try waits for the commit.
    speculation_failed: bool,
}

#[derive(Debug)]
struct Reply {
    id: ReplyId,
    turn: Option<TurnId>,
    stage: Stage,
    held: bool,
    interruptible: bool,
    is_apology: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Speculative,
    Thinking,
    Speaking,
}

impl Turn {
    /// A conversation in which nobody has said anything.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            user: User::Silent,
            pauses: Pauses::default(),
            key_down: None,
            open: None,
            reply: None,
            ended: None,
            owed: None,
            timers: Timers::default(),
            outputs: VecDeque::new(),
            turns: 0,
            replies: 0,
        }
    }

    /// Where the conversation stands.
    pub fn phase(&self) -> Phase {
        use Stage::{Speaking, Thinking};
        let stage = self.reply.as_ref().map(|reply| reply.stage);
        match (self.user, stage) {
            (_, Some(Thinking)) => Phase::Thinking,
            (_, Some(Speaking)) if self.is_held() => Phase::Held,
            (User::Speaking { .. }, Some(Speaking)) => Phase::Overlap,
            (_, Some(Speaking)) => Phase::Speaking,
            (User::Speaking { .. }, _) => Phase::UserSpeaking,
            (User::Paused { .. }, _) => Phase::Endpointing,
            (User::Silent, _) => Phase::Listening,
        }
    }

    /// The id that the next reply will have.
    pub fn next_reply(&self) -> ReplyId {
        ReplyId(self.replies + 1)
    }

    /// The spoken turn that can still grow, if there is one.
    pub fn open_turn(&self) -> Option<TurnId> {
        self.open.as_ref().map(|turn| turn.words.id)
    }

    /// Takes what happened. `now` never goes back.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::SpeechStarted { at } => self.speech_started(at),
            Input::SpeechPaused { at } => self.speech_wavers(at),
            Input::SpeechResumed => self.speech_resumed(now),
            Input::SpeechIsNear => self.speech_is_near(now),
            Input::FloorTaken => self.floor_taken(),
            Input::FloorGiven => self.floor_given(now),
            Input::FloorDropped => {
                self.key_down = Some(false);
                self.drop_turn();
            }
            Input::SpeechStopped { at } => self.speech_stopped(at),
            Input::Transcript { text, is_final } => self.transcript(now, text, is_final),
            Input::TranscriptFailed => self.transcript_failed(),
            Input::EndOfTurn { probability } => self.end_of_turn(now, probability),
            Input::UserText(text) => self.user_text(now, text),
            Input::Say {
                text,
                interruptible,
            } => self.say(now, text, interruptible),
            Input::ReplyAudible(id) => self.reply_audible(id),
            Input::ReplyFinished(id) => self.reply_finished(now, id),
            Input::ReplyFailed(id) => self.reply_failed(now, id),
            Input::UserLeft => self.user_left(),
            Input::UserReturned => self.user_returned(),
            Input::Timeout => {}
        }
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Overlap => self.overlap_lasts(),
                Timer::Endpoint => self.commit(),
                Timer::FalseInterruption => self.release(),
            }
        }
    }

    /// The next thing to do; ends with `Timeout`.
    pub fn poll_output(&mut self) -> Output {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Timeout(self.timers.next()))
    }

    // --- the caller's voice ---

    fn speech_started(&mut self, at: Instant) {
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
        match &mut self.open {
            Some(turn) => {
                turn.settled = false;
                turn.pause = pause;
                turn.probability = None;
                turn.speculation_failed = false;
            }
            None => {
                let id = self.next_turn();
                let words = UserTurn {
                    id,
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
            }
        }
        if self.reply_answers_open_turn() {
            self.cancel();
        }
    }

    fn speech_is_near(&mut self, now: Instant) {
        if let User::Speaking { near, .. } = &mut self.user {
            *near = true;
            self.await_overlap(now);
        }
    }

    fn speech_wavers(&mut self, at: Instant) {
        if let User::Speaking { since, short, .. } = &mut self.user {
            let voiced = at.saturating_duration_since(*since);
            *short = voiced < self.config.interruption.min_duration / 2;
        }
    }

    fn speech_resumed(&mut self, now: Instant) {
        if let User::Speaking { short, .. } = &mut self.user {
            *short = false;
            self.await_overlap(now);
        }
    }

    /// Sound alone holds the voice once it has lasted.
    fn await_overlap(&mut self, now: Instant) {
        let User::Speaking {
            since, near: true, ..
        } = self.user
        else {
            return;
        };
        let held_at = since + self.config.interruption.min_duration;
        if self.can_interrupt() && !self.reply_answers_open_turn() {
            self.timers.set(Timer::Overlap, held_at.max(now));
        }
    }

    fn speech_stopped(&mut self, at: Instant) {
        let User::Speaking { since, .. } = self.user else {
            return;
        };
        self.user = User::Paused { since: at };
        if let Some(turn) = &mut self.open {
            turn.words.ended_at = at;
        }
        self.timers.stop(Timer::Overlap);
        if self.is_held() {
            let rules = &self.config.interruption;
            // The stop is known only after the VAD's silence, by when the overlap timer may have
            // fired for a sound that was in fact too short: unless words say that it was one,
            // "wait" for instance, the voice goes on soon.
            let is_short = at.saturating_duration_since(since) < rules.min_duration;
            let wait = if is_short {
                rules.min_duration
            } else {
                rules.false_interruption_timeout
            };
            self.timers.set(Timer::FalseInterruption, at + wait);
        }
    }

    fn transcript(&mut self, now: Instant, text: String, is_final: bool) {
        let may_hold = self.can_interrupt() && !self.is_held();
        let Some(turn) = &mut self.open else { return };
        if !is_final && matches!(self.user, User::Paused { .. }) {
            return;
        }
        // A noise after real words can make a transcript of the whole lose them.
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
                    Overlap::Interruption if lasts => self.hold(),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// All words of the open turn are known.
    fn turn_settled(&mut self, now: Instant, same: bool) {
        let Some(turn) = &self.open else { return };
        if turn.words.text.trim().is_empty() {
            return self.drop_turn();
        }
        if self.reply.is_none() {
            return self.wait_for_end(now);
        }
        if self.reply_answers_open_turn() {
            if !same {
                self.cancel();
                self.wait_for_end(now);
            }
        } else if self.can_interrupt() {
            match self.config.interruption.judge(&turn.words.text) {
                Overlap::Noise | Overlap::Backchannel => self.drop_turn(),
                Overlap::Interruption | Overlap::Stop => {
                    self.cancel();
                    self.wait_for_end(now);
                }
            }
        }
        // What is said over a reply that may not be interrupted waits for the reply's end.
    }

    fn transcript_failed(&mut self) {
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
            self.drop_turn();
        } else {
            self.start(Some(id), Prompt::Apology, Stage::Thinking, true);
        }
    }

    fn end_of_turn(&mut self, now: Instant, probability: f32) {
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

    fn overlap_lasts(&mut self) {
        if matches!(self.user, User::Speaking { short: true, .. }) {
            // It is over by now, or sets the timer again.
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

    // --- push-to-talk ---

    fn floor_taken(&mut self) {
        self.key_down = Some(true);
        self.timers.stop(Timer::Endpoint);
        if self.can_interrupt() {
            self.cancel();
        }
    }

    fn floor_given(&mut self, now: Instant) {
        self.key_down = Some(false);
        // Words that are not settled yet are answered as soon as they are.
        if self.reply.is_none() {
            self.answer_pending(now);
        }
    }

    // --- the end of a turn ---

    /// The open turn has words and nothing stands against answering it.
    fn wait_for_end(&mut self, now: Instant) {
        let (Some(turn), Some(end)) = (&self.open, self.endpoint()) else {
            return;
        };
        self.timers.set(Timer::Endpoint, end);
        if self.config.speculative && !turn.speculation_failed && end > now {
            let (id, text) = (turn.words.id, turn.words.text.clone());
            self.start(Some(id), Prompt::Answer(text), Stage::Speculative, true);
        }
    }

    /// When the pause will have been long enough, as far as is known now.
    fn endpoint(&self) -> Option<Instant> {
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
    fn commit(&mut self) {
        let Some(turn) = &self.open else { return };
        let (id, text) = (turn.words.id, turn.words.text.clone());
        self.end_turn();
        match &mut self.reply {
            Some(reply) => {
                reply.stage = Stage::Thinking;
                let reply = reply.id;
                self.outputs.push_back(Output::CommitReply(reply));
            }
            None => self.start(Some(id), Prompt::Answer(text), Stage::Thinking, true),
        }
    }

    /// The words of the open turn are settled, for now.
    fn end_turn(&mut self) {
        if let Some(turn) = &self.open {
            self.ended = Some(turn.words.clone());
            self.outputs
                .push_back(Output::TurnEnded(turn.words.clone()));
        }
    }

    /// The open turn is nothing to answer.
    fn drop_turn(&mut self) {
        self.release();
        self.close_turn();
    }

    fn close_turn(&mut self) {
        self.user = User::Silent;
        self.timers.stop(Timer::Endpoint);
        self.timers.stop(Timer::FalseInterruption);
        if let Some(turn) = self.open.take() {
            self.outputs.push_back(Output::CloseTurn(turn.words.id));
        }
    }

    // --- other things the caller does ---

    fn user_text(&mut self, now: Instant, text: String) {
        let waits = self.timers.is_set(Timer::Endpoint);
        if waits || self.reply_answers_open_turn() {
            // The words spoken before come first.
            if waits {
                self.end_turn();
            }
            self.close_turn();
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
        self.start(Some(id), Prompt::Answer(text), Stage::Thinking, true);
        self.restart_overlap(now);
    }

    fn user_left(&mut self) {
        let waits = self.timers.is_set(Timer::Endpoint);
        if waits {
            self.end_turn();
        }
        let unheard = self
            .reply
            .as_ref()
            .filter(|reply| reply.stage == Stage::Thinking);
        let asked = unheard.and_then(|reply| reply.turn);
        if waits || asked.is_some() {
            self.owed = self
                .ended
                .clone()
                .filter(|turn| waits || asked == Some(turn.id));
        }
        self.cancel();
        self.close_turn();
        self.timers.stop_all();
    }

    fn user_returned(&mut self) {
        if self.reply.is_none()
            && self.open.is_none()
            && let Some(turn) = self.owed.take()
        {
            self.start(
                Some(turn.id),
                Prompt::Answer(turn.text),
                Stage::Thinking,
                true,
            );
        }
    }

    fn say(&mut self, now: Instant, text: String, interruptible: bool) {
        self.cancel();
        // A turn that was about to be answered is answered afterwards.
        self.timers.stop(Timer::Endpoint);
        self.start(None, Prompt::Say(text), Stage::Thinking, interruptible);
        self.restart_overlap(now);
    }

    /// A reply began while the caller is speaking.
    fn restart_overlap(&mut self, now: Instant) {
        if matches!(self.user, User::Speaking { near: true, .. }) && self.can_interrupt() {
            self.timers
                .set(Timer::Overlap, now + self.config.interruption.min_duration);
        }
    }

    // --- the reply ---

    fn reply_audible(&mut self, id: ReplyId) {
        let Some(reply) = &mut self.reply else { return };
        if reply.id == id && reply.stage == Stage::Thinking {
            reply.stage = Stage::Speaking;
            if self.reply_answers_open_turn() {
                self.pauses.turn_over();
                self.close_turn();
            }
        }
    }

    fn reply_finished(&mut self, now: Instant, id: ReplyId) {
        let Some(reply) = self.take_reply(id) else {
            return;
        };
        if self
            .open
            .as_ref()
            .is_some_and(|turn| reply.turn == Some(turn.words.id))
        {
            return self.close_turn();
        }
        self.answer_pending(now);
    }

    /// What was said over a reply that is over now, and waited for it, is answered.
    fn answer_pending(&mut self, now: Instant) {
        if self.open.as_ref().is_some_and(|turn| turn.settled) {
            self.wait_for_end(now);
        }
    }

    fn reply_failed(&mut self, now: Instant, id: ReplyId) {
        let Some(reply) = self.take_reply(id) else {
            return;
        };
        let answered = self
            .open
            .as_mut()
            .filter(|turn| reply.turn == Some(turn.words.id));
        match (reply.stage, answered) {
            (Stage::Speculative, Some(turn)) => turn.speculation_failed = true,
            (_, Some(_)) if reply.is_apology => self.close_turn(),
            _ if reply.is_apology => self.answer_pending(now),
            // The caller has the floor anyway.
            _ if matches!(self.user, User::Speaking { .. }) => {}
            _ => self.start(reply.turn, Prompt::Apology, Stage::Thinking, true),
        }
    }

    fn start(&mut self, turn: Option<TurnId>, prompt: Prompt, stage: Stage, interruptible: bool) {
        self.owed = None;
        let id = self.next_reply();
        self.replies = id.0;
        let is_apology = prompt == Prompt::Apology;
        let speculative = stage == Stage::Speculative;
        self.reply = Some(Reply {
            id,
            turn,
            stage,
            held: false,
            interruptible,
            is_apology,
        });
        self.outputs.push_back(Output::StartReply {
            id,
            turn,
            prompt,
            speculative,
        });
    }

    fn take_reply(&mut self, id: ReplyId) -> Option<Reply> {
        let reply = self.reply.take_if(|reply| reply.id == id)?;
        self.timers.stop(Timer::Overlap);
        self.timers.stop(Timer::FalseInterruption);
        Some(reply)
    }

    fn cancel(&mut self) {
        let Some(id) = self.reply.as_ref().map(|reply| reply.id) else {
            return;
        };
        self.outputs.push_back(Output::CancelReply(id));
        self.take_reply(id);
    }

    fn hold(&mut self) {
        if let Some(reply) = self.reply.as_mut().filter(|reply| !reply.held) {
            reply.held = true;
            self.outputs.push_back(Output::HoldPlayout);
        }
    }

    fn release(&mut self) {
        if let Some(reply) = self.reply.as_mut().filter(|reply| reply.held) {
            reply.held = false;
            self.outputs.push_back(Output::ReleasePlayout);
        }
    }

    fn is_held(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| reply.held)
    }

    fn can_interrupt(&self) -> bool {
        self.config.interruption.enabled
            && self.reply.as_ref().is_some_and(|reply| reply.interruptible)
    }

    /// Speech that goes on before the answer is heard belongs to the same turn.
    fn reply_answers_open_turn(&self) -> bool {
        let open = self.open.as_ref().map(|turn| turn.words.id);
        open.is_some() && open == self.reply.as_ref().and_then(|reply| reply.turn)
    }

    fn next_turn(&mut self) -> TurnId {
        self.turns += 1;
        TurnId(self.turns)
    }
}
