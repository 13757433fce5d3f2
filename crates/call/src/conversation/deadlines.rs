//! All deadlines of a call: which instant is next, and what is due then.

use std::time::{Duration, Instant};

use super::Conversation;
use crate::event::EndReason;
use crate::part::Part;
use crate::providers::ProviderError;
use crate::silence::{Due, Silence};
use sidetone_base::clock;
use sidetone_base::leave::{LeaveBy, Step};
use sidetone_config::agent::{AgentConfig, Limits};
use sidetone_turn::Input;

/// If a microphone sends nothing for this long in mid-speech, it is gone and the utterance is over.
const MIC_DEADLINE: Duration = Duration::from_secs(1);
/// If a room takes no audio for this long, it is lost.
const SPEAKER_DEADLINE: Duration = Duration::from_secs(10);

/// What a call waits for, and until when. Dead air is not here: it follows from the reply
/// ([`Conversation::dead_air_by`]).
pub(super) struct Deadlines {
    /// When the call began, with whichever agent.
    begun: Instant,
    /// The turn machine's next timer.
    turn: Option<Instant>,
    /// When the next frame of a speaking caller is overdue.
    microphone: Option<Instant>,
    /// By when the room must have taken the audio that waits for it.
    speaker: Option<Instant>,
    /// By when the caller must be there, and why the call ends otherwise.
    caller: Option<(Instant, EndReason)>,
    /// The call must end at the next silence, and must have left by then.
    drain: Option<(LeaveBy, EndReason)>,
    /// A goodbye is playing or has played: the call ends by then.
    hang_up: Option<(Instant, EndReason)>,
    /// By when a call that says goodbye must have left.
    goodbye: Option<LeaveBy>,
    silence: Silence,
}

impl Deadlines {
    /// For an agent that waits for its caller from `now` on, in a call that has already lasted `lasted`.
    pub(super) fn new(now: Instant, lasted: Duration, limits: &Limits) -> Self {
        Self {
            begun: now.checked_sub(lasted).unwrap_or(now),
            turn: None,
            microphone: None,
            speaker: None,
            caller: Some((now + limits.wait_for_caller, EndReason::NoCaller)),
            drain: None,
            hang_up: None,
            goodbye: None,
            silence: Silence::default(),
        }
    }

    /// The earliest deadline; `others` are those kept elsewhere.
    fn next(&self, agent: &AgentConfig, others: [Option<Instant>; 3]) -> Option<Instant> {
        let at = |end: Option<(Instant, EndReason)>| end.map(|(at, _)| at);
        let all = [
            self.turn,
            self.microphone,
            self.speaker,
            at(self.caller),
            at(self.drain_at()),
            at(self.hang_up),
            self.max_duration(&agent.limits),
            self.silence.next(&agent.silence),
        ];
        all.into_iter().chain(others).flatten().min()
    }

    /// Why the call is over now. `None` if it is not.
    fn over(&self, now: Instant) -> Option<EndReason> {
        let ends = [self.caller, self.hang_up, self.drain_at()];
        let due = ends.into_iter().flatten().find(|(at, _)| *at <= now);
        due.map(|(_, reason)| reason)
    }

    /// When a draining call ends, whatever is being said.
    fn drain_at(&self) -> Option<(Instant, EndReason)> {
        let words = |(by, reason): (LeaveBy, EndReason)| (by.until(Step::Words), reason);
        self.drain.map(words)
    }

    /// When the maximum duration is reached. `None` while the caller is being told so already.
    fn max_duration(&self, limits: &Limits) -> Option<Instant> {
        let is_told = self.hangs_up() == Some(EndReason::MaxDuration);
        let end = self.begun.checked_add(limits.max_duration);
        end.filter(|_| !is_told)
    }

    /// Sets the turn machine's next timer.
    pub(super) fn turn_at(&mut self, at: Option<Instant>) {
        self.turn = at;
    }

    /// A frame of the microphone arrived. In mid-speech another one must follow.
    pub(super) fn frame_came(&mut self, now: Instant, is_speaking: bool) {
        self.microphone = is_speaking.then(|| now + MIC_DEADLINE);
    }

    /// No more microphone frames are expected for now.
    pub(super) fn microphone_paused(&mut self) {
        self.microphone = None;
    }

    /// Whether audio is waiting for the room.
    fn audio_waits(&mut self, waits: bool) {
        if !waits {
            self.speaker = None;
        } else if self.speaker.is_none() {
            self.speaker = Some(clock::now() + SPEAKER_DEADLINE);
        }
    }

    /// The room took audio.
    pub(super) fn audio_taken(&mut self) {
        self.speaker = None;
    }

    /// The caller is there.
    pub(super) fn caller_came(&mut self) {
        self.caller = None;
    }

    /// The caller left, and has `grace` to come back.
    pub(super) fn caller_left(&mut self, grace: Duration) {
        self.caller = Some((clock::now() + grace, EndReason::CallerLost));
    }

    /// The call ends at `at` at the latest: its last words are playing or have played.
    pub(super) fn hang_up_at(&mut self, at: Instant, reason: EndReason) {
        self.hang_up = Some((at, reason));
    }

    /// The last words are playing: they take their share of the time for leaving.
    pub(super) fn last_words(&mut self, by: LeaveBy, reason: EndReason) {
        self.goodbye = Some(by);
        self.hang_up_at(by.until(Step::Words), reason);
    }

    /// By when the call must have left. `None` if it is neither draining nor saying goodbye.
    pub(super) fn leave_by(&self) -> Option<LeaveBy> {
        let told = self.drain.map(|(by, _)| by);
        let both = [told, self.goodbye].into_iter().flatten();
        both.reduce(LeaveBy::nearer)
    }

    /// Why the call ends after the last words. `None` if it does not.
    pub(super) fn hangs_up(&self) -> Option<EndReason> {
        self.hang_up.map(|(_, reason)| reason)
    }

    /// The caller is there after all.
    pub(super) fn caller_is_not_silent(&mut self) {
        let ended = self
            .hang_up
            .take_if(|(_, reason)| *reason == EndReason::CallerSilent);
        if ended.is_some() {
            self.goodbye = None;
        }
    }

    /// Whether the call ends at the next silence, and so starts nothing new.
    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// Why the call drains. `None` if it does not.
    pub(super) fn drains(&self) -> Option<EndReason> {
        self.drain.map(|(_, reason)| reason)
    }

    /// Starts draining. The first reason and the nearest deadline win.
    pub(super) fn drain(&mut self, by: LeaveBy, reason: EndReason) {
        let (before, reason) = self.drain.unwrap_or((by, reason));
        self.drain = Some((by.nearer(before), reason));
    }

    /// The silence of both sides.
    pub(super) fn silence(&mut self) -> &mut Silence {
        &mut self.silence
    }
}

impl Conversation {
    /// Does what is due now.
    pub fn deadline(&mut self) {
        let now = clock::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.deadlines.turn) {
            self.input(Input::Timeout);
        }
        if due(self.deadlines.microphone) {
            self.mic_paused();
        }
        let rules = self.cast.agent().keys;
        if let Some(keys) = self.keys.due(now, &rules) {
            self.keys_complete(&keys);
        }
        if due(self.dead_air_by()) {
            self.dead_air();
        }
        if let Some(reason) = self.deadlines.over(now) {
            self.end(reason);
        } else if due(self.deadlines.speaker) {
            let message = format!("the room took no audio for {SPEAKER_DEADLINE:?}");
            self.record
                .failure(ProviderError::new(Part::Transport, message));
            self.end(EndReason::ConnectionLost);
        }
        if due(self.deadlines.max_duration(&self.cast.agent().limits)) {
            self.say_goodbye(EndReason::MaxDuration);
        }
        if let Some(part) = self.spent() {
            self.tell_limit(part);
        }
        self.leave_to_successor(now);
        let rules = &self.cast.agent().silence;
        match self.deadlines.silence.due(now, rules) {
            Some(Due::Away) => self.caller_is_away(),
            Some(Due::HangUp) => self.say_goodbye(EndReason::CallerSilent),
            None => {}
        }
    }

    /// When [`Conversation::deadline`] wants to be called.
    pub fn next_deadline(&mut self) -> Instant {
        self.deadlines.audio_waits(self.replies.playout.is_ready());
        if self.spent().is_some() {
            return clock::now();
        }
        let agent = self.cast.agent();
        let others = [
            self.dead_air_by(),
            self.keys.next(&agent.keys),
            self.handed_over_at(),
        ];
        let next = self.deadlines.next(agent, others);
        next.unwrap_or_else(|| clock::now() + SPEAKER_DEADLINE)
    }

    /// The process is shutting down: no new turn; what is being said may finish.
    pub fn drain(&mut self, by: LeaveBy) {
        self.deadlines.drain(by, EndReason::Drained);
        self.end_if_drained();
    }

    /// The agent was ordered to leave.
    pub(super) fn dismissed(&mut self, by: LeaveBy) {
        self.deadlines.drain(by, EndReason::Dismissed);
        self.end_if_drained();
    }

    pub(super) fn end_if_drained(&mut self) {
        let is_over = !self.replies.has_floor() && self.deadlines.hangs_up().is_none();
        if let Some(reason) = self.deadlines.drains().filter(|_| is_over) {
            self.end(reason);
        }
    }
}
