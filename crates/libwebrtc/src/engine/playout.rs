//! When 10 ms frames are due.

use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_millis(10);

/// Counts 10 ms frames against the time. It never drifts: the n-th frame is
/// due n times 10 ms after the start, however late the ones before it were.
pub(crate) struct PlayoutClock {
    start: Instant,
    taken: u64,
}

impl PlayoutClock {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, taken: 0 }
    }

    /// When the next frame is due.
    pub(crate) fn next_due(&self) -> Instant {
        let micros = FRAME.as_micros() as u64 * (self.taken + 1);
        self.start + Duration::from_micros(micros)
    }

    /// Takes one frame if one is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.behind(now) > 0;
        self.taken += u64::from(due);
        due
    }

    /// Gives up all but the newest `most` due frames; answers how many.
    pub(crate) fn drop_beyond(&mut self, now: Instant, most: u64) -> u64 {
        let dropped = self.behind(now).saturating_sub(most);
        self.taken += dropped;
        dropped
    }

    fn behind(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_micros();
        (elapsed / FRAME.as_micros()) as u64 - self.taken.min((elapsed / FRAME.as_micros()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_at_their_time_and_never_drift() {
        let start = crate::engine::clock::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut clock = PlayoutClock::new(start);
        assert!(!clock.take_due(at(9)));
        assert!(clock.take_due(at(10)));
        assert!(!clock.take_due(at(19)));
        assert!(clock.take_due(at(37)));
        assert!(clock.take_due(at(37)));
        assert!(!clock.take_due(at(37)));
        assert_eq!(clock.next_due(), at(40));
    }

    #[test]
    fn a_late_reader_keeps_the_newest() {
        let start = crate::engine::clock::now();
        let mut clock = PlayoutClock::new(start);
        let now = start + Duration::from_secs(1);
        assert_eq!(clock.drop_beyond(now, 10), 90);
        let mut frames = 0;
        while clock.take_due(now) {
            frames += 1;
        }
        assert_eq!(frames, 10);
        assert_eq!(clock.drop_beyond(now, 10), 0);
    }
}
