//! Timers as an enum in a table: setting one again moves it, and none can leak.

use std::time::Instant;

/// What a timer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The caller has talked over the agent for long enough to mean it.
    Overlap,
    /// The caller has been silent for long enough to have finished.
    Endpoint,
    /// No words of an interruption have arrived.
    FalseInterruption,
    /// The turn has reached its maximum length.
    Longest,
}

impl Timer {
    const ALL: [Self; 4] = [
        Self::Overlap,
        Self::Endpoint,
        Self::FalseInterruption,
        Self::Longest,
    ];
}

/// At most one deadline for each [`Timer`].
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; Timer::ALL.len()]);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn stop_all(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    /// The next deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes the earliest timer that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Timer> {
        let due = |timer: &Timer| self.0[*timer as usize].filter(|at| *at <= now);
        let timer = Timer::ALL
            .into_iter()
            .filter(|timer| due(timer).is_some())
            .min_by_key(due)?;
        self.stop(timer);
        Some(timer)
    }
}
