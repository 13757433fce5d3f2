//! When a task that failed is started again, and whether it is well. Pure.

use std::time::{Duration, Instant};

/// Pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A task that has run for this long has recovered: its next failure counts as the first.
const QUIET: Duration = Duration::from_secs(60);
/// A task that was started again is taken for well after this long: one that fails at once would look
/// well between two pauses.
const SETTLED: Duration = Duration::from_secs(1);

/// The failures of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarts {
    /// In a row, without a quiet while in between.
    failures: u32,
    /// None: it is down.
    running_since: Option<Instant>,
}

impl Restarts {
    /// A task that runs from `now` on.
    pub fn begun(now: Instant) -> Self {
        Self {
            failures: 0,
            running_since: Some(now),
        }
    }

    /// It failed at `now`; gives when it is to be started again.
    pub fn failed(&mut self, now: Instant) -> Instant {
        if self.ran(now).is_some_and(|ran| ran >= QUIET) {
            self.failures = 0;
        }
        // 2^6 seconds are longer than the longest pause.
        let pause = FIRST_PAUSE * 2_u32.pow(self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
        self.running_since = None;
        now + pause.min(LONGEST_PAUSE)
    }

    /// It was started again at `now`.
    pub fn started(&mut self, now: Instant) {
        self.running_since = Some(now);
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether it waits to be started again, or was started a moment ago.
    pub fn is_down(&self, now: Instant) -> bool {
        self.failures > 0 && self.ran(now).is_none_or(|ran| ran < SETTLED)
    }

    fn ran(&self, now: Instant) -> Option<Duration> {
        self.running_since
            .map(|since| now.saturating_duration_since(since))
    }
}
