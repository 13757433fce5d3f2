//! Whether a provider should be asked. PURE.
//! One failed request, after its retries, takes a provider out: every call of the process uses another one from its
//! next sentence on. A probe, which is no caller's request, brings it back. A rate-limited provider is asked again
//! when its wait is over, without a probe. A request rejected for its own fault says nothing about the provider's
//! health.

use std::time::{Duration, Instant};

/// From a failure to the first probe.
const FIRST_PROBE: Duration = Duration::from_secs(5);
/// The longest time between probes; it doubles with each failure.
const LAST_PROBE: Duration = Duration::from_secs(60);
/// A probe that takes longer counts as failed.
pub const PROBE: Duration = Duration::from_secs(10);
/// How long a provider is left alone that is rate-limited and names no wait.
const LIMITED: Duration = Duration::from_secs(5);
/// The longest wait that a provider may ask for.
const LONGEST: Duration = Duration::from_secs(600);

/// A provider's health, shared by the process's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Its last answer was good, or it has not been asked yet.
    #[default]
    Good,
    /// It is rate-limited.
    Limited {
        /// The end of the wait.
        until: Instant,
    },
    /// It failed.
    Out {
        /// The wait before the next probe.
        wait: Duration,
        /// When the next probe is due.
        probe_at: Instant,
    },
}

impl Health {
    /// Whether it may be asked now.
    pub fn is_good(self, now: Instant) -> bool {
        match self {
            Self::Good => true,
            Self::Limited { until } => until <= now,
            Self::Out { .. } => false,
        }
    }

    /// It asks for a wait. `true` if it was healthy before.
    pub fn limited(&mut self, now: Instant, wait: Option<Duration>) -> bool {
        // An earlier failure is worse than a rate limit.
        if let Self::Out { .. } = self {
            return false;
        }
        let was_good = self.is_good(now);
        let until = now + wait.unwrap_or(LIMITED).min(LONGEST);
        *self = Self::Limited { until };
        was_good
    }

    /// A request failed. `true` if this takes the provider out.
    pub fn failed(&mut self, now: Instant) -> bool {
        // Requests in flight at the same time fail together, and count once.
        let takes_out = !matches!(self, Self::Out { .. });
        if takes_out {
            *self = Self::Out {
                wait: FIRST_PROBE,
                probe_at: now + FIRST_PROBE,
            };
        }
        takes_out
    }

    /// A request or probe succeeded. `true` if this brings the provider back.
    pub fn succeeded(&mut self) -> bool {
        matches!(std::mem::take(self), Self::Out { .. })
    }

    /// Whether to probe now. Whoever gets `true` must probe; others get `false` until that probe must be over.
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
