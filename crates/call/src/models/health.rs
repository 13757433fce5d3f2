//! Whether a provider is worth asking. PURE.
//!
//! One failed request, after its retries, takes a provider out: the next sentence of any call of
//! the process goes to another one at once. A probe, no caller's request, brings it back. One that
//! wants to be left alone for a while is asked again when that is over, without a probe. A request
//! that was refused for its own sake says nothing here.

use std::time::{Duration, Instant};

/// From a failure to the first probe.
const FIRST_PROBE: Duration = Duration::from_secs(5);
/// Probes are never further apart than this; the wait doubles with each that fails.
const LAST_PROBE: Duration = Duration::from_secs(60);
/// A probe that has not ended by then is taken for lost.
pub const PROBE: Duration = Duration::from_secs(10);
/// Who wants to be left alone and does not say for how long.
const LIMITED: Duration = Duration::from_secs(5);
/// Whoever says longer is asked again by then.
const LONGEST: Duration = Duration::from_secs(600);

/// A provider's health, as the process's calls know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Its last answer was good, or it was not asked yet.
    #[default]
    Good,
    /// It wants to be left alone.
    Limited {
        /// Till then.
        until: Instant,
    },
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
    pub fn is_good(self, now: Instant) -> bool {
        match self {
            Self::Good => true,
            Self::Limited { until } => until <= now,
            Self::Out { .. } => false,
        }
    }

    /// It wants to be left alone for `wait`. Answers whether this is news.
    pub fn limited(&mut self, now: Instant, wait: Option<Duration>) -> bool {
        // Whoever failed before has worse to recover from.
        if let Self::Out { .. } = self {
            return false;
        }
        let was_good = self.is_good(now);
        let until = now + wait.unwrap_or(LIMITED).min(LONGEST);
        *self = Self::Limited { until };
        was_good
    }

    /// A request failed. Answers whether this takes it out.
    pub fn failed(&mut self, now: Instant) -> bool {
        // Requests that were in flight together fail together, and count once.
        let takes_out = !matches!(self, Self::Out { .. });
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
        matches!(std::mem::take(self), Self::Out { .. })
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
mod tests;
