//! A rate limit: so many at once, then one per interval. PURE.

use std::time::{Duration, Instant};

/// A third of a minute's requests may come at once.
const AT_ONCE: u32 = 3;

/// What is left of the allowance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// When the whole allowance is available again.
    full_at: Option<Instant>,
}

impl Pace {
    /// Takes one of `a_minute`.
    /// # Errors
    /// The time when the next one is available.
    pub(crate) fn take(&mut self, now: Instant, a_minute: u32) -> Result<(), Instant> {
        let a_minute = a_minute.max(1);
        let every = Duration::from_secs(60) / a_minute;
        let burst = every * (a_minute / AT_ONCE).max(1);
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now)) + every;
        match full_at.checked_sub(burst) {
            Some(free_at) if free_at > now => Err(free_at),
            _ => {
                self.full_at = Some(full_at);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
