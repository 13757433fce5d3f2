use serde_json::json;
use sidetone_store::Json;
use uuid::Uuid;

use super::*;

fn connected() -> Call {
    let at = sidetone_store::now();
    Call {
        id: Uuid::nil(),
        room_name: "support-ann-1".into(),
        caller_id: "ann".into(),
        callee_id: None,
        call_type: CallType::Support,
        status: CallStatus::Connected,
        started_at: Some(at),
        connected_at: Some(at),
        ended_at: None,
        duration_seconds: None,
        recording_url: None,
        transcript: None,
        metadata: Json(json!({})),
        created_at: at,
        token_at: None,
        room_sid: Some("RM_1".into()),
        room_finished_at: None,
        over_at: None,
        hung_up: false,
        resumed_at: None,
        failed_at: None,
        failure_reason: None,
        deleted_at: None,
        outbound: None,
    }
}

#[test]
fn a_room_is_looked_into_as_soon_as_the_list_shows_something_unknown() {
    let room = |sid: &str, people| proto::Room {
        sid: sid.into(),
        num_participants: people,
        num_publishers: 2,
        ..proto::Room::default()
    };
    let call = connected();
    assert!(is_as_known(&call, 1, &room("RM_1", 1)));
    assert!(!is_as_known(&call, 1, &room("RM_1", 0)), "the caller left");
    assert!(!is_as_known(&call, 1, &room("RM_1", 2)), "somebody came");
    assert!(!is_as_known(&call, 1, &room("RM_2", 1)), "another room");
    for status in [CallStatus::Pending, CallStatus::Ringing] {
        let call = Call {
            status,
            ..connected()
        };
        assert!(!is_as_known(&call, 1, &room("RM_1", 1)), "not met yet");
    }
    for call_type in [CallType::UserToUser, CallType::Conference] {
        let call = Call {
            call_type,
            ..connected()
        };
        assert!(!is_as_known(&call, 1, &room("RM_1", 1)), "who is muted?");
    }
}
