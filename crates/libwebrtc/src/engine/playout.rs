//! When 10 ms frames are due.

use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_millis(10);

/// Counts 10 ms frames against the time. It never drifts: the n-th frame is due n times 10 ms after the start, however
/// late the earlier ones were.
pub(crate) struct PlayoutClock {
    start: Instant,
    taken: u64,
}

impl PlayoutClock {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, taken: 0 }
    }

    /// When the next frame is due.
    pub(crate) fn next_due(&self) -> Instant {
        let micros = FRAME.as_micros() as u64 * (self.taken + 1);
        self.start + Duration::from_micros(micros)
    }

    /// Takes one frame if one is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.behind(now) > 0;
        self.taken += u64::from(due);
        due
    }

    /// Skips all but the newest `most` due frames. Returns how many.
    pub(crate) fn drop_beyond(&mut self, now: Instant, most: u64) -> u64 {
        let dropped = self.behind(now).saturating_sub(most);
        self.taken += dropped;
        dropped
    }

    fn behind(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_micros();
        (elapsed / FRAME.as_micros()) as u64 - self.taken.min((elapsed / FRAME.as_micros()) as u64)
    }
}

#[cfg(test)]
mod tests;
