//! How long to wait in the caller's silence before the turn is over.

use std::time::Duration;

/// The wait, counted from the last voiced sample, so that VAD and STT work inside it and not
/// before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpointing {
    /// Wait when the caller seems to have finished. 500 ms: livekit-agents `min_delay`.
    pub min_delay: Duration,
    /// Wait when the caller seems to be in mid-thought. 3 s: livekit-agents `max_delay`.
    pub max_delay: Duration,
    /// End-of-turn probability from which the caller seems to have finished, 0 to 1. Without a
    /// model there is no probability, and the wait is `min_delay`.
    pub threshold: f32,
}

impl Default for Endpointing {
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(3),
            threshold: 0.5,
        }
    }
}

impl Endpointing {
    /// The wait for this end-of-turn probability.
    pub(super) fn delay(&self, probability: Option<f32>) -> Duration {
        match probability {
            Some(p) if p < self.threshold => self.max_delay,
            _ => self.min_delay,
        }
    }
}
