//! Who of those in a joined room a call may be with.

use livekit::participant::{ParticipantKind, RemoteParticipant};

/// Whether this is a person, by browser, app or telephone. Hidden participants are not shown to the
/// others in a room, so they need no exception here.
pub fn is_person(participant: &RemoteParticipant) -> bool {
    is_of_person(participant.kind())
}

/// Whether somebody is on a telephone.
pub fn is_telephone(participant: &RemoteParticipant) -> bool {
    participant.kind() == ParticipantKind::Sip
}

fn is_of_person(kind: ParticipantKind) -> bool {
    match kind {
        // A connector brings a person in from elsewhere, such as a messenger's call.
        ParticipantKind::Standard | ParticipantKind::Sip | ParticipantKind::Connector => true,
        ParticipantKind::Agent
        | ParticipantKind::Ingress
        | ParticipantKind::Egress
        | ParticipantKind::Bridge => false,
    }
}

#[cfg(test)]
mod tests;
