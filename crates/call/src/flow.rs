//! PURE. Whether the sound of a sentence flows: when the room has nothing left to play in its middle, the
//! caller hears a break.

use std::time::{Duration, Instant};

/// A frame.
const FRAME: Duration = Duration::from_millis(10);
/// Shorter silences are not heard as breaks.
const HEARD: Duration = Duration::from_millis(40);

/// How far the room is supplied with sound.
#[derive(Debug, Default)]
pub struct Flow {
    /// When all that was sent is played; none: nothing is expected.
    until: Option<Instant>,
}

impl Flow {
    /// A frame leaves for the room; `more` is expected right behind it. Gives the silence before it, where
    /// that was a break.
    pub fn frame(&mut self, now: Instant, more: bool) -> Option<Duration> {
        let until = self.until.unwrap_or(now);
        self.until = more.then_some(until.max(now) + FRAME);
        Some(now.saturating_duration_since(until)).filter(|silence| *silence >= HEARD)
    }

    /// Nothing is expected for now: the sentence is over, or held.
    pub fn rests(&mut self) {
        self.until = None;
    }
}

#[cfg(test)]
mod tests;
