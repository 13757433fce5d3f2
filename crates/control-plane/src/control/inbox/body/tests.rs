use super::*;

fn body(json: &str) -> EventBody {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_join_gives_room_and_stay() {
    let joined = body(
        r#"{"event":"participant_joined","id":"EV_1","createdAt":"1795360142",
        "room":{"sid":"RM_1","name":"r1","creationTime":"1795360142","creationTimeMs":"1795360142064","turnPassword":"x"},
        "participant":{"sid":"PA_1","identity":"alice","joinedAt":"1795360142","joinedAtMs":"1795360142066","version":2}}"#,
    );
    assert_eq!(joined.room_name(), Some("r1"));
    let facts = joined.facts(DateTime::from_timestamp_millis(1_795_360_142_100).unwrap());
    assert_eq!(
        facts[0],
        Fact::RoomStarted(DateTime::from_timestamp_millis(1_795_360_142_064).unwrap())
    );
    let Fact::Seen(stay) = &facts[1] else {
        panic!("{facts:?}")
    };
    assert_eq!(
        (stay.user_id.as_str(), stay.kind),
        ("alice", ParticipantKind::User)
    );
    assert_eq!(
        stay.joined_at.unwrap().timestamp_millis(),
        1_795_360_142_066
    );
}

#[test]
fn a_leave_is_never_before_its_join() {
    let left = body(
        r#"{"event":"participant_left","createdAt":1795360142,
        "room":{"name":"r1"},
        "participant":{"sid":"PA_1","kind":"AGENT","joinedAtMs":"1795360142900"}}"#,
    );
    for received in [1_795_360_142_950, 1_795_360_199_000] {
        let facts = left.facts(DateTime::from_timestamp_millis(received).unwrap());
        let Fact::Seen(stay) = &facts[0] else {
            panic!("{facts:?}")
        };
        assert_eq!(stay.kind, ParticipantKind::Agent);
        assert!(stay.left_at > stay.joined_at, "{stay:?}");
        assert!(stay.left_at.unwrap().timestamp_millis() <= 1_795_360_142_999);
    }
}

#[test]
fn a_recorder_is_not_a_participant() {
    let egress = r#"{"event":"participant_joined","room":{"name":"r"},"participant":{"sid":"PA_e","kind":"EGRESS","permission":{"hidden":true,"recorder":true}}}"#;
    let Fact::Seen(stay) = &body(egress).facts(sidetone_store::now())[0] else {
        panic!()
    };
    assert_eq!(stay.kind, ParticipantKind::Other);
}

#[test]
fn a_telephone_that_an_agent_has_called_is_known_when_it_leaves() {
    let of = |event: &str, participant: &str| {
        let event = format!(
            r#"{{"event":"{event}","room":{{"name":"r"}},"participant":{{"sid":"PA_1",{participant}}}}}"#
        );
        body(&event).person_left()
    };
    let called = r#""kind":"SIP","attributes":{"sidetone.transfer":"sales"}"#;
    assert_eq!(of("participant_left", called), Some(true));
    assert_eq!(of("participant_joined", called), None);
    assert_eq!(of("participant_left", r#""kind":"SIP""#), Some(false));
    assert_eq!(of("participant_left", r#""kind":"AGENT""#), None);
}
