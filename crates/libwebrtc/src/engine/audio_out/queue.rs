//! The queue of a source, as a pure function of calls and ticks.

use std::collections::VecDeque;

/// Interleaved samples waiting to be sent, 10 ms of which leave on each tick.
///
/// A capture is complete once the queue is at or below its size, so at most twice that is ever held: what fits, and one
/// waiting capture.
pub(super) struct CaptureQueue {
    samples: VecDeque<i16>,
    frame: usize,
    size: usize,
}

impl CaptureQueue {
    /// A queue of `size` samples from which `frame` samples leave on a tick.
    pub(super) fn new(frame: usize, size: usize) -> Self {
        Self {
            samples: VecDeque::with_capacity(size.max(frame) * 2),
            frame,
            size,
        }
    }

    /// How many samples may be pushed now.
    pub(super) fn room(&self) -> usize {
        (2 * self.size.max(self.frame)).saturating_sub(self.samples.len())
    }

    pub(super) fn push(&mut self, samples: &[i16]) {
        self.samples.extend(samples);
    }

    /// Whether a capture may return.
    pub(super) fn is_settled(&self) -> bool {
        self.samples.len() <= self.size
    }

    pub(super) fn clear(&mut self) {
        self.samples.clear();
    }

    /// Moves 10 ms into `out`, replacing its contents; silence if less than that is queued. Returns whether it was
    /// audio.
    pub(super) fn tick(&mut self, out: &mut Vec<i16>) -> bool {
        out.clear();
        let sound = self.samples.len() >= self.frame;
        if sound {
            out.extend(self.samples.drain(..self.frame));
        } else {
            out.resize(self.frame, 0);
        }
        sound
    }
}

#[cfg(test)]
mod tests;
