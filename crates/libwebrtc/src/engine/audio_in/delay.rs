//! How much delay the network's jitter requires.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::packet::TICKS_PER_MS;

/// Packets remembered: five seconds of 20 ms packets.
const WINDOW: usize = 250;
/// The share of packets in the window that should arrive in time.
const IN_TIME: f64 = 0.97;
/// Added to what the network needs, to cover the scheduling of this process.
const MARGIN: Duration = Duration::from_millis(10);
/// Transit times that change by more than this, and stay so for this many packets, say nothing of jitter: the sender's
/// clock stood still while it was muted, or began anew. What came before is forgotten.
const LEAP_US: i64 = 1_000_000;
const SETTLED: usize = 5;
/// Never wait longer than this: it would do more harm to the conversation than good.
const LIMIT: Duration = Duration::from_millis(400);

/// Estimates the playout delay from the spread of transit times: each packet's arrival minus its timestamp, relative to
/// the smallest in the window.
#[derive(Default)]
pub(super) struct DelayEstimator {
    /// Arrival of the first packet and its timestamp, the origin of transit times.
    origin: Option<(Instant, u64)>,
    /// Transit times in microseconds, relative to the origin.
    transits: VecDeque<i64>,
    sorted: Vec<i64>,
    jitter: Duration,
}

impl DelayEstimator {
    pub(super) fn update(&mut self, ticks: u64, arrival: Instant) {
        let (start, first) = *self.origin.get_or_insert((arrival, ticks));
        let elapsed_us = arrival.duration_since(start).as_micros() as i64;
        let media_us = (ticks as i64 - first as i64) * 1000 / TICKS_PER_MS as i64;
        let transit = elapsed_us - media_us;
        if self.transits.len() == WINDOW {
            self.transits.pop_front();
        }
        self.transits.push_back(transit);
        self.forget_before_leap(transit);

        self.sorted.clear();
        self.sorted.extend(&self.transits);
        let rank = ((self.sorted.len() - 1) as f64 * IN_TIME).round() as usize;
        let (before, &mut late, _) = self.sorted.select_nth_unstable(rank);
        let least = before.iter().copied().min().unwrap_or(late);
        self.jitter = Duration::from_micros((late - least) as u64);
    }

    fn forget_before_leap(&mut self, transit: i64) {
        let is_near = |other: &i64| (transit - other).abs() <= LEAP_US;
        let Some(settled) = self.transits.len().checked_sub(SETTLED) else {
            return;
        };
        let has_leapt = settled > 0 && !is_near(&self.transits[settled - 1]);
        if has_leapt && self.transits.range(settled..).all(is_near) {
            self.transits.drain(..settled);
        }
    }

    /// How long a packet that came as fast as any should wait between its arrival and its playout.
    pub(super) fn target(&self) -> Duration {
        (self.jitter + MARGIN).min(LIMIT)
    }
}

#[cfg(test)]
mod tests;
