//! Whether a provider is worth asking. PURE.
//!
//! One failed request, after its retries, takes a provider out: the next sentence of any call of
//! the process goes to another one at once. A probe, no caller's request, brings it back.

use std::time::{Duration, Instant};

/// From a failure to the first probe.
const FIRST_PROBE: Duration = Duration::from_secs(5);
/// Probes are never further apart than this; the wait doubles with each that fails.
const LAST_PROBE: Duration = Duration::from_secs(60);
/// A probe that has not ended by then is taken for lost.
pub const PROBE: Duration = Duration::from_secs(10);

/// A provider's health, as the process's calls know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Its last answer was good, or it was not asked yet.
    #[default]
    Good,
    /// It failed.
    Out {
        /// Wait for the next probe.
        wait: Duration,
        /// When.
        probe_at: Instant,
    },
}

impl Health {
    /// Worth asking.
    pub fn is_good(self) -> bool {
        self == Self::Good
    }

    /// A request failed. Answers whether this takes it out.
    pub fn failed(&mut self, now: Instant) -> bool {
        // Requests that were in flight together fail together, and count once.
        let takes_out = self.is_good();
        if takes_out {
            *self = Self::Out {
                wait: FIRST_PROBE,
                probe_at: now + FIRST_PROBE,
            };
        }
        takes_out
    }

    /// A request, or a probe, was answered. Answers whether this brings it back.
    pub fn succeeded(&mut self) -> bool {
        !std::mem::take(self).is_good()
    }

    /// Whether to probe now. Who gets `true` does it; others are told no until it must be over.
    pub fn probe_is_due(&mut self, now: Instant) -> bool {
        match self {
            Self::Out { probe_at, .. } if *probe_at <= now => {
                *probe_at = now + PROBE;
                true
            }
            _ => false,
        }
    }

    /// A probe failed.
    pub fn probe_failed(&mut self, now: Instant) {
        if let Self::Out { wait, probe_at } = self {
            *wait = (*wait * 2).min(LAST_PROBE);
            *probe_at = now + *wait;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn out_after_a_failure_and_back_after_a_probe() {
        let now = clock::now();
        let mut health = Health::default();
        assert!(!health.succeeded());
        assert!(health.failed(now));
        assert!(!health.is_good());
        assert!(!health.failed(now + SECOND), "it is out already");
        assert!(!health.probe_is_due(now + 4 * SECOND));
        assert!(health.probe_is_due(now + 5 * SECOND));
        assert!(!health.probe_is_due(now + 6 * SECOND), "one at a time");
        assert!(health.succeeded());
        assert!(health.is_good());
    }

    #[test]
    fn probes_come_further_and_further_apart() {
        let mut now = clock::now();
        let mut health = Health::default();
        health.failed(now);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let begun = now;
            while !health.probe_is_due(now) {
                now += SECOND;
            }
            waits.push((now - begun).as_secs());
            health.probe_failed(now);
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn a_lost_probe_is_done_again() {
        let now = clock::now();
        let mut health = Health::default();
        health.failed(now);
        assert!(health.probe_is_due(now + 5 * SECOND));
        assert!(health.probe_is_due(now + 15 * SECOND));
    }
}
