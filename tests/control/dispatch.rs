//! Agents reach rooms, are dispatched again, and are given up; reconciliation corrects what was missed.

use std::time::Duration;

use serde_json::json;
use sidetone_control_plane::control::reconcile;
use sidetone_store::DispatchMetadata;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::{CallStatus, CallType, NewCall};

use super::people::join;
use super::{Worker, start};
use crate::rooms::person::{self, Person};
use crate::support::api::user;
use crate::support::{self, credentials, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_brings_an_agent_and_the_webhooks_tell_of_it() {
    let (server, api) = start().await;
    let mut worker = Worker::start(&server).await;
    let request = json!({"roomType": "support", "participantName": "Ann", "voice": "nova",
        "userId": "ann", "variables": {"order": "42"}});
    let (status, token) = api.post("/api/voice/token", "key-admin", request).await;
    assert_eq!(
        (status, &token["agentSpawned"]),
        (200, &json!(true)),
        "{token}"
    );
    let room = token["roomName"].as_str().unwrap().to_owned();
    let call_id: uuid::Uuid = token["callId"].as_str().unwrap().parse().unwrap();
    let (_caller, _events) = join(&token["livekitHost"], token["token"].as_str().unwrap()).await;
    let job = worker.job().await;
    assert_eq!(job.room_name, room);
    let metadata: DispatchMetadata = serde_json::from_str(&job.metadata).unwrap();
    assert_eq!(metadata.call_id, Some(call_id));
    assert_eq!(metadata.voice.as_deref(), Some("nova"));
    assert_eq!(metadata.variables["order"], "42");

    // Requesting an agent for the room again changes nothing.
    let again = json!({"roomName": room, "voice": "echo", "systemPrompt": "Be brief."});
    let (status, answer) = api.post("/api/voice/agent", "key-agent", again).await;
    assert_eq!((status, &answer["alreadyThere"]), (200, &json!(true)));
    let (_, agents) = api.get("/api/voice/agent", "key-agent").await;
    assert_eq!(agents["agents"][0]["roomName"], room.as_str());
    assert_eq!(agents["agents"][0]["attempts"], 1);

    // The room's webhook came from the real server, was verified, stored and applied.
    let call = eventually("room_started", 20, || async {
        let call = api.store.call(call_id).await.unwrap().unwrap();
        call.started_at.is_some().then_some(call)
    })
    .await;
    assert!(call.room_sid.as_deref().unwrap().starts_with("RM_"));
    assert!(!api.holds("turnPassword"));

    // Ended on request: the worker is told to leave, and there is no further dispatch.
    let path = format!("/api/voice/agent/{room}");
    assert_eq!(
        api.call("DELETE", &path, Some("key-agent"), None).await.0,
        204
    );
    let left = worker.status.wait_for(|status| status.jobs.is_empty());
    tokio::time::timeout(Duration::from_secs(10), left)
        .await
        .unwrap()
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert!(worker.jobs.try_recv().is_err());
    assert_eq!(
        api.call("DELETE", &path, Some("key-agent"), None).await.0,
        404
    );
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_late_gets_the_job_that_was_dropped() {
    let (server, api) = start().await;
    let (_, token) = api
        .post("/api/voice/token", &user("ann", false), json!({}))
        .await;
    let room = token["roomName"].as_str().unwrap();
    let (_caller, _events) = join(&token["livekitHost"], token["token"].as_str().unwrap()).await;
    eventually("asked twice", 20, || async {
        let agent = api.store.agent_in(room).await.unwrap()?;
        (agent.attempts >= 2).then_some(())
    })
    .await;
    let mut worker = Worker::start(&server).await;
    assert_eq!(worker.job().await.room_name, room);
    // It accepted, so the dispatch waits for it: no second agent.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(worker.jobs.try_recv().is_err());
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_no_worker_takes_the_job_the_call_fails_with_the_reason() {
    let (server, api) = start().await;
    let ann = user("ann", false);
    let (status, token) = api.post("/api/voice/token", &ann, json!({})).await;
    assert_eq!(status, 200, "{token}");
    let room = token["roomName"].as_str().unwrap();
    let (_caller, _events) = join(&token["livekitHost"], token["token"].as_str().unwrap()).await;
    let call_id: uuid::Uuid = token["callId"].as_str().unwrap().parse().unwrap();
    let call = eventually("the call fails", 20, || async {
        let call = api.store.call(call_id).await.unwrap().unwrap();
        (call.status == CallStatus::Failed).then_some(call)
    })
    .await;
    let reason = call.failure_reason.unwrap();
    // The pool's worker says that it has a place, as one that is frozen does, so it is asked three times as often.
    assert!(
        reason.contains("after 9 dispatch attempts") && reason.contains("worker"),
        "{reason}"
    );
    let agent = api.store.agent_in(room).await.unwrap().unwrap();
    assert_eq!((agent.state, agent.attempts), (DispatchState::Failed, 9));
    let (_, detail) = api
        .get(&format!("/api/voice/history/{call_id}"), &ann)
        .await;
    assert_eq!(
        (&detail["status"], &detail["failureReason"]),
        (&json!("failed"), &json!(reason))
    );
    let (status, problem) = api
        .post("/api/voice/agent", &ann, json!({"roomName": room}))
        .await;
    assert_eq!((status, &problem["field"]), (409, &json!("roomName")));

    // Telephone callers are hung up on, because their line would otherwise stay open.
    for kind in ["sip", "connector"] {
        let bob = user(kind, false);
        let (_, token) = api.post("/api/voice/token", &bob, json!({})).await;
        let room = token["roomName"].as_str().unwrap();
        let line = person::token_of(&server, room, "line", kind);
        let caller = Person::join(&server.url, &line).await;
        caller.is_hung_up_on().await;
        caller.leave().await;
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciliation_finds_rooms_that_opened_and_rooms_that_closed() {
    let (server, api) = start().await;
    let control = api.control.clone().unwrap();
    let mut calls = Vec::new();
    for room in ["support-open-1", "support-gone-1", "support-new-1"] {
        let call = NewCall {
            id: uuid::Uuid::new_v4(),
            room_name: room.into(),
            caller_id: "ann".into(),
            callee_id: None,
            call_type: CallType::Support,
            metadata: json!({}),
            created_at: sidetone_store::now(),
        };
        calls.push(api.store.create_call(&call).await.unwrap().id);
    }
    // One room opened unnoticed; one was open at the last look.
    let rooms = support::rooms(&credentials(&server));
    rooms
        .create_room("support-open-1", Default::default())
        .await
        .unwrap();
    api.store
        .observe(calls[1], Some("RM_gone"), &[])
        .await
        .unwrap();
    reconcile::reconcile(&control).await.unwrap();
    let call = async |n: usize| api.store.call(calls[n]).await.unwrap().unwrap();
    assert!(call(0).await.started_at.is_some() && call(0).await.ended_at.is_none());
    assert_eq!(call(1).await.status, CallStatus::Missed);
    assert_eq!(
        call(2).await.status,
        CallStatus::Pending,
        "its token is still good"
    );
    rooms.delete_room("support-open-1").await.unwrap();
    reconcile::reconcile(&control).await.unwrap();
    assert_eq!(call(0).await.status, CallStatus::Missed);
    api.stop().await;
}
