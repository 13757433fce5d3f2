//! The life of calls, as reported by a real livekit-server's webhooks and by our own agent.

use std::time::Duration;

use livekit::options::TrackPublishOptions;
use livekit::prelude::*;
use livekit::webrtc::audio_source::native::NativeAudioSource;
use livekit::webrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use serde_json::{Value, json};
use sidetone_config::env::Env;
use sidetone_testkit::{FakeOpenAi, Postgres, Timing};
use tokio_util::sync::CancellationToken;

use super::{served, start, start_with};
use crate::support::api::{Api, Setup, user};
use crate::support::{eventually, livekit};

async fn join(answer: &Value) -> (Room, tokio::sync::mpsc::UnboundedReceiver<RoomEvent>) {
    let (host, token) = (answer["livekitHost"].as_str(), answer["token"].as_str());
    Room::connect(host.unwrap(), token.unwrap(), RoomOptions::default())
        .await
        .unwrap()
}

/// Publishes a silent microphone.
async fn publish(room: &Room) -> LocalTrackPublication {
    let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 100);
    let track = LocalAudioTrack::create_audio_track("mic", RtcAudioSource::Native(source));
    let options = TrackPublishOptions {
        source: TrackSource::Microphone,
        ..Default::default()
    };
    let microphone = LocalTrack::Audio(track);
    let me = room.local_participant();
    me.publish_track(microphone, options).await.unwrap()
}

/// The participants of a call, present or past: kind, muted, how long.
fn people(call: &Value) -> Vec<(String, bool, Option<i64>)> {
    let people = call["participants"].as_array().unwrap();
    let mut people: Vec<_> = people
        .iter()
        .map(|person| {
            let kind = person["kind"].as_str().unwrap().to_owned();
            let muted = person["isMuted"].as_bool().unwrap();
            (kind, muted, person["durationSeconds"].as_i64())
        })
        .collect();
    people.sort();
    people
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_connected_muted_and_completed() {
    let (listener, webhook) = Api::listener().await;
    let address = listener.local_addr().unwrap();
    let server = livekit(Some(webhook)).await;
    let provider = FakeOpenAi::start(Timing::default()).await;
    let data = tempfile::tempdir().unwrap();
    let variables = served::variables(&server, &provider, data.path());
    let env = Env::from_lookup(|name| {
        let mut variables = variables.iter();
        variables
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
    });
    let stop = CancellationToken::new();
    let serving = tokio::spawn(served::run(
        env.unwrap(),
        served::AGENTS.into(),
        listener,
        stop.clone(),
    ));
    served::ready(address).await;

    let token = served::token(address, "Ann").await;
    let path = format!("/api/voice/history/{}", token["callId"].as_str().unwrap());
    let call = async || served::get(address, &path).await.unwrap();
    assert!(matches!(
        call().await["status"].as_str(),
        Some("pending" | "ringing")
    ));
    let (room, _events) = join(&token).await;
    let microphone = publish(&room).await;
    let is = async |what: &str, check: &dyn Fn(&Value) -> bool| {
        eventually(what, 40, || async {
            Some(call().await).filter(|call| check(call))
        })
        .await
    };
    let connected = is("connected", &|call| call["status"] == "connected").await;
    assert!(connected["connectedAt"].is_string() && connected["endedAt"].is_null());

    // The pool shows which worker runs the agent, under the id that LiveKit gave it.
    let pool = eventually("the agent's worker is known", 20, || async {
        let pool = served::get(address, "/api/voice/agent").await.unwrap();
        pool["agents"][0]["worker"].is_string().then_some(pool)
    })
    .await;
    let agent = &pool["agents"][0];
    assert_eq!(
        (&agent["roomName"], &agent["state"]),
        (&token["roomName"], &json!("joined"))
    );
    assert!(
        agent["worker"].as_str().unwrap().starts_with("AW_"),
        "{pool}"
    );

    // Muting is noticed by the agent in the room: LiveKit sends no webhook for it.
    let user_is =
        |muted: bool| move |call: &Value| people(call).contains(&("user".into(), muted, None));
    is("not muted at first", &user_is(false)).await;
    microphone.mute();
    is("muted", &user_is(true)).await;
    microphone.unmute();
    is("not muted again", &user_is(false)).await;
    microphone.mute();
    is("muted at last", &user_is(true)).await;

    // Long enough for a duration of at least one whole second.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    room.close().await.unwrap();
    let over = is("completed", &|call| call["status"] == "completed").await;
    assert!(over["endedAt"].is_string() && over["durationSeconds"].as_i64().unwrap() >= 1);
    let there = people(&over);
    assert_eq!(there.len(), 2, "{over:#}");
    assert_eq!(
        (there[0].0.as_str(), there[1].0.as_str()),
        ("agent", "user"),
        "{over:#}"
    );
    assert!(
        there.iter().all(|(_, _, seconds)| seconds.is_some()),
        "{over:#}"
    );
    assert!(there[1].1, "the last word on muting is kept");
    assert!(
        over["turns"]
            .as_array()
            .is_some_and(|turns| !turns.is_empty()),
        "the greeting"
    );
    stop.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_answers_is_missed() {
    let (_server, api) = start().await;
    nobody_answers(api).await;
}

/// The same webhooks produce the same rows on the other database.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_answers_is_missed_on_postgres() {
    let postgres = Postgres::start();
    let mut variables = Setup::default().variables;
    variables.push(("DATABASE_URL", postgres.url()));
    let (_server, api) = start_with(variables).await;
    assert_eq!(api.store.kind(), "postgres");
    nobody_answers(api).await;
}

async fn nobody_answers(api: Api) {
    let ann = user("ann", false);
    let body = json!({"roomType": "user-to-user", "calleeId": "bob"});
    let (_, token) = api.post("/api/voice/token", &ann, body).await;
    let path = format!("/api/voice/history/{}", token["callId"].as_str().unwrap());
    let is = async |status: &str| {
        eventually(status, 30, || async {
            let (_, call) = api.get(&path, &ann).await;
            (call["status"] == status).then_some(call)
        })
        .await
    };
    let (room, _events) = join(&token).await;
    is("ringing").await;
    room.close().await.unwrap();
    let call = is("missed").await;
    assert!(call["connectedAt"].is_null() && call["durationSeconds"].is_null());
    let person = &call["participants"][0];
    assert_eq!(
        (&person["userId"], &person["kind"]),
        (&json!("ann"), &json!("user"))
    );
    assert!(
        person["joinedAt"].is_string() && person["leftAt"].is_string(),
        "{call:#}"
    );
    // The callee sees it in their own history, too; nobody else does.
    let (_, page) = api
        .get("/api/voice/history?status=missed", &user("bob", false))
        .await;
    assert_eq!(page["calls"][0]["id"], call["id"]);
    assert_eq!(api.get(&path, &user("eve", false)).await.0, 404);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_told_that_the_call_has_failed() {
    let (_server, api) = start().await;
    let ann = user("ann", false);
    let body = json!({"roomType": "conference"});
    let (_, token) = api.post("/api/voice/token", &ann, body).await;
    let (room, mut events) = join(&token).await;
    // The pool's worker says that it has a place, and takes no job: the agent is dispatched nine times and never comes.
    let body = json!({"roomName": token["roomName"]});
    assert_eq!(api.post("/api/voice/agent", &ann, body).await.0, 200);
    let told = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            if let RoomEvent::DataReceived {
                payload,
                topic,
                participant,
                ..
            } = events.recv().await.unwrap()
                && !payload.windows(12).any(|part| part == b"call.waiting")
            {
                return (payload, topic, participant);
            }
        }
    });
    let (payload, topic, sender) = told.await.expect("the client is told");
    assert_eq!(
        (topic.as_deref(), sender.is_none()),
        (Some("sidetone.call"), true)
    );
    let message: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(message["type"], "call.failed");
    assert_eq!(message["code"], "no-agent");
    assert!(
        message["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty())
    );
    let path = format!("/api/voice/history/{}", token["callId"].as_str().unwrap());
    let (_, call) = api.get(&path, &ann).await;
    assert_eq!(call["status"], "failed");
    assert!(
        call["failureReason"]
            .as_str()
            .unwrap()
            .contains("after 9 dispatch attempts"),
        "{call}"
    );
    room.close().await.unwrap();
    api.stop().await;
}
