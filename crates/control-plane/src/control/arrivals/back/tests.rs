use chrono::{TimeZone as _, Utc};
use serde_json::json;
use sidetone_store::{CallStatus, CallType, Json};
use uuid::Uuid;

use super::*;

fn at(second: i64) -> At {
    Utc.timestamp_opt(1_700_000_000 + second, 0).unwrap()
}

fn call(ended: Option<i64>, hung_up: bool) -> Call {
    Call {
        id: Uuid::nil(),
        room_name: "support-ann-1".into(),
        caller_id: "ann".into(),
        callee_id: None,
        call_type: CallType::Support,
        status: CallStatus::Completed,
        started_at: Some(at(0)),
        connected_at: Some(at(1)),
        ended_at: ended.map(at),
        duration_seconds: None,
        recording_url: None,
        transcript: None,
        metadata: Json(json!({})),
        created_at: at(0),
        token_at: None,
        room_sid: Some("RM_1".into()),
        room_finished_at: None,
        over_at: None,
        hung_up,
        resumed_at: None,
        failed_at: None,
        failure_reason: None,
        deleted_at: None,
        outbound: None,
    }
}

#[test]
fn who_comes_back_soon_goes_on_and_who_hung_up_calls_anew() {
    let came =
        |ended, hung_up, is_new, second| comes_back(&call(ended, hung_up), is_new, at(second));
    assert_eq!(came(None, false, true, 5), Some(Back::Open));
    assert_eq!(came(None, false, false, 5), Some(Back::Open));
    assert_eq!(came(Some(10), false, true, 69), Some(Back::Resumes));
    assert_eq!(came(Some(10), false, true, 70), Some(Back::Anew));
    assert_eq!(came(Some(10), true, true, 11), Some(Back::Anew));
    // The agent hung up, and the caller's page is still in the room.
    assert_eq!(came(Some(10), true, false, 11), None);
    assert_eq!(came(Some(10), false, false, 11), None);
}

#[test]
fn who_is_just_told_that_the_call_failed_does_not_take_it_up() {
    let failed = Call {
        failed_at: Some(at(10)),
        ..call(Some(10), false)
    };
    assert_eq!(comes_back(&failed, true, at(14)), None);
    assert_eq!(comes_back(&failed, true, at(15)), Some(Back::Resumes));
}
