//! When paths that cost more than UDP are tried. PURE: time is an argument.
//!
//! TCP connections and TURN allocations cost both sides something for as long as they last, and almost everywhere UDP
//! answers within one round trip. So UDP gets a head start.

use std::time::{Duration, Instant};

/// How long only UDP is tried.
pub(crate) const HEAD_START: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(crate) struct Fallback {
    due: Option<Instant>,
    open: bool,
}

impl Fallback {
    /// The other side's addresses are known, and none has answered.
    pub(crate) fn searching(&mut self, now: Instant) {
        if !self.open {
            self.due.get_or_insert(now + HEAD_START);
        }
    }

    /// A path has been found.
    pub(crate) fn found(&mut self) {
        self.due = None;
    }

    /// There is nothing to wait for.
    pub(crate) fn skip(&mut self) {
        self.due = None;
        self.open = true;
    }

    /// Whether all paths are being tried.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// When [`Fallback::advance`] is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Advances the time. Returns whether the other paths are to be tried from now on.
    pub(crate) fn advance(&mut self, now: Instant) -> bool {
        let opens = self.due.is_some_and(|at| at <= now);
        if opens {
            self.skip();
        }
        opens
    }
}

#[cfg(test)]
mod tests;
