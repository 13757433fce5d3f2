//! Counts what is allocated: on the whole heap, and by one thread while it does something.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, counted.
pub struct Counted;

static BYTES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// What something cost the thread that did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Most bytes at once, above what there was before.
    pub peak: usize,
    /// Bytes that were allocated, one after the other: a measure of work, the same on every machine.
    pub taken: usize,
}

/// Does it, and counts. What other threads allocate is not seen.
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

fn count(freed: usize, taken: usize) {
    BYTES.fetch_add(taken, Ordering::Relaxed);
    BYTES.fetch_sub(freed, Ordering::Relaxed);
    let held = HELD.get() + taken as isize - freed as isize;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    TAKEN.set(TAKEN.get().wrapping_add(taken));
}

// SAFETY: all is the system allocator's; counting neither allocates nor touches what is allocated.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: the caller keeps to the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: the caller keeps to the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), 0);
        // SAFETY: the caller keeps to the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), size);
        // SAFETY: the caller keeps to the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
