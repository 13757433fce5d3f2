//! PURE. What of a call waits for the database, and when it is tried next.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Entry;

/// Entries that wait in memory. Later ones are on disk alone, and delivered after the call.
const KEPT: usize = 1_024;
/// Pause after a first failure; it doubles up to the longest, which is also how late the history of a
/// call under way may catch up with it: an agent that takes the call over until then knows nothing of what
/// was said meanwhile.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The entries of one call that the database does not have, in order.
#[derive(Debug, Default)]
pub struct Backlog {
    waiting: VecDeque<Waiting>,
    /// More are on disk alone.
    beyond: bool,
    /// The database did not answer at last.
    away: Option<Away>,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    on_disk: bool,
}

#[derive(Clone, Copy, Debug)]
struct Away {
    until: Instant,
    pause: Duration,
}

/// What to do for a backlog.
#[derive(Debug, PartialEq)]
pub enum Next<'a> {
    /// All is stored that can be.
    Nothing,
    /// Store this one, and say what became of it.
    Store(&'a Entry),
    /// The database was away: wait until then.
    Wait(Instant),
}

/// What is left of a call when its writer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// The file is needed.
    pub on_disk: bool,
    /// Entries that are neither stored nor on disk.
    pub lost: usize,
}

impl Backlog {
    /// Adds an entry. False when it is lost: it is not on disk, and too many wait already.
    pub fn push(&mut self, entry: Entry, on_disk: bool) -> bool {
        if self.waiting.len() < KEPT {
            self.waiting.push_back(Waiting { entry, on_disk });
            return true;
        }
        self.beyond |= on_disk;
        on_disk
    }

    /// What to do at `now`.
    pub fn next(&self, now: Instant) -> Next<'_> {
        match (self.waiting.front(), self.away) {
            (None, _) => Next::Nothing,
            (Some(_), Some(away)) if now < away.until => Next::Wait(away.until),
            (Some(first), _) => Next::Store(&first.entry),
        }
    }

    /// The first one is stored, or never will be. True when nothing in the file is needed any more.
    pub fn done(&mut self) -> bool {
        self.away = None;
        self.waiting.pop_front();
        self.waiting.is_empty() && !self.beyond
    }

    /// The database did not take the first one.
    pub fn failed(&mut self, now: Instant) {
        let pause = longer(self.away.map(|away| away.pause), FIRST_PAUSE, LONGEST_PAUSE);
        let until = now + pause;
        self.away = Some(Away { until, pause });
    }

    /// Whether the database may take what waits: it was not away at last.
    pub fn is_promising(&self) -> bool {
        !self.waiting.is_empty() && self.away.is_none()
    }

    /// The first one that waits.
    pub fn first(&self) -> Option<&Entry> {
        self.waiting.front().map(|waiting| &waiting.entry)
    }

    /// What is left.
    pub fn rest(&self) -> Rest {
        let on_disk = self.waiting.iter().filter(|one| one.on_disk).count();
        Rest {
            on_disk: self.beyond || on_disk > 0,
            lost: self.waiting.len() - on_disk,
        }
    }
}

/// The pause after `last`: `first`, doubled each time up to `longest`.
pub(super) fn longer(last: Option<Duration>, first: Duration, longest: Duration) -> Duration {
    last.map_or(first, |last| last * 2).min(longest)
}

#[cfg(test)]
mod tests;
