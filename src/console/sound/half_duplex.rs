//! Keeps the agent from hearing itself through loudspeakers. PURE.
//!
//! What a loudspeaker says, a microphone beside it hears, much louder than the echo on a call, whose
//! clients cancel it (WebRTC's acoustic echo cancellation). Here nobody does: while the agent speaks
//! the microphone is deaf.

use std::time::{Duration, Instant};

/// A room goes on sounding, and a sound card plays what it holds: 200 ms after the agent's last
/// sample the microphone hears again.
const TAIL: Duration = Duration::from_millis(200);

/// Whether the microphone hears.
#[derive(Debug)]
pub struct HalfDuplex {
    headphones: bool,
    deaf_until: Option<Instant>,
}

impl HalfDuplex {
    /// With `headphones` it always does.
    pub fn new(headphones: bool) -> Self {
        Self {
            headphones,
            deaf_until: None,
        }
    }

    /// At `now` the agent's sound was handed to the loudspeaker, which will have played all that it
    /// holds after `unplayed`.
    pub fn said(&mut self, now: Instant, unplayed: Duration) {
        let until = now + unplayed + TAIL;
        self.deaf_until = Some(self.deaf_until.map_or(until, |before| before.max(until)));
    }

    /// Whether what the microphone hears at `now` counts.
    pub fn hears(&self, now: Instant) -> bool {
        self.headphones || self.deaf_until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests;
