use chrono::{TimeZone as _, Utc};
use serde_json::json;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::{CallStatus, CallType, DispatchMetadata, Json};
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
fn a_caller_who_returns_soon_continues_and_one_who_hung_up_begins_a_new_call() {
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
fn a_caller_who_is_just_told_of_the_failure_does_not_resume_the_call() {
    let failed = Call {
        failed_at: Some(at(10)),
        ..call(Some(10), false)
    };
    assert_eq!(comes_back(&failed, true, at(14)), None);
    assert_eq!(comes_back(&failed, true, at(15)), Some(Back::Resumes));
}

/// Several control planes see who comes back, and each would send away the agent that the other has asked for.
#[test]
fn an_agent_that_another_control_plane_has_asked_for_is_not_asked_for_again() {
    let agent = |call: Uuid, state: DispatchState, since: i64| Dispatch {
        room_name: "support-ann-1".into(),
        call_id: Some(call),
        state,
        attempts: 0,
        dispatch_id: None,
        worker_id: None,
        agent_identity: None,
        reason: None,
        metadata: Json(DispatchMetadata::default()),
        asked_at: at(since),
        since: at(since),
        epoch: 2,
        yields: None,
    };
    let (joined, asked) = (DispatchState::Joined, DispatchState::Asked);
    let over = call(Some(10), false);
    let same =
        |state, since| is_asked_since(&over, &call(None, false), &agent(over.id, state, since));
    assert!(!same(joined, 1), "the one that ended it is on its way out");
    assert!(!same(DispatchState::Ended, 10));
    assert!(same(asked, 12));
    assert!(same(joined, 13));
    let next = Call {
        id: Uuid::max(),
        ..call(None, false)
    };
    let anew = |of, state| is_asked_since(&over, &next, &agent(of, state, 12));
    assert!(!anew(over.id, joined));
    assert!(anew(next.id, asked));
    // An open call whose agent has left.
    let open = call(None, false);
    assert!(!is_asked_since(
        &open,
        &open,
        &agent(open.id, DispatchState::Ended, 12)
    ));
}
