//! Rate limits: a token bucket for each key, user and address. PURE.

use std::collections::HashMap;
use std::time::Instant;

/// Buckets kept before full ones are discarded.
const MAX_BUCKETS: usize = 10_000;

/// The burst and the long-term rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Requests at once.
    pub burst: f64,
    /// Requests a second in the long run.
    pub per_second: f64,
}

impl Rate {
    /// This many a minute in the long run, a third of them at once.
    pub fn a_minute(requests: u32) -> Self {
        let requests = f64::from(requests.max(1));
        Self {
            burst: (requests / 3.0).floor().max(1.0),
            per_second: requests / 60.0,
        }
    }
}

/// What is limited: the member `limit` of a problem document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// All requests of an address.
    Address,
    /// All requests of an API key.
    Key,
    /// Requests of a user that make changes.
    User,
    /// A user's unused tokens.
    Tokens,
    /// A user's concurrent calls.
    Calls,
}

impl Limit {
    /// Its name in a problem document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Key => "key",
            Self::User => "user",
            Self::Tokens => "tokens",
            Self::Calls => "calls",
        }
    }

    /// Whose limit it is, and of what.
    pub(super) const fn whose(self) -> &'static str {
        match self {
            Self::Address => "This address has sent too many requests",
            Self::Key => "This API key has sent too many requests",
            Self::User => "This user has sent too many requests",
            Self::Tokens => "This user has too many tokens that nobody has used",
            Self::Calls => "This user has too many calls at once",
        }
    }
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
    /// All buckets are full.
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: HashMap::new(),
        }
    }

    /// Takes one request from a bucket.
    /// # Errors
    /// Seconds until the next request is allowed.
    pub fn take(&mut self, now: Instant, who: &str) -> Result<(), u32> {
        self.take_at(now, who, self.rate)
    }

    /// Like [`Buckets::take`], with a rate of its own.
    /// # Errors
    /// See [`Buckets::take`].
    pub fn take_at(&mut self, now: Instant, who: &str, rate: Rate) -> Result<(), u32> {
        if self.buckets.len() >= MAX_BUCKETS && !self.buckets.contains_key(who) {
            // A full bucket is equivalent to none.
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
