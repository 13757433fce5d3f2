//! Every wait of a call has its end: one instant is the next, and what is due then is done.

use std::time::{Duration, Instant};

use super::{Caller, Conversation};
use crate::event::{EndReason, Stage};
use crate::providers::ProviderError;
use crate::silence::Due;
use sidetone_base::clock;
use sidetone_turn::Input;

/// A room that takes no audio for this long is lost.
const SPEAKER_DEADLINE: Duration = Duration::from_secs(10);
/// A drained call may finish what it is saying for this long.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// As much of it as LiveKit allows: it removes an agent three seconds after it has ended its job, and
/// the end is still to be reported.
const DISMISSED_DEADLINE: Duration = Duration::from_millis(1_500);

impl Conversation {
    /// A deadline has passed.
    pub fn deadline(&mut self) {
        let now = clock::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.wake) {
            self.input(Input::Timeout);
        }
        if due(self.mic_by) {
            self.mic_paused();
        }
        if due(self.dead_air_by()) {
            self.dead_air();
        }
        let reason = match self.caller {
            Caller::Expected { until } if until <= now => Some(EndReason::NoCaller),
            Caller::Lost { until } if until <= now => Some(EndReason::CallerLost),
            _ if due(self.hang_up_at.map(|(at, _)| at)) => self.hang_up_at.map(|(_, why)| why),
            _ if due(self.drain_by.map(|(at, _)| at)) => self.drain_by.map(|(_, why)| why),
            _ if due(self.waits_since.map(|since| since + SPEAKER_DEADLINE)) => {
                let message = format!("the room took no audio for {SPEAKER_DEADLINE:?}");
                self.report(ProviderError::new(Stage::Transport, message));
                Some(EndReason::ConnectionLost)
            }
            _ => None,
        };
        self.ended = self.ended.or(reason);
        if due(self.ends_by()) {
            self.say_goodbye(EndReason::MaxDuration);
        }
        match self.silence.due(now, &self.agent.silence) {
            Some(Due::Away) => self.caller_is_away(),
            Some(Due::HangUp) => self.say_goodbye(EndReason::CallerSilent),
            None => {}
        }
    }

    /// When [`Conversation::deadline`] wants to be called.
    pub fn next_deadline(&mut self) -> Instant {
        if !self.playout.is_ready() {
            self.waits_since = None;
        } else if self.waits_since.is_none() {
            self.waits_since = Some(clock::now());
        }
        let caller = match self.caller {
            Caller::Expected { until } | Caller::Lost { until } => Some(until),
            Caller::Here => None,
        };
        let waits = self.waits_since.map(|since| since + SPEAKER_DEADLINE);
        let all = [
            self.wake,
            caller,
            self.drain_by.map(|(at, _)| at),
            self.hang_up_at.map(|(at, _)| at),
            self.ends_by(),
            self.silence.next(&self.agent.silence),
            waits,
            self.mic_by,
            self.dead_air_by(),
        ];
        all.into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| clock::now() + SPEAKER_DEADLINE)
    }

    fn ends_by(&self) -> Option<Instant> {
        let is_told = matches!(self.hang_up_at, Some((_, EndReason::MaxDuration)));
        let end = self.begun.checked_add(self.agent.limits.max_duration);
        end.filter(|_| !is_told)
    }

    /// The process wants to end: no new turn; what is being said may be finished.
    pub fn drain(&mut self) {
        self.end_soon(DRAIN_DEADLINE, EndReason::Drained);
    }

    /// LiveKit has ended the agent's job.
    pub(super) fn dismissed(&mut self) {
        self.end_soon(DISMISSED_DEADLINE, EndReason::Dismissed);
    }

    /// The first reason counts, and the nearest deadline.
    fn end_soon(&mut self, within: Duration, reason: EndReason) {
        let by = clock::now() + within;
        let (before, reason) = self.drain_by.unwrap_or((by, reason));
        self.drain_by = Some((by.min(before), reason));
        self.end_if_drained();
    }

    pub(super) fn end_if_drained(&mut self) {
        let has_floor = self
            .reply
            .as_ref()
            .is_some_and(|reply| reply.committed_at.is_some());
        if let Some((_, reason)) = self.drain_by.filter(|_| !has_floor) {
            self.ended = self.ended.or(Some(reason));
        }
    }
}
