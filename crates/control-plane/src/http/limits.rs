//! Rate limits: a token bucket for each user and each address, pure.

use std::collections::HashMap;
use std::time::Instant;

/// Buckets kept before full ones are thrown away.
const MAX_BUCKETS: usize = 10_000;

/// How many requests at once, and how many in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests at once.
    pub burst: f64,
    /// Requests a second in the long run.
    pub per_second: f64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// All buckets of one rate.
#[derive(Debug)]
pub struct Buckets {
    rate: Rate,
    buckets: HashMap<String, Bucket>,
}

impl Buckets {
    /// No one has asked yet.
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: HashMap::new(),
        }
    }

    /// Takes one request from a bucket.
    ///
    /// # Errors
    /// Seconds until the next one is let through.
    pub fn take(&mut self, now: Instant, who: &str) -> Result<(), u32> {
        let rate = self.rate;
        if self.buckets.len() >= MAX_BUCKETS && !self.buckets.contains_key(who) {
            // A full bucket is the same as none.
            self.buckets
                .retain(|_, bucket| bucket.filled(now, rate) < rate.burst);
            if self.buckets.len() >= MAX_BUCKETS {
                return Err(1);
            }
        }
        let bucket = self.buckets.entry(who.to_owned()).or_insert(Bucket {
            tokens: rate.burst,
            at: now,
        });
        bucket.tokens = bucket.filled(now, rate);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return Err(((1.0 - bucket.tokens) / rate.per_second).ceil().max(1.0) as u32);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

impl Bucket {
    fn filled(&self, now: Instant, rate: Rate) -> f64 {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second;
        (self.tokens + gained).min(rate.burst)
    }
}

#[cfg(test)]
mod tests;
