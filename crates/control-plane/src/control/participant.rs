//! What a participant is to a call: a person, an agent, or neither. LiveKit expresses the kind in three ways. Two are
//! read here, those of its server API and its webhooks; the third, of its SDK in a joined room, is read by
//! `room::person` of the process, and a test there checks that all three agree.

use livekit_protocol::ParticipantInfo;
use livekit_protocol::participant_info::Kind;

use sidetone_store::ParticipantKind;

/// The kind of a participant that the server API lists.
pub fn kind_of(participant: &ParticipantInfo) -> ParticipantKind {
    let permission = participant.permission.as_ref();
    let is_hidden = permission.is_some_and(|permission| permission.hidden);
    kind(participant.kind(), is_hidden)
}

/// The kind by its name in a webhook. An unknown name is [`Other`](ParticipantKind::Other). `is_hidden`: others in
/// the room do not see the participant, or it is a recorder.
pub fn kind_named(name: &str, is_hidden: bool) -> ParticipantKind {
    // Protobuf's JSON omits the first enum value.
    let name = if name.is_empty() { "STANDARD" } else { name };
    Kind::from_str_name(name).map_or(ParticipantKind::Other, |named| kind(named, is_hidden))
}

/// The attribute with a telephone's number (LiveKit's SIP attributes); missing if the trunk hides numbers.
pub const PHONE_NUMBER: &str = "sip.phoneNumber";

/// The name of a person in a call's row: a telephone's number, if it shows one.
pub fn caller_of(participant: &ParticipantInfo) -> String {
    let shown = participant.attributes.get(PHONE_NUMBER);
    let number = shown.filter(|shown| is_telephone(participant) && is_number(shown));
    number.unwrap_or(&participant.identity).clone()
}

/// Whether what a telephone shows is a number by E.164. Anybody may write a user's id where SIP has the number, and
/// users' ids may be digits, too: without the `+` a telephone keeps the name that LiveKit gives it (`sip_…`).
pub fn is_number(shown: &str) -> bool {
    shown.strip_prefix('+').is_some_and(|digits| {
        (3..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// Whether a listed participant is on a telephone.
pub fn is_telephone(participant: &ParticipantInfo) -> bool {
    participant.kind() == Kind::Sip
}

/// Whether a listed participant is on a line that stays open when nobody answers: a telephone's, or that of a
/// messenger's call.
pub fn has_line(participant: &ParticipantInfo) -> bool {
    matches!(participant.kind(), Kind::Sip | Kind::Connector)
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

#[cfg(test)]
mod tests;
