//! Whether the delay has grown beyond what the network requires. PURE; times are ticks of 48 kHz.

use std::time::Duration;

use crate::engine::audio_in::packet::TICKS_PER_MS;

/// Audio beyond the target delay that is tolerated in speech.
const SLACK: Duration = Duration::from_millis(20);
/// The same in silence, which can be cut to the sample.
const QUIET_SLACK: Duration = Duration::from_millis(4);
/// The smallest level over this many pulls of 10 ms decides.
const WINDOW: u32 = 30;

/// The audio available in a talk spurt.
#[derive(Debug)]
pub(super) struct Level {
    least: u64,
    pulls: u32,
    surplus: u64,
    spare: u64,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            least: u64::MAX,
            pulls: 0,
            surplus: 0,
            spare: 0,
        }
    }
}

impl Level {
    /// Records how much is available at this pull.
    pub(super) fn watch(&mut self, level: u64, target: Duration) {
        self.least = self.least.min(level);
        self.pulls += 1;
        if self.pulls == WINDOW {
            let beyond = |slack: Duration| {
                let allowed = (target + slack).as_millis() as u64 * TICKS_PER_MS;
                self.least.saturating_sub(allowed)
            };
            *self = Self {
                surplus: beyond(SLACK),
                spare: beyond(QUIET_SLACK),
                ..Self::default()
            };
        }
    }

    /// The excess even in speech.
    pub(super) fn surplus(&self) -> u64 {
        self.surplus
    }

    /// The excess in silence.
    pub(super) fn spare(&self) -> u64 {
        self.spare
    }

    /// Records how much was skipped.
    pub(super) fn shortened(&mut self, ticks: u64) {
        self.surplus = self.surplus.saturating_sub(ticks);
        self.spare = self.spare.saturating_sub(ticks);
    }
}

#[cfg(test)]
mod tests;
