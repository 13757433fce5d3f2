//! PURE. Detects breaks in a sentence: the room runs out of audio in the middle of it, and the caller hears a gap.

use std::time::{Duration, Instant};

/// The length of a frame.
const FRAME: Duration = Duration::from_millis(10);
/// Shorter gaps are inaudible.
const HEARD: Duration = Duration::from_millis(40);

/// How far ahead the room is supplied with audio.
#[derive(Debug, Default)]
pub struct Flow {
    /// When everything sent so far has been played. `None` if no more is expected.
    until: Option<Instant>,
}

impl Flow {
    /// A frame is sent to the room; `more` is expected right after it. Returns the gap before it, if it was audible.
    pub fn frame(&mut self, now: Instant, more: bool) -> Option<Duration> {
        let until = self.until.unwrap_or(now);
        self.until = more.then_some(until.max(now) + FRAME);
        Some(now.saturating_duration_since(until)).filter(|silence| *silence >= HEARD)
    }

    /// No more is expected for now: the sentence is over, or on hold.
    pub fn rests(&mut self) {
        self.until = None;
    }
}

#[cfg(test)]
mod tests;
