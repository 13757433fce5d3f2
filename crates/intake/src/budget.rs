//! Rate limits: how much may come in over time.

use std::time::{Duration, Instant};

/// A burst, and after that one more per `every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    burst: u32,
    every: Duration,
}

impl Budget {
    /// `burst` at once, and one more per `every`.
    pub const fn every(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }

    /// `burst` at once, and `per_second` more per second.
    pub const fn per_second(burst: u32, per_second: u32) -> Self {
        let nanos = 1_000_000_000 / per_second as u64;
        Self::every(burst, Duration::from_nanos(nanos))
    }
}

/// What is left of a [`Budget`].
#[derive(Debug, Clone)]
pub struct Bucket {
    budget: Budget,
    /// When it will be full again.
    full_at: Option<Instant>,
}

impl Bucket {
    /// A full bucket.
    pub const fn full(budget: Budget) -> Self {
        Self {
            budget,
            full_at: None,
        }
    }

    /// Takes `count`, all of them or none. Returns false if there are fewer.
    pub fn take(&mut self, now: Instant, count: usize) -> bool {
        let Budget { burst, every } = self.budget;
        let count = match u32::try_from(count) {
            Ok(count) if count <= burst => count,
            _ => return false,
        };
        let from = self.full_at.map_or(now, |full_at| full_at.max(now));
        let full_at = from + every * count;
        let is_there = full_at - now <= every * burst;
        if is_there {
            self.full_at = Some(full_at);
        }
        is_there
    }
}

#[cfg(test)]
mod tests;
