//! An agent is dispatched when somebody joins, returning callers find one, and the record is true: in real rooms, with
//! LiveKit's webhooks and without.

use std::time::Duration;

use livekit::prelude::{Room, RoomEvent};
use serde_json::{Value, json};
use sidetone_control_plane::control::reconcile;
use sidetone_store::{CallType, DispatchMetadata, Fact, NewCall};
use sidetone_testkit::LiveKitServer;
use sidetone_testkit::livekit_server::Options;
use uuid::Uuid;

use super::people::{House, agents, join, write};
use super::{Worker, impatient, start};
use crate::support::api::{Api, Setup, user};
use crate::support::{KEY, SECRET, credentials, eventually, livekit, rooms};

/// A room stays open for this long after the last participant left: reports about a call do not wait for it.
const EMPTY: Duration = Duration::from_secs(20);

async fn server(webhook: Option<String>) -> LiveKitServer {
    let options = Options {
        webhook_urls: webhook.into_iter().collect(),
        departure_timeout: Some(EMPTY),
        key: Some((KEY.into(), SECRET.into())),
        ..Options::default()
    };
    LiveKitServer::start_with(options).await.unwrap()
}

/// The whole product on a server that keeps empty rooms, with webhooks or without.
async fn house(is_told: bool, lines: &str) -> House {
    let (listener, webhook) = Api::listener().await;
    let server = server(is_told.then_some(webhook)).await;
    House::open_on(listener, server, &format!("greeting = \"Hello!\"\n{lines}")).await
}

async fn enter(token: &Value) -> (Room, tokio::sync::mpsc::UnboundedReceiver<RoomEvent>) {
    join(&token["livekitHost"], token["token"].as_str().unwrap()).await
}

async fn token(house: &House) -> Value {
    let (status, token) = house.token("ann", json!({})).await;
    assert_eq!(
        (status, &token["agentSpawned"]),
        (200, &json!(true)),
        "{token}"
    );
    token
}

async fn greeted(house: &House, id: &Value) {
    eventually("the greeting", 40, || async {
        let said = house.said("ann", id).await;
        said.contains("Hello!").then_some(())
    })
    .await;
}

/// The call, once `check` accepts it.
async fn call_is(house: &House, id: &Value, what: &str, check: impl Fn(&Value) -> bool) -> Value {
    eventually(what, 40, || async {
        Some(house.call("ann", id).await).filter(|call| check(call))
    })
    .await
}

/// The agent answers what is typed; it is typed again if the agent was not ready to read it.
async fn answers(house: &House, id: &Value, room: &Room, text: &str) {
    for _ in 0..12 {
        write(room, text).await;
        for _ in 0..25 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let call = house.call("ann", id).await;
            let turns = call["turns"].as_array().unwrap().iter();
            let mut turns = turns.skip_while(|turn| turn["text"] != text);
            if turns.any(|turn| turn["speaker"] == "agent") {
                return;
            }
        }
    }
    panic!("nobody answers: {:#}", house.call("ann", id).await);
}

/// Ann's calls, newest first.
async fn calls(house: &House) -> Vec<Value> {
    let page = house.get("ann", "/history").await;
    page["calls"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_brings_an_agent_when_it_is_used() {
    let (server, api) = start().await;
    let mut worker = Worker::start(&server).await;
    let ann = user("ann", false);
    let body = json!({"voice": "nova"});
    let (_, token) = api.post("/api/voice/token", &ann, body.clone()).await;
    let (_, unused) = api.post("/api/voice/token", &ann, body).await;
    // A page that requests a token on its own, and a click that comes later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(worker.jobs.try_recv().is_err(), "nobody is there");
    let room = token["roomName"].as_str().unwrap();
    assert!(api.store.agent_in(room).await.unwrap().is_none());
    let (_caller, _events) = enter(&token).await;
    let job = worker.job().await;
    let metadata: DispatchMetadata = serde_json::from_str(&job.metadata).unwrap();
    assert_eq!(job.room_name, room);
    assert_eq!(
        metadata.call_id.map(|id| id.to_string()).as_deref(),
        token["callId"].as_str()
    );
    assert_eq!(metadata.voice.as_deref(), Some("nova"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(worker.jobs.try_recv().is_err(), "one is enough");
    assert!(api.store.awaited_in(room).await.unwrap().is_none());

    // The other token does not become a call: it is not counted as missed but deleted. If another token was issued for
    // its room, it stays, because its caller may be about to join.
    let old = |room: &str| NewCall {
        id: Uuid::new_v4(),
        room_name: room.into(),
        caller_id: "ann".into(),
        callee_id: None,
        call_type: CallType::Support,
        metadata: json!({}),
        created_at: sidetone_store::now() - chrono::TimeDelta::minutes(16),
    };
    let again = api.store.create_call(&old("desk-7")).await.unwrap();
    let body = json!({"roomName": "desk-7", "userId": "ann"});
    let (status, given) = api.post("/api/voice/token", "key-admin", body).await;
    assert_eq!(
        (status, &given["callId"]),
        (200, &json!(again.id)),
        "{given}"
    );
    let old = api.store.create_call(&old("support-old-1")).await.unwrap();
    let awaited = DispatchMetadata::default();
    let noted = api
        .store
        .await_agent(&old.room_name, old.id, &awaited, old.created_at);
    assert!(noted.await.unwrap());
    let control = api.control.clone().unwrap();
    reconcile::reconcile(&control).await.unwrap();
    assert!(api.store.call(old.id).await.unwrap().is_none());
    assert!(api.store.call(again.id).await.unwrap().is_some());
    let (_caller, _events) = enter(&given).await;
    assert_eq!(worker.job().await.room_name, "desk-7");
    assert!(
        api.store
            .awaited_in(&old.room_name)
            .await
            .unwrap()
            .is_none()
    );
    // If the call ends before the token is used, no agent comes either.
    let unused = unused["roomName"].as_str().unwrap();
    let path = format!("/api/voice/agent/{unused}");
    assert_eq!(
        api.call("DELETE", &path, Some("key-agent"), None).await.0,
        204
    );
    assert!(api.store.awaited_in(unused).await.unwrap().is_none());
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_join_is_seen_without_any_webhook() {
    let server = livekit(None).await;
    let setup = Setup {
        livekit: Ok(credentials(&server)),
        control: impatient(),
        ..Default::default()
    };
    let api = Api::start(setup).await;
    let mut worker = Worker::start(&server).await;
    let ann = user("ann", false);
    let (_, token) = api.post("/api/voice/token", &ann, json!({})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(worker.jobs.try_recv().is_err());
    // Also if many other tokens were issued in the meantime.
    let later = sidetone_store::now();
    for n in 0..1_001 {
        let call = NewCall {
            id: Uuid::new_v4(),
            room_name: format!("support-other-{n}"),
            caller_id: format!("user-{n}"),
            callee_id: None,
            call_type: CallType::Support,
            metadata: json!({}),
            created_at: later,
        };
        let id = api.store.create_call(&call).await.unwrap().id;
        let metadata = DispatchMetadata::default();
        let noted = api.store.await_agent(&call.room_name, id, &metadata, later);
        assert!(noted.await.unwrap());
    }
    let (_caller, _events) = enter(&token).await;
    assert_eq!(
        worker.job().await.room_name,
        token["roomName"].as_str().unwrap()
    );
    let (_, call) = api
        .get(
            &format!("/api/voice/history/{}", token["callId"].as_str().unwrap()),
            &ann,
        )
        .await;
    assert_eq!(call["participants"][0]["userId"], "ann", "{call}");
    api.stop().await;
}

/// With LiveKit's webhooks and without.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hung_up_and_returns_gets_another_call() {
    for is_told in [true, false] {
        hang_up_and_come_back(is_told).await;
    }
}

async fn hang_up_and_come_back(is_told: bool) {
    let house = house(is_told, "").await;
    let token = token(&house).await;
    let (room, _events) = enter(&token).await;
    greeted(&house, &token["callId"]).await;
    let room_name = token["roomName"].as_str().unwrap();
    room.close().await.unwrap();
    let over = call_is(&house, &token["callId"], "completed", |call| {
        call["status"] == "completed" && call["participants"][1]["leftAt"].is_string()
    })
    .await;
    let livekit = rooms(&credentials(&house.server));
    let open = livekit.list_rooms(vec![room_name.into()]).await.unwrap();
    assert_eq!(
        open.len(),
        1,
        "the history does not wait for the room to close"
    );
    assert_eq!(
        over["participants"].as_array().unwrap().len(),
        2,
        "{over:#}"
    );

    // The same page is reloaded: an agent comes, and the call has its own row.
    let (room, _events) = enter(&token).await;
    let both = eventually("another call", 40, || async {
        let calls = calls(&house).await;
        (calls.len() == 2 && calls[0]["status"] == "connected").then_some(calls)
    })
    .await;
    assert_eq!(both[1]["id"], token["callId"]);
    assert_eq!(both[1]["status"], "completed");
    greeted(&house, &both[0]["id"]).await;
    assert_eq!(agents(&room), 1);
    room.close().await.unwrap();
    call_is(&house, &both[0]["id"], "over, too", |call| {
        call["status"] == "completed"
    })
    .await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_was_cut_off_returns_to_the_same_call() {
    let house = house(true, "[limits]\nreconnect_grace = \"1s\"\n").await;
    let token = token(&house).await;
    let (room, mut events) = enter(&token).await;
    greeted(&house, &token["callId"]).await;
    // The caller's page disappears without notice; the agent waits for it, and leaves.
    let livekit = rooms(&credentials(&house.server));
    let name = token["roomName"].as_str().unwrap();
    livekit.remove_participant(name, "ann").await.unwrap();
    while let Some(event) = events.recv().await {
        if matches!(event, RoomEvent::Disconnected { .. }) {
            break;
        }
    }
    drop(room);
    call_is(&house, &token["callId"], "over", |call| {
        call["status"] == "completed"
    })
    .await;

    let (room, _events) = enter(&token).await;
    let resumed = call_is(&house, &token["callId"], "it goes on", |call| {
        call["status"] == "connected"
    })
    .await;
    assert!(resumed["resumedAt"].is_string(), "{resumed:#}");
    assert!(resumed["endedAt"].is_null());
    assert_eq!(calls(&house).await.len(), 1);
    eventually("an agent is there", 40, || async {
        (agents(&room) == 1).then_some(())
    })
    .await;
    answers(&house, &token["callId"], &room, "Are you still there?").await;
    room.close().await.unwrap();
    call_is(&house, &token["callId"], "over again", |call| {
        call["status"] == "completed"
    })
    .await;
    house.close().await;
}

/// A page is reloaded after its agent has gone, when nobody has reported that its call is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_reloaded_page_whose_agent_has_left_gets_another_agent() {
    for is_told in [true, false] {
        let house = house(is_told, "").await;
        let token = token(&house).await;
        let (_room, _events) = enter(&token).await;
        greeted(&house, &token["callId"]).await;
        let (room, admin) = (token["roomName"].as_str().unwrap(), user("boss", true));
        let url = format!("http://{}/api/voice/agent/{room}", house.address());
        let ended = reqwest::Client::new().delete(url).bearer_auth(admin);
        assert_eq!(ended.send().await.unwrap().status(), 204);
        let livekit = rooms(&credentials(&house.server));
        let there = async || livekit.list_participants(room).await.unwrap().len();
        eventually("the agent is gone", 40, || async {
            (there().await == 1).then_some(())
        })
        .await;
        let (room, _events) = enter(&token).await;
        eventually("another agent", 40, || async {
            (agents(&room) == 1).then_some(())
        })
        .await;
        room.close().await.unwrap();
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_while_livekit_is_started_again() {
    let mut house = house(true, "").await;
    let token = token(&house).await;
    let (room, _events) = enter(&token).await;
    greeted(&house, &token["callId"]).await;
    let before = call_is(&house, &token["callId"], "connected", |call| {
        call["status"] == "connected"
    })
    .await;
    house.server.restart(Duration::from_secs(1)).await.unwrap();
    // Both return on their own, to a room with another id.
    let livekit = rooms(&credentials(&house.server));
    let name = token["roomName"].as_str().unwrap();
    eventually("both are back", 60, || async {
        let there = livekit.list_participants(name).await.ok()?;
        (there.len() == 2).then_some(())
    })
    .await;
    eventually("they see each other", 30, || async {
        (agents(&room) == 1).then_some(())
    })
    .await;
    answers(&house, &token["callId"], &room, "Are you back?").await;
    let during = house.call("ann", &token["callId"]).await;
    assert_eq!(during["status"], "connected", "{during:#}");
    assert_eq!(during["connectedAt"], before["connectedAt"]);
    assert_eq!(calls(&house).await.len(), 1);
    room.close().await.unwrap();
    call_is(&house, &token["callId"], "over", |call| {
        call["status"] == "completed"
    })
    .await;
    house.close().await;
}

/// LiveKit's last webhooks about a room arrive when the call is already in the next room.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_room_that_a_call_has_left_is_not_its_end() {
    let (server, api) = start().await;
    let control = api.control.clone().unwrap();
    let call = NewCall {
        id: Uuid::new_v4(),
        room_name: "support-moved-1".into(),
        caller_id: "ann".into(),
        callee_id: None,
        call_type: CallType::Support,
        metadata: json!({}),
        created_at: sidetone_store::now(),
    };
    let id = api.store.create_call(&call).await.unwrap().id;
    let metadata = DispatchMetadata {
        call_id: Some(id),
        ..DispatchMetadata::default()
    };
    let now = sidetone_store::now();
    api.store
        .want_agent(&call.room_name, &metadata, now)
        .await
        .unwrap();
    let before = [Fact::RoomStarted(now)];
    api.store
        .observe(id, Some("RM_before"), &before)
        .await
        .unwrap();
    // The next room is found by reconciliation, under the same name.
    let livekit = rooms(&credentials(&server));
    let room = livekit
        .create_room(&call.room_name, Default::default())
        .await
        .unwrap();
    eventually("the call is in its next room", 20, || async {
        reconcile::reconcile(&control).await.unwrap();
        let call = api.store.call(id).await.unwrap().unwrap();
        (call.room_sid.as_deref() == Some(room.sid.as_str())).then_some(())
    })
    .await;
    let body = json!({
        "event": "room_finished", "id": "EV_late", "createdAt": now.timestamp().to_string(),
        "room": {"name": call.room_name, "sid": "RM_before", "creationTimeMs": now.timestamp_millis().to_string()},
    })
    .to_string();
    let signature = crate::support::api::sign(&body, SECRET);
    assert_eq!(api.webhook(&body, &signature).await.0, 200);
    eventually("it is acted on", 20, || async {
        api.store.event_note("EV_late").await.unwrap()
    })
    .await;
    let stored = api.store.call(id).await.unwrap().unwrap();
    assert_eq!(stored.ended_at, None, "{stored:?}");
    let agent = api.store.agent_in(&call.room_name).await.unwrap().unwrap();
    assert!(agent.state.is_live(), "{agent:?}");
    api.stop().await;
}

/// LiveKit's first webhooks about a room arrive when its call is over and another is about to begin under its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_of_one_call_sends_no_agent_of_the_next_away() {
    let (_server, api) = start().await;
    let now = sidetone_store::now();
    let first = NewCall {
        id: Uuid::new_v4(),
        room_name: "desk-8".into(),
        caller_id: "ann".into(),
        callee_id: None,
        call_type: CallType::Support,
        metadata: json!({}),
        created_at: now,
    };
    let first = api.store.create_call(&first).await.unwrap().id;
    let over = [Fact::RoomStarted(now), Fact::RoomFinished(now)];
    let told = api.store.observe(first, Some("RM_first"), &over);
    told.await.unwrap();
    let body = json!({"roomName": "desk-8", "userId": "bob"});
    let (status, second) = api.post("/api/voice/token", "key-admin", body).await;
    assert_eq!(status, 200, "{second}");
    for (id, event) in [("EV_1", "room_started"), ("EV_2", "participant_joined")] {
        let body = json!({
            "event": event, "id": id, "createdAt": now.timestamp().to_string(),
            "room": {"name": "desk-8", "sid": "RM_first", "creationTimeMs": now.timestamp_millis().to_string()},
            "participant": {"sid": "PA_1", "identity": "ann"},
        })
        .to_string();
        let signature = crate::support::api::sign(&body, SECRET);
        assert_eq!(api.webhook(&body, &signature).await.0, 200);
        eventually("it is acted on", 20, || async {
            api.store.event_note(id).await.unwrap()
        })
        .await;
    }
    assert!(api.store.agent_in("desk-8").await.unwrap().is_none());
    let awaited = api.store.awaited_in("desk-8").await.unwrap().unwrap();
    assert_eq!(json!(awaited.call_id), second["callId"]);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_hears_at_once_that_no_worker_is_free() {
    let (_server, api) = start().await;
    let (_, token) = api
        .post("/api/voice/token", &user("ann", false), json!({}))
        .await;
    // It was the last worker.
    api.no_worker().await;
    let (room, mut events) = enter(&token).await;
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            if let RoomEvent::DataReceived { payload, topic, .. } = events.recv().await.unwrap() {
                assert_eq!(topic.as_deref(), Some("sidetone.call"));
                return serde_json::from_slice::<Value>(&payload).unwrap();
            }
        }
    });
    let first = told.await.expect("the caller is told");
    assert_eq!(first["type"], "call.waiting", "before the call is given up");
    assert_eq!(first["code"], "no-agent");
    assert!(
        first["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty())
    );
    room.close().await.unwrap();
    api.stop().await;
}

/// Time from the join to the agent's first audio, when the agent is dispatched with the token (as before 0.3) and when
/// it is dispatched at the join. `cargo nextest run … --run-ignored only --no-capture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn from_the_join_to_the_agents_voice() {
    let house = house(true, "").await;
    let mut took: [Vec<u128>; 2] = Default::default();
    for n in 0..20 {
        let is_early = n % 2 == 0;
        let token = token(&house).await;
        if is_early {
            let spawned = house
                .post("ann", "/agent", json!({"roomName": token["roomName"]}))
                .await;
            assert_eq!(spawned["agentSpawned"], true, "{spawned}");
        }
        let began = sidetone_base::clock::now();
        let (room, mut events) = enter(&token).await;
        let voice = async {
            loop {
                if let RoomEvent::TrackSubscribed { track, .. } = events.recv().await.unwrap()
                    && let livekit::prelude::RemoteTrack::Audio(track) = track
                {
                    return track;
                }
            }
        };
        let track = tokio::time::timeout(Duration::from_secs(20), voice)
            .await
            .unwrap();
        let mut sound = livekit::webrtc::audio_stream::native::NativeAudioStream::new(
            track.rtc_track(),
            48_000,
            1,
        );
        while let Some(frame) = futures::StreamExt::next(&mut sound).await {
            if frame.data.iter().any(|sample| sample.unsigned_abs() > 500) {
                break;
            }
        }
        took[usize::from(!is_early)].push(began.elapsed().as_millis());
        room.close().await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for (what, mut took) in ["with the token", "at the join"].into_iter().zip(took) {
        took.sort_unstable();
        eprintln!("{what}: median {} ms of {took:?}", took[took.len() / 2]);
    }
    house.close().await;
}
