//! PURE. What a process has measured recently, from its counters; shown for each worker on the pool's page. Counters
//! count from the process's start; the difference between two snapshots is what is recent.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How far back it goes.
pub const SPAN: Duration = Duration::from_secs(300);
/// The interval between two snapshots that are kept.
const STEP: Duration = Duration::from_secs(15);

/// What was measured within the last [`SPAN`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Recent {
    /// Replies that callers heard.
    pub answers: u64,
    /// The median of their latency, in ms; as exact as the histogram's buckets.
    pub p50_ms: Option<u64>,
    /// The 95th percentile of their latency, in ms.
    pub p95_ms: Option<u64>,
    /// The providers that got requests, by stage and name.
    pub providers: Vec<AskedProvider>,
}

/// A provider that got requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedProvider {
    /// stt, llm or tts.
    pub stage: String,
    /// Its name in the agent's file.
    pub provider: String,
    /// Requests.
    pub requests: u64,
    /// How many of these failed, by any fault.
    pub errors: u64,
}

/// A snapshot of the counters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Upper bounds in seconds, and the replies that took no longer.
    pub heard: Vec<(f64, u64)>,
    /// All replies.
    pub answers: u64,
    /// Requests and errors, by stage and provider.
    pub providers: BTreeMap<(String, String), (u64, u64)>,
}

/// Snapshots of the counters, as far back as they are useful.
#[derive(Debug, Default)]
pub struct Looks(VecDeque<(Instant, Counts)>);

impl Looks {
    /// What was measured since the oldest snapshot that is not too old.
    pub fn look(&mut self, now: Instant, counts: Counts) -> Recent {
        let old = |at: Instant| now.saturating_duration_since(at);
        while self.0.get(1).is_some_and(|(at, _)| old(*at) >= SPAN) {
            self.0.pop_front();
        }
        let recent = match self.0.front() {
            Some((_, before)) => between(before, &counts),
            None => between(&Counts::default(), &counts),
        };
        if self.0.back().is_none_or(|(at, _)| old(*at) >= STEP) {
            self.0.push_back((now, counts));
        }
        recent
    }
}

fn between(before: &Counts, now: &Counts) -> Recent {
    let answers = now.answers.saturating_sub(before.answers);
    let grown = |place: usize, n: u64| {
        let before = before.heard.get(place).map_or(0, |(_, n)| *n);
        n.saturating_sub(before)
    };
    let heard = now.heard.iter().enumerate();
    let heard: Vec<(f64, u64)> = heard
        .map(|(place, (bound, n))| (*bound, grown(place, *n)))
        .collect();
    let providers = now
        .providers
        .iter()
        .filter_map(|(key, (requests, errors))| {
            let (asked, failed) = before.providers.get(key).copied().unwrap_or_default();
            let asked = AskedProvider {
                stage: key.0.clone(),
                provider: key.1.clone(),
                requests: requests.saturating_sub(asked),
                errors: errors.saturating_sub(failed),
            };
            (asked.requests + asked.errors > 0).then_some(asked)
        });
    Recent {
        answers,
        p50_ms: quantile(0.5, answers, &heard),
        p95_ms: quantile(0.95, answers, &heard),
        providers: providers.collect(),
    }
}

/// The latency in ms that this share of replies did not exceed, interpolated linearly within a bucket; beyond the last
/// bucket, that bucket's bound.
fn quantile(share: f64, all: u64, heard: &[(f64, u64)]) -> Option<u64> {
    if all == 0 {
        return None;
    }
    let rank = share * all as f64;
    let (mut from, mut below) = (0.0, 0);
    for (bound, n) in heard {
        if *n as f64 >= rank && *n > below {
            let part = (rank - below as f64) / (n - below) as f64;
            return Some(((from + (bound - from) * part) * 1_000.0).round() as u64);
        }
        (from, below) = (*bound, *n);
    }
    heard.last().map(|(bound, _)| (bound * 1_000.0) as u64)
}

#[cfg(test)]
mod tests;
