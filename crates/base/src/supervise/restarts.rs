//! When to restart a failed task, and whether it is healthy. PURE.

use std::time::{Duration, Instant};

/// The pause after the first failure; each further failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A task that has run for this long has recovered: its next failure counts as the first.
const QUIET: Duration = Duration::from_secs(60);
/// A restarted task counts as healthy only after this long: otherwise one that fails immediately would look healthy
/// between two pauses.
const SETTLED: Duration = Duration::from_secs(1);

/// The failures of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarts {
    /// Consecutive failures, without a run of [`QUIET`] in between.
    failures: u32,
    /// When it was last started. `None` while it is down.
    running_since: Option<Instant>,
}

impl Restarts {
    /// A task that has been running since `now`.
    pub fn begun(now: Instant) -> Self {
        Self {
            failures: 0,
            running_since: Some(now),
        }
    }

    /// Records a failure at `now`, and returns when to restart.
    pub fn failed(&mut self, now: Instant) -> Instant {
        if self.ran(now).is_some_and(|ran| ran >= QUIET) {
            self.failures = 0;
        }
        // 2^6 seconds exceed the longest pause.
        let pause = FIRST_PAUSE * 2_u32.pow(self.failures.min(6));
        self.failures = self.failures.saturating_add(1);
        self.running_since = None;
        now + pause.min(LONGEST_PAUSE)
    }

    /// Records a restart at `now`.
    pub fn started(&mut self, now: Instant) {
        self.running_since = Some(now);
    }

    /// The number of consecutive failures.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether it is waiting to be restarted, or was restarted a moment ago.
    pub fn is_down(&self, now: Instant) -> bool {
        self.failures > 0 && self.ran(now).is_none_or(|ran| ran < SETTLED)
    }

    fn ran(&self, now: Instant) -> Option<Duration> {
        self.running_since
            .map(|since| now.saturating_duration_since(since))
    }
}
