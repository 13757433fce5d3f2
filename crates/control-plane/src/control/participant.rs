//! What a participant is to a call: a person, an agent, or neither. LiveKit says its kind in three ways.
//! Two are read here, its server API's and its webhooks'; the third, its SDK's in a joined room, is
//! read by `room::person` of the process, and a test there shows that the three agree.

use livekit_protocol::ParticipantInfo;
use livekit_protocol::participant_info::Kind;

use sidetone_store::ParticipantKind;

/// What a participant is that the server API lists.
pub fn kind_of(participant: &ParticipantInfo) -> ParticipantKind {
    let permission = participant.permission.as_ref();
    let is_hidden = permission.is_some_and(|permission| permission.hidden);
    kind(participant.kind(), is_hidden)
}

/// What a participant is by the kind's name in a webhook. An unknown name is
/// [`Other`](ParticipantKind::Other). `is_hidden`: the others in the room do not see it, or it is a
/// recorder.
pub fn kind_named(name: &str, is_hidden: bool) -> ParticipantKind {
    // Protobuf's JSON leaves out the first value.
    let name = if name.is_empty() { "STANDARD" } else { name };
    Kind::from_str_name(name).map_or(ParticipantKind::Other, |named| kind(named, is_hidden))
}

/// The attribute with a telephone's number (LiveKit's SIP attributes); not there where the trunk hides
/// numbers.
pub const PHONE_NUMBER: &str = "sip.phoneNumber";

/// What a call's row calls a person: a telephone by its number, where it shows one.
pub fn caller_of(participant: &ParticipantInfo) -> String {
    let number = participant.attributes.get(PHONE_NUMBER);
    let number = number.filter(|number| is_telephone(participant) && !number.is_empty());
    number.unwrap_or(&participant.identity).clone()
}

/// Whether a listed participant is on a telephone.
pub fn is_telephone(participant: &ParticipantInfo) -> bool {
    participant.kind() == Kind::Sip
}

fn kind(kind: Kind, is_hidden: bool) -> ParticipantKind {
    match kind {
        Kind::Agent => ParticipantKind::Agent,
        Kind::Standard | Kind::Sip | Kind::Connector if !is_hidden => ParticipantKind::User,
        Kind::Standard
        | Kind::Sip
        | Kind::Connector
        | Kind::Ingress
        | Kind::Egress
        | Kind::Bridge => ParticipantKind::Other,
    }
}
