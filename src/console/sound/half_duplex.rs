//! Keeps the agent from hearing itself through loudspeakers. PURE.
//!
//! A microphone beside a loudspeaker hears it much louder than the echo on a call, whose clients cancel it (WebRTC's
//! acoustic echo cancellation). Here nothing cancels it, so the microphone is off while the agent speaks.

use std::time::{Duration, Instant};

/// Rooms reverberate, and a sound card still plays what it has buffered: the microphone is on again 200 ms after the
/// agent's last sample.
const TAIL: Duration = Duration::from_millis(200);

/// Whether the microphone is on.
#[derive(Debug)]
pub struct HalfDuplex {
    headphones: bool,
    deaf_until: Option<Instant>,
}

impl HalfDuplex {
    /// With `headphones` it is always on.
    pub fn new(headphones: bool) -> Self {
        Self {
            headphones,
            deaf_until: None,
        }
    }

    /// At `now` the agent's audio was handed to the loudspeaker, which will have played everything queued after
    /// `unplayed`.
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
