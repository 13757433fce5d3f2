//! How often something may be asked: so many at once, and then one each so often. PURE.

use std::time::{Duration, Instant};

/// A third of a minute's questions may come at once.
const AT_ONCE: u32 = 3;

/// What is left of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// From then on all of it is left.
    full_at: Option<Instant>,
}

impl Pace {
    /// Takes one of `a_minute`.
    ///
    /// # Errors
    /// When the next one can be had.
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
