use livekit_protocol::ParticipantInfo;
use livekit_protocol::participant_info::Kind;

use super::*;
use sidetone_control_plane::control::participant::{kind_named, kind_of};

#[test]
fn sdk_server_api_and_webhooks_agree_on_every_kind() {
    let kinds: Vec<Kind> = (0..256).filter_map(|n| Kind::try_from(n).ok()).collect();
    assert!(kinds.contains(&Kind::Bridge), "{kinds:?}");
    let (mut people, mut agents) = (Vec::new(), Vec::new());
    for kind in kinds {
        let listed = ParticipantInfo {
            kind: kind.into(),
            ..ParticipantInfo::default()
        };
        let listed = kind_of(&listed);
        assert_eq!(kind_named(kind.as_str_name(), false), listed, "{kind:?}");
        let met = is_of_person(ParticipantKind::from(kind));
        assert_eq!(
            met,
            listed == sidetone_store::ParticipantKind::User,
            "{kind:?}"
        );
        match listed {
            sidetone_store::ParticipantKind::User => people.push(kind),
            sidetone_store::ParticipantKind::Agent => agents.push(kind),
            sidetone_store::ParticipantKind::Other => {}
        }
    }
    assert_eq!(people, [Kind::Standard, Kind::Sip, Kind::Connector]);
    assert_eq!(agents, [Kind::Agent]);
}

#[test]
fn a_webhook_leaves_out_the_first_kind() {
    assert_eq!(kind_named("", false), sidetone_store::ParticipantKind::User);
}

#[test]
fn hidden_participants_are_not_people() {
    for kind in [Kind::Standard, Kind::Sip, Kind::Connector] {
        let named = kind_named(kind.as_str_name(), true);
        assert_eq!(named, sidetone_store::ParticipantKind::Other, "{kind:?}");
    }
}
