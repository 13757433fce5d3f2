//! How soon a failed request is repeated. PURE.

use std::time::{Duration, Instant};

/// The first wait; doubled with each failure.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(8);

/// The waits after consecutive failures.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// The last wait, and when it ends.
    wait: Option<(Duration, Instant)>,
}

impl Backoff {
    /// A request failed.
    pub(super) fn failed(&mut self, now: Instant) {
        let wait = self.wait.map_or(FIRST, |(wait, _)| (wait * 2).min(LONGEST));
        self.wait = Some((wait, now + wait));
    }

    /// A request succeeded.
    pub(super) fn worked(&mut self) {
        self.wait = None;
    }

    /// Whether another request may be made.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.wait.is_none_or(|(_, until)| until <= now)
    }
}

#[cfg(test)]
mod tests;
