//! A user's limits at the join, agents that are requested for empty rooms, and requests that are sent again: with a
//! real livekit-server.

use std::time::Duration;

use futures::future::join_all;
use livekit::prelude::{Room, RoomEvent};
use serde_json::{Value, json};
use sidetone_store::CallStatus;

use super::people::{House, join};
use super::{Worker, impatient};
use crate::support::api::{Api, Setup, checked, user};
use crate::support::{credentials, eventually, livekit, rooms};

async fn enter(token: &Value) -> (Room, tokio::sync::mpsc::UnboundedReceiver<RoomEvent>) {
    join(&token["livekitHost"], token["token"].as_str().unwrap()).await
}

/// A control plane with two calls per user, on a server with or without webhooks.
async fn house(is_told: bool) -> (sidetone_testkit::LiveKitServer, Api) {
    let (listener, webhook) = Api::listener().await;
    let server = livekit(is_told.then_some(webhook)).await;
    let mut control = impatient();
    control.calls_of_user = 2;
    let setup = Setup {
        livekit: Ok(credentials(&server)),
        control,
        ..Setup::default()
    };
    let api = Api::start_on(listener, setup).await;
    (server, api)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_agents_however_many_tokens_are_joined() {
    for is_told in [true, false] {
        let (server, api) = house(is_told).await;
        let mut worker = Worker::start(&server).await;
        let ann = user("ann", false);
        let mut inside = Vec::new();
        for _ in 0..2 {
            let (_, token) = api.post("/api/voice/token", &ann, json!({})).await;
            inside.push(enter(&token).await);
            worker.job_in(&token["roomName"]).await;
        }
        let (_, token) = api.post("/api/voice/token", &ann, json!({})).await;
        let (_room, mut events) = enter(&token).await;
        let told = async {
            loop {
                if let RoomEvent::DataReceived { payload, .. } = events.recv().await.unwrap() {
                    return serde_json::from_slice::<Value>(&payload).unwrap();
                }
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(20), told).await;
        let told = told.expect("the caller is told");
        assert_eq!(told["type"], "call.failed", "{told}");
        assert_eq!(told["code"], "too-many-calls", "{told}");
        assert!(told["reason"].as_str().unwrap().contains("too many calls"));
        let id = token["callId"].as_str().unwrap().parse().unwrap();
        let call = api.store.call(id).await.unwrap().unwrap();
        assert_eq!(call.status, CallStatus::Failed);
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut sent = std::iter::from_fn(|| worker.jobs.try_recv().ok());
        assert!(
            sent.all(|job| job.room_name != token["roomName"]),
            "nobody is sent"
        );
        // Other users are not affected.
        let (_, token) = api
            .post("/api/voice/token", &user("bob", false), json!({}))
            .await;
        let _bob = enter(&token).await;
        worker.job_in(&token["roomName"]).await;
        api.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_asked_for_once_and_answered_the_same() {
    let (server, api) = house(true).await;
    let mut worker = Worker::start(&server).await;
    let ann = user("ann", false);
    let (_, token) = api.post("/api/voice/token", &ann, json!({})).await;
    let body = json!({"roomName": token["roomName"]});
    let send = async |key: &str| {
        let request = api.client.post(api.url("/api/voice/agent"));
        let request = request.bearer_auth(&ann).header("Idempotency-Key", key);
        checked(request.json(&body).send().await.unwrap()).await
    };
    let all = join_all((0..6).map(|_| send("one"))).await;
    let (status, first) = &all[0];
    assert_eq!(
        (*status, &first["agentSpawned"]),
        (200, &json!(true)),
        "{first}"
    );
    let again = send("one").await;
    assert!(
        all.iter().chain([&again]).all(|one| *one == all[0]),
        "{all:#?}"
    );
    assert_eq!(worker.job().await.room_name, token["roomName"]);
    let other = send("two").await;
    assert_eq!(other.1["alreadyThere"], true, "{other:?}");
    assert!(worker.jobs.try_recv().is_err(), "one is enough");
    api.stop().await;
}

/// The caller has left, and no webhook has reported it: a request for an agent is answered quickly, and either an
/// agent comes, or the call is over.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_said_to_come_comes() {
    let (listener, _) = Api::listener().await;
    let server = livekit(None).await;
    let house = House::open_on(listener, server, "greeting = \"Hello!\"\n").await;
    let livekit = rooms(&credentials(&house.server));
    for pause in [0, 500, 2_000, 6_000, 12_000] {
        let (status, token) = house.token("ann", json!({})).await;
        assert_eq!(status, 200, "{token}");
        let (caller, _events) = enter(&token).await;
        eventually("the greeting", 40, || async {
            let said = house.said("ann", &token["callId"]).await;
            said.contains("Hello!").then_some(())
        })
        .await;
        caller.close().await.unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let body = json!({"roomName": token["roomName"]});
        let asked = house.post("ann", "/agent", body);
        let answer = tokio::time::timeout(Duration::from_secs(15), asked).await;
        let answer = answer.expect("an answer in time");
        if answer["status"] == 409 {
            continue;
        }
        assert_eq!(answer["agentSpawned"], true, "after {pause} ms: {answer}");
        let room = token["roomName"].as_str().unwrap();
        eventually("an agent is there", 20, || async {
            let there = livekit.list_participants(room).await.unwrap_or_default();
            let agent = livekit_protocol::participant_info::Kind::Agent;
            there.iter().any(|one| one.kind() == agent).then_some(())
        })
        .await;
    }
    house.close().await;
}
