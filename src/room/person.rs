//! Who of those in a joined room a call may be with.

use livekit::participant::{ParticipantKind, RemoteParticipant};
use sidetone_config::choices::Caller;
use sidetone_control_plane::server_api::TRANSFER;
use sidetone_intake::doors;

/// How a telephone's call stands (LiveKit's SIP attributes).
const CALL_STATUS: &str = "sip.callStatus";

/// Whether this is a person, by browser, app or telephone. Hidden participants are not shown to the
/// others in a room, so they need no exception here.
pub fn is_person(participant: &RemoteParticipant) -> bool {
    is_of_person(participant.kind())
}

/// Whether a call may be with this person: not with one whom an agent has called to put its caller through.
pub fn may_call(participant: &RemoteParticipant) -> bool {
    is_person(participant) && !participant.attributes().contains_key(TRANSFER)
}

/// Whether somebody is on a telephone.
pub fn is_telephone(participant: &RemoteParticipant) -> bool {
    participant.kind() == ParticipantKind::Sip
}

/// Whether somebody is on a line that stays open when the agent leaves: a telephone's, or that of a messenger's call.
pub fn has_line(participant: &RemoteParticipant) -> bool {
    matches!(
        participant.kind(),
        ParticipantKind::Sip | ParticipantKind::Connector
    )
}

/// Whether a telephone that is called was not answered: it rings, keys are still pressed for it (`automation`), or
/// it never will be (`hangup`). Said of calls to telephones alone: those that come in are said to ring, too, until
/// they hear something.
pub fn rings(participant: &RemoteParticipant) -> bool {
    let status = participant.attributes().remove(CALL_STATUS);
    is_telephone(participant) && status.as_deref() != Some("active")
}

/// What a call knows of somebody.
pub fn caller_of(participant: &RemoteParticipant) -> Caller {
    let permission = participant.permission();
    Caller {
        identity: participant.identity().to_string(),
        name: participant.name(),
        attributes: doors::attributes(participant.attributes())
            .into_iter()
            .collect(),
        by_telephone: is_telephone(participant),
        // What is not known to be signed is the person's own.
        writes_attributes: permission.is_none_or(|permission| permission.can_update_metadata),
    }
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
