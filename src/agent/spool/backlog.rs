//! PURE. Which entries of a call wait for the database, and when to try next.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Entry;

/// Entries kept in memory. Later ones are only on disk, and delivered after the call.
const KEPT: usize = 1_024;
/// Pause after the first failure; it doubles up to the longest. That is also how far the stored history of a running
/// call may lag: an agent that takes over meanwhile does not know what was said in between.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The entries of one call that the database does not have, in order.
#[derive(Debug, Default)]
pub struct Backlog {
    waiting: VecDeque<Waiting>,
    /// More entries are only on disk.
    beyond: bool,
    /// Set if the last attempt found the database unavailable.
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

/// What to do about a backlog.
#[derive(Debug, PartialEq)]
pub enum Next<'a> {
    /// Everything that can be stored is stored.
    Nothing,
    /// Store this entry, and report the outcome.
    Store(&'a Entry),
    /// The database was unavailable: wait until then.
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
    /// Adds an entry. `false` if it is lost: it is not on disk, and too many are waiting already.
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

    /// The first entry is stored, or never will be. `true` if nothing in the file is needed any more.
    pub fn done(&mut self) -> bool {
        self.away = None;
        self.waiting.pop_front();
        self.waiting.is_empty() && !self.beyond
    }

    /// The database did not take the first entry.
    pub fn failed(&mut self, now: Instant) {
        let pause = longer(self.away.map(|away| away.pause), FIRST_PAUSE, LONGEST_PAUSE);
        let until = now + pause;
        self.away = Some(Away { until, pause });
    }

    /// Whether the database is likely to respond: the last attempt did not find it unavailable.
    pub fn is_promising(&self) -> bool {
        !self.waiting.is_empty() && self.away.is_none()
    }

    /// The first waiting entry.
    pub fn first(&self) -> Option<&Entry> {
        self.waiting.front().map(|waiting| &waiting.entry)
    }

    /// What is left when the writer ends.
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
