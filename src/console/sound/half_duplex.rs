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
mod tests {
    use super::*;

    #[test]
    fn is_deaf_while_the_agent_speaks_and_a_moment_longer() {
        let start = crate::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut gate = HalfDuplex::new(false);
        assert!(gate.hears(at(0)));
        gate.said(at(10), Duration::from_millis(40));
        assert!(!gate.hears(at(10)) && !gate.hears(at(249)));
        assert!(gate.hears(at(250)));
        // A shorter rest does not end it sooner.
        gate.said(at(20), Duration::ZERO);
        assert!(!gate.hears(at(249)));
    }

    #[test]
    fn with_headphones_the_agent_can_be_interrupted() {
        let start = crate::clock::now();
        let mut gate = HalfDuplex::new(true);
        gate.said(start, Duration::from_secs(1));
        assert!(gate.hears(start));
    }
}
