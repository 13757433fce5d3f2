//! Whether a worker's silence means anything, PURE.
//!
//! Workers beat in the database, and this process reads there who is silent. When the database was away,
//! everybody was: so silence counts only while this process's own beats were stored, each quickly, for as
//! long as a worker may be silent; after an outage, or a stop of this process, that time begins anew.

use std::time::{Duration, Instant};

/// A round that takes longer is none: a database that slow keeps workers waiting, too.
const SLOWEST: Duration = Duration::from_millis(500);

/// Judges rounds of beating and reading.
#[derive(Debug)]
pub struct Observer {
    silence: Duration,
    /// Rounds were sound since.
    sound: Option<Sound>,
}

#[derive(Debug)]
struct Sound {
    since: Instant,
    last: Instant,
}

impl Observer {
    /// For workers that are silent after `silence`.
    pub fn new(silence: Duration) -> Self {
        Self {
            silence,
            sound: None,
        }
    }

    /// A round that began and ended then, and whether the beat was stored. True when what was read in it
    /// may be acted upon.
    pub fn round(&mut self, began: Instant, ended: Instant, stored: bool) -> bool {
        let is_sound = stored && ended.saturating_duration_since(began) <= SLOWEST;
        if !is_sound {
            self.sound = None;
            return false;
        }
        // A process that stood still knows nothing of that time.
        let goes_on = |sound: &Sound| began.saturating_duration_since(sound.last) < self.silence;
        let since = match &self.sound {
            Some(sound) if goes_on(sound) => sound.since,
            _ => began,
        };
        self.sound = Some(Sound { since, last: ended });
        began.saturating_duration_since(since) >= self.silence
    }
}

#[cfg(test)]
mod tests;
