//! Who must not hear whom while a person is briefed. PURE.
//!
//! LiveKit moves nobody from one room to another but in its cloud (`MoveParticipant`: "not implemented" in
//! livekit-server), so the person is in the caller's room from the start, and kept apart from the others there by their
//! subscriptions.

use livekit_protocol::ParticipantInfo;
use livekit_protocol::participant_info::Kind;

/// Somebody, and the tracks that they are not to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deaf {
    pub(super) identity: String,
    pub(super) tracks: Vec<String>,
}

/// The `person` hears nobody but the `briefer`, and nobody else hears the person. An agent hears only whom it
/// chooses to; the briefer's own tracks are the person's alone by its own word.
pub(super) fn apart(people: &[ParticipantInfo], person: &str, briefer: &str) -> Vec<Deaf> {
    let others = || {
        let is_other = |one: &&ParticipantInfo| one.identity != person && one.identity != briefer;
        people.iter().filter(is_other)
    };
    let Some(called) = people.iter().find(|one| one.identity == person) else {
        return Vec::new();
    };
    let of_called = tracks_of(called);
    let listeners = others().filter(|one| one.kind() != Kind::Agent);
    let deaf = listeners.map(|one| Deaf {
        identity: one.identity.clone(),
        tracks: of_called.clone(),
    });
    let called = Deaf {
        identity: person.to_owned(),
        tracks: others().flat_map(tracks_of).collect(),
    };
    let is_some = |deaf: &Deaf| !deaf.tracks.is_empty();
    deaf.chain([called]).filter(is_some).collect()
}

fn tracks_of(one: &ParticipantInfo) -> Vec<String> {
    one.tracks.iter().map(|track| track.sid.clone()).collect()
}

#[cfg(test)]
mod tests;
