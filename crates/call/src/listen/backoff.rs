//! How soon a request that failed is made again. Pure.

use std::time::{Duration, Instant};

/// First wait, doubled with each failure.
const FIRST: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST: Duration = Duration::from_secs(8);

/// Waits between failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// The last wait, and when it is over.
    wait: Option<(Duration, Instant)>,
}

impl Backoff {
    /// A request failed.
    pub(super) fn failed(&mut self, now: Instant) {
        let wait = self.wait.map_or(FIRST, |(wait, _)| (wait * 2).min(LONGEST));
        self.wait = Some((wait, now + wait));
    }

    /// A request was answered.
    pub(super) fn worked(&mut self) {
        self.wait = None;
    }

    /// Whether another may be made.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.wait.is_none_or(|(_, until)| until <= now)
    }
}

#[cfg(test)]
mod tests;
