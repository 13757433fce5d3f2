//! PURE. Which LiveKit room a call is in: a restarted server gives the room a new id, and the call goes on there. Late
//! news of a room that it has left does not end it.

use super::{At, Fact};

/// A LiveKit room that a call was in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// LiveKit's id, `RM_…`.
    pub sid: String,
    /// When LiveKit opened it, if known.
    pub opened_at: Option<At>,
}

super::from_row!(Room { sid, opened_at });

/// The room that a call is in, of those that it was in and the one that news is about: the youngest. A room not known
/// to be older counts as younger than those already known.
pub(super) fn current<'a>(known: &'a [Room], told: &'a Room) -> &'a Room {
    let mut newest = told;
    for room in known {
        let is_younger = match (room.opened_at, told.opened_at) {
            (Some(of_room), Some(of_told)) => of_room > of_told,
            _ => false,
        };
        if room.sid != told.sid && is_younger && room.opened_at > newest.opened_at {
            newest = room;
        }
    }
    newest
}

/// When the room that `facts` are about was opened.
pub(super) fn opened_at(facts: &[Fact]) -> Option<At> {
    facts.iter().find_map(|fact| match fact {
        Fact::RoomStarted(at) => Some(*at),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
