//! Counts allocations: on the whole heap, and by one thread during an operation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator with counters.
pub struct Counted;

static BYTES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
    static TIMES: Cell<usize> = const { Cell::new(0) };
}

/// What an operation cost the thread that ran it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Maximum bytes at once, above the amount before.
    pub peak: usize,
    /// Total bytes allocated: a measure of work that is the same on every machine.
    pub taken: usize,
}

/// Runs `work` and counts. Allocations of other threads are not included.
pub fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (held, taken) = (HELD.get(), TAKEN.get());
    PEAK.set(held);
    let done = work();
    let cost = Cost {
        peak: PEAK.get().saturating_sub(held).try_into().unwrap_or(0),
        taken: TAKEN.get() - taken,
    };
    (done, cost)
}

/// Bytes on the heap of this process.
pub fn bytes() -> usize {
    BYTES.load(Ordering::Relaxed)
}

/// How often this thread has asked for memory.
#[allow(dead_code, reason = "only the media engine's test counts these")]
pub fn allocations() -> usize {
    TIMES.get()
}

fn count(freed: usize, taken: usize) {
    BYTES.fetch_add(taken, Ordering::Relaxed);
    BYTES.fetch_sub(freed, Ordering::Relaxed);
    let held = HELD.get() + taken as isize - freed as isize;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    TAKEN.set(TAKEN.get().wrapping_add(taken));
    TIMES.set(TIMES.get() + usize::from(taken > 0));
}

// SAFETY: everything is done by the system allocator; counting neither allocates nor touches what is allocated.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: the caller upholds the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: the caller upholds the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), 0);
        // SAFETY: the caller upholds the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), size);
        // SAFETY: the caller upholds the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
