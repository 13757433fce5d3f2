use livekit_protocol::TrackInfo;

use super::*;

fn one(identity: &str, kind: Kind, tracks: &[&str]) -> ParticipantInfo {
    let track = |sid: &&str| TrackInfo {
        sid: (*sid).to_owned(),
        ..TrackInfo::default()
    };
    ParticipantInfo {
        identity: identity.to_owned(),
        kind: kind as i32,
        tracks: tracks.iter().map(track).collect(),
        ..ParticipantInfo::default()
    }
}

fn deaf(identity: &str, tracks: &[&str]) -> Deaf {
    Deaf {
        identity: identity.to_owned(),
        tracks: tracks.iter().map(|sid| (*sid).to_owned()).collect(),
    }
}

#[test]
fn a_person_who_is_briefed_and_the_others_do_not_hear_one_another() {
    let people = [
        one("ada", Kind::Standard, &["TR_ada"]),
        one("listener", Kind::Standard, &[]),
        one("agent", Kind::Agent, &["TR_agent"]),
        one("briefing", Kind::Ingress, &["TR_briefing"]),
        one("sales", Kind::Sip, &["TR_sales"]),
    ];
    let expected = [
        deaf("ada", &["TR_sales"]),
        deaf("listener", &["TR_sales"]),
        deaf("sales", &["TR_ada", "TR_agent"]),
    ];
    assert_eq!(apart(&people, "sales", "briefing"), expected);
}

#[test]
fn before_the_person_is_there_everybody_hears_everybody() {
    let people = [one("ada", Kind::Standard, &["TR_ada"])];
    assert_eq!(apart(&people, "sales", "briefing"), []);
    let silent = [people[0].clone(), one("sales", Kind::Sip, &[])];
    assert_eq!(
        apart(&silent, "sales", "briefing"),
        [deaf("sales", &["TR_ada"])]
    );
}
