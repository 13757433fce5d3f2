//! Who may use the processor's model threads, and how many there are.
//!
//! All engines share one set of threads, so only one of them computes at a time:
//! two that overlap on the same cores spin against each other and both take more
//! than twice as long. An engine takes its turn for one step (a prefill chunk, a
//! token, a clause), and turns are given in the order they were asked for.

use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Most threads taken by default: the models are small and stop gaining there.
const MAX_DEFAULT: usize = 4;

/// The default: as many threads as cores, at most four.
pub fn default_threads() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(MAX_DEFAULT)).unwrap_or(NonZeroUsize::MIN)
}

/// Limits the inference libraries' global thread pools to `threads`.
///
/// They read environment variables, once, when the first model computes. Without
/// this call they take every physical core.
///
/// # Safety
///
/// No other thread may be running (see [`std::env::set_var`]): call it first
/// thing in `main`, before a runtime starts.
pub unsafe fn limit_threads(threads: NonZeroUsize) {
    for name in [
        "RAYON_NUM_THREADS",
        "CANDLE_NUM_THREADS",
        "RTEN_NUM_THREADS",
    ] {
        // SAFETY: the caller promises that no other thread runs.
        unsafe { std::env::set_var(name, threads.to_string()) };
    }
}

/// The machine's model threads, lent to one engine at a time in order of asking.
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
    pub(crate) fn turn(&self) -> Turn<'_> {
        let mut queue = self.queue();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        while queue.serving != ticket {
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // the counters are consistent at every point where a holder could panic
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One engine's turn.
pub(crate) struct Turn<'a>(&'a Compute);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.queue().serving += 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn turns_never_overlap_and_a_panic_ends_one() {
        let compute = Arc::new(Compute::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let (compute, inside) = (compute.clone(), inside.clone());
                std::thread::spawn(move || {
                    for _ in 0..200 {
                        let _turn = compute.turn();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                    let _turn = compute.turn();
                    assert!(n > 0, "the first thread panics in its turn");
                })
            })
            .collect();
        let panics = threads
            .into_iter()
            .map(|t| t.join())
            .filter(Result::is_err)
            .count();
        assert_eq!(panics, 1);
        drop(compute.turn());
    }
}
