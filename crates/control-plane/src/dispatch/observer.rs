//! Whether a worker's silence means anything, PURE.
//! Workers write heartbeats to the database, and this process reads there who is silent. While the database is
//! unavailable, everybody is. So silence counts only if this process's own heartbeats were stored, each quickly, for
//! as long as a worker may be silent; after an outage, or a pause of this process, that time starts again.

use std::time::{Duration, Instant};

/// A slower round does not count: a database that slow delays workers, too.
const SLOWEST: Duration = Duration::from_millis(500);

/// Judges rounds of writing and reading heartbeats.
#[derive(Debug)]
pub struct Observer {
    silence: Duration,
    /// Since when rounds were sound.
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

    /// A round with these times, and whether the heartbeat was stored. `true` if what was read in it may be acted
    /// upon.
    pub fn round(&mut self, began: Instant, ended: Instant, stored: bool) -> bool {
        let is_sound = stored && ended.saturating_duration_since(began) <= SLOWEST;
        if !is_sound {
            self.sound = None;
            return false;
        }
        // A process that was paused knows nothing of that time.
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
