//! PURE. When an agent whose worker is drained leaves the call to its successor, who waits in the room and hears the
//! caller.
//!
//! Nobody tells the successor at which moment its predecessor stopped to listen. It takes up what the caller has done in
//! the last [`SETTLED`] before the predecessor was gone, and nothing earlier; the predecessor leaves only when the caller
//! has done nothing for as long. So whatever happens while it leaves, nothing is lost, and nothing is heard twice.

use std::time::{Duration, Instant};

use sidetone_base::leave::LeaveBy;

/// See the module's documentation.
pub const SETTLED: Duration = Duration::from_millis(1_500);

/// A handover, before it is asked for and while a pause is waited for.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    /// By when the call is left, once the successor is there.
    by: Option<LeaveBy>,
    /// When the caller last spoke, wrote or pressed a key.
    caller_did: Option<Instant>,
}

/// What to do about a handover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Leave: nobody will notice.
    Leave,
    /// There was no pause: finish what is being said, begin nothing new, and leave by then.
    Finish(LeaveBy),
}

impl Handover {
    /// The caller spoke, wrote or pressed a key.
    pub(crate) fn caller_did(&mut self, now: Instant) {
        self.caller_did = Some(now);
    }

    /// The successor hears the caller; the first order counts.
    pub(crate) fn successor_came(&mut self, by: LeaveBy) {
        self.by.get_or_insert(by);
    }

    /// When something will be due, if until then the caller does nothing. `is_free`: nobody speaks, nothing is owed, and
    /// nothing is being done.
    pub(crate) fn next(&self, is_free: bool) -> Option<Instant> {
        let late = late(self.by?);
        let settled = self.caller_did.map(|at| at + SETTLED);
        match (is_free, settled) {
            (false, _) => Some(late),
            (true, Some(settled)) => Some(settled.min(late)),
            // Since ever.
            (true, None) => self.by.map(LeaveBy::begins),
        }
    }

    /// What is due now. Asked for again after [`Due::Finish`], it is the same.
    pub(crate) fn due(&self, now: Instant, is_free: bool) -> Option<Due> {
        let by = self.by?;
        let settled = self.caller_did.is_none_or(|at| at + SETTLED <= now);
        if is_free && settled {
            return Some(Due::Leave);
        }
        (late(by) <= now).then_some(Due::Finish(by))
    }
}

/// From then on a pause is no longer waited for: the rest is for a sentence, and for leaving.
fn late(by: LeaveBy) -> Instant {
    let end = by.end();
    end.checked_sub(LeaveBy::ASKED).unwrap_or(end)
}

#[cfg(test)]
mod tests;
