//! Which engine may use the model threads, and how many threads there are.
//!
//! All engines share one set of threads, so only one of them computes at a time: two that overlap on the same cores
//! spin against each other and both take more than twice as long. An engine holds its turn for one step (a prefill
//! chunk, a token, a clause), and turns are granted in the order of the requests.

use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Maximum threads by default: the models are small and do not gain from more.
const MAX_DEFAULT: usize = 4;

/// How long idle cores are counted.
const WATCH: Duration = Duration::from_millis(150);

/// The default: as many threads as there are idle cores now, at least one and at most four. Measuring this takes a
/// moment.
///
/// Counting cores is not enough. candle's threads meet at a barrier some hundred times per token and spin while they
/// wait, so a thread that shares its core with another process delays all of them: on two busy cores, two threads take
/// three times as long as one.
pub fn default_threads() -> NonZeroUsize {
    let most = most_threads();
    let idle = idle_cores().map_or(most, |idle| (idle.round() as usize).clamp(1, most));
    NonZeroUsize::new(idle).unwrap_or(NonZeroUsize::MIN)
}

/// As many threads as cores, at most four.
pub(crate) fn most_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MAX_DEFAULT)
}

/// The number of idle cores, if the system reports it (Linux).
fn idle_cores() -> Option<f32> {
    let before = idle_and_total(&std::fs::read_to_string("/proc/stat").ok()?)?;
    std::thread::sleep(WATCH);
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let after = idle_and_total(&stat)?;
    let cores = stat
        .lines()
        .filter(|l| l.starts_with("cpu") && !l.starts_with("cpu "))
        .count();
    let total = after.1.checked_sub(before.1).filter(|total| *total > 0)?;
    Some(after.0.saturating_sub(before.0) as f32 / total as f32 * cores as f32)
}

/// Idle ticks (including I/O wait) and all ticks, from the first line of `/proc/stat` (see proc_stat(5)).
fn idle_and_total(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .flat_map(str::parse)
        .collect();
    Some((ticks.get(3)? + ticks.get(4)?, ticks.iter().sum()))
}

/// Limits the global thread pools of the inference libraries to `threads`.
///
/// They read environment variables once, when the first model computes. Without this call they use every physical
/// core.
///
/// # Safety
///
/// No other thread may be running (see [`std::env::set_var`]): call it at the very start of `main`, before a runtime
/// starts.
pub unsafe fn limit_threads(threads: NonZeroUsize) {
    for name in [
        "RAYON_NUM_THREADS",
        "CANDLE_NUM_THREADS",
        "RTEN_NUM_THREADS",
    ] {
        // SAFETY: the caller guarantees that no other thread runs.
        unsafe { std::env::set_var(name, threads.to_string()) };
    }
}

/// The machine's model threads, lent to one engine at a time in the order of requests.
#[derive(Default)]
pub(crate) struct Compute {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    next_ticket: u64,
    serving: u64,
}

impl Compute {
    /// Waits for this caller's turn, which lasts until the guard is dropped.
    pub(crate) fn turn(&self) -> Share<'_> {
        let mut queue = self.queue();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        while queue.serving != ticket {
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Share(self)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // the counters are consistent at every point where a holder could panic
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One engine's turn.
pub(crate) struct Share<'a>(&'a Compute);

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.0.queue().serving += 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
