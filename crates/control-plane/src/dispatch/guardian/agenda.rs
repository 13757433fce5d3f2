//! Which room is due when. With a search through all rooms after every event, a round over them would cost the square
//! of their number.

use std::collections::BTreeSet;
use std::time::Instant;

/// Rooms by the time at which they are due. A room whose plans change gets another entry; the one before is dropped
/// when its turn comes.
#[derive(Debug, Default)]
pub(super) struct Agenda(BTreeSet<(Instant, String)>);

impl Agenda {
    /// The room is due at this time.
    pub(super) fn enter(&mut self, at: Instant, room: &str) {
        self.0.insert((at, room.to_owned()));
    }

    /// The earliest time that still `stands`; what does not is dropped.
    pub(super) fn next(&mut self, stands: impl Fn(Instant, &str) -> bool) -> Option<Instant> {
        while let Some((at, room)) = self.0.first() {
            if stands(*at, room) {
                return Some(*at);
            }
            self.0.pop_first();
        }
        None
    }

    /// Takes out a room whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<String> {
        let is_due = self.0.first().is_some_and(|(at, _)| *at <= now);
        is_due.then(|| self.0.pop_first().map(|(_, room)| room))?
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
