use livekit_protocol::participant_info::Kind;

use super::*;

fn one(kind: Kind, is_called: bool) -> ParticipantInfo {
    let mut one = ParticipantInfo {
        kind: kind as i32,
        ..ParticipantInfo::default()
    };
    if is_called {
        one.attributes.insert(TRANSFER.into(), "sales".into());
    }
    one
}

#[test]
fn whoever_is_left_after_a_transfer_to_a_telephone_is_alone() {
    let caller = || one(Kind::Sip, false);
    let person = || one(Kind::Sip, true);
    assert!(is_alone(&[caller()], true), "the person has hung up");
    assert!(is_alone(&[person()], false), "the caller has hung up");
    let (agent, recorder) = (one(Kind::Agent, false), one(Kind::Egress, false));
    assert!(
        is_alone(&[caller(), recorder], true),
        "a recorder is no company"
    );
    assert!(
        !is_alone(&[caller(), agent], true),
        "the agent is still there"
    );
    assert!(!is_alone(&[caller(), person()], false), "both talk");
    assert!(!is_alone(&[], true), "nobody is left");
}

#[test]
fn whoever_waits_in_another_call_is_not_hung_up() {
    assert!(!is_alone(&[one(Kind::Standard, false)], false));
}
