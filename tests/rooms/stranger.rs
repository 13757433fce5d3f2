//! Hostile participants using LiveKit's Python SDK, like real strangers: part E of the field trial, through the same
//! entry points.

use std::process::Stdio;
use std::time::Duration;

use livekit::prelude::{PerformRpcData, TrackSource};
use livekit::{StreamTextOptions, StreamWriter as _};
use serde_json::{Value, json};
use sidetone_testkit::Endpoint;

use super::person::{self, Person};
use super::{ANSWER, House, granted};
use crate::calls::until;
use crate::support::{claims, tools};

/// The memory that they may use in addition to that of calls: a piece of each stream is unpacked before its size is
/// known.
const COST: u64 = 64 * 1024 * 1024;

/// See the top of the script.
async fn hostile(mode: &[&str], url: &str, token: &str) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/hostile.py");
    let peer = tokio::process::Command::new(tools().join("python/bin/python"))
        .args([script, mode[0], url, token])
        .args(&mode[1..])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(120), peer)
        .await
        .expect("the Python peer ends within two minutes")
        .unwrap();
    serde_json::from_slice(&output.stdout).expect("the Python peer reports")
}

/// The same, as a caller.
async fn caller(house: &House, mode: &[&str]) -> Value {
    let granted = granted(&house.served).await;
    hostile(mode, &granted.url, &granted.token).await
}

/// An unencrypted caller asks in writing, and is answered.
async fn is_answered(house: &House) {
    let (_, ada) = house.caller().await;
    ada.writes("What are your opening hours?").await;
    ada.reads(ANSWER).await;
    ada.leave().await;
}

/// E1 and E2: each recording is logged, and its caller is answered like any other.
#[tokio::test(flavor = "multi_thread")]
async fn broken_recordings_stop_no_call() {
    let house = House::open().await;
    is_answered(&house).await;
    let before = house.served.most_memory();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/fuzz/webm/");
    let files = ["circle", "laced", "empty-frames"].map(|name| format!("{fixtures}{name}"));
    let modes = files.each_ref().map(|file| ["before", file]);
    let callers = modes.iter().map(|mode| caller(&house, mode));
    for seen in futures::future::join_all(callers).await {
        assert_eq!(seen["answered"], true, "{seen}");
    }
    is_answered(&house).await;
    let log = house.served.log();
    let told = log.matches("what the caller said before is not heard error=");
    assert_eq!(told.count(), files.len(), "{log}");
    let cost = house.served.most_memory() - before;
    assert!(cost < COST, "they took {cost} bytes");
}

/// E3 and E7: unpacked data is limited, and requests to the model are, too.
#[tokio::test(flavor = "multi_thread")]
async fn endless_messages_cost_no_more_than_their_limit() {
    let house = House::open().await;
    is_answered(&house).await;
    let (before, asked) = (
        house.served.most_memory(),
        house.provider.requests_to(Endpoint::Chat).len(),
    );
    let (bombs, chats) = tokio::join!(caller(&house, &["bombs"]), caller(&house, &["chats"]));
    for seen in [&bombs, &chats] {
        assert_eq!(seen["answered"], true, "{seen}");
    }
    let words = chats["words"].as_str().unwrap();
    assert_eq!(words.matches("Please wait a moment").count(), 1, "{chats}");
    is_answered(&house).await;
    let cost = house.served.most_memory() - before;
    assert!(cost < COST, "they took {cost} bytes");
    let asked = house.provider.requests_to(Endpoint::Chat).len() - asked;
    assert!(asked < 30, "{asked} requests to the model");
}

/// E12: a participant who joins before the agent knows its caller is neither the control plane nor the caller.
#[tokio::test(flavor = "multi_thread")]
async fn a_participant_who_comes_before_the_caller_gives_no_orders() {
    let house = House::open().await;
    let granted = granted(&house.served).await;
    let room = claims(&granted.token)["video"]["room"].clone();
    let room = room.as_str().unwrap();
    let eve = person::token_of(&house.livekit, room, "eve", "egress");
    let ada = async {
        // Eve is there first, and already sending.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut ada = Person::join(&granted.url, &granted.token).await;
        ada.publish(TrackSource::Microphone, false).await;
        let agent = ada.sees("listening").await;
        let press = PerformRpcData::new(agent.identity(), "mute");
        let pressed = ada.room.local_participant().perform_rpc(press).await;
        assert_eq!(pressed.unwrap(), "");
        let press = PerformRpcData::new(agent.identity(), "unmute");
        ada.room
            .local_participant()
            .perform_rpc(press)
            .await
            .unwrap();
        ada.writes("What are your opening hours?").await;
        ada.reads(ANSWER).await;
        ada
    };
    let (seen, ada) = tokio::join!(hostile(&["early"], &house.livekit.url, &eve), ada);
    assert_eq!(seen["agent"], true, "{seen}");
    let log = house.served.log();
    for order in ["the agent is asked to leave", "recording is paused"] {
        assert!(!log.contains(order), "{order}: {log}");
    }
    assert!(ada.agent().is_some(), "it was not asked to leave");
    ada.leave().await;
}

/// A stranger goes on with the caller's message in its stream's name, answers what nobody has asked, and asks for what
/// is the caller's and the control plane's.
#[tokio::test(flavor = "multi_thread")]
async fn meddling_with_a_callers_message_changes_nothing() {
    let house = House::open().await;
    let (_, ada) = house.caller().await;
    let eve = person::token(&house.livekit, &ada.room.name(), "eve");
    let begins = async {
        until("eve in the room", || {
            let mut others = ada.room.remote_participants().into_keys();
            others.find(|identity| identity.as_str() == "eve")
        })
        .await;
        let options = StreamTextOptions::new_with_topic("lk.chat");
        let writer = ada.room.local_participant().stream_text(options).await;
        let writer = writer.unwrap();
        writer.write("What are your ").await.unwrap();
        writer
    };
    let (seen, message) = tokio::join!(hostile(&["meddles"], &house.livekit.url, &eve), begins);
    assert!(seen["stream"].is_string(), "she has seen it begin: {seen}");
    assert_eq!(seen["codes"], json!([403, 403, 403]));
    message.write("opening hours?").await.unwrap();
    message.close().await.unwrap();
    ada.reads(ANSWER).await;
    let asked = house.provider.requests_to(Endpoint::Chat);
    let asked: Vec<_> = asked.iter().map(|one| one.body.to_string()).collect();
    assert!(
        asked
            .last()
            .unwrap()
            .contains("What are your opening hours?")
    );
    assert!(asked.iter().all(|one| !one.contains("Ignore what I wrote")));
    let log = house.served.log();
    let forged = log.lines().find(|line| line.contains("all is lost"));
    assert_eq!(forged, None, "{log}");
    ada.leave().await;
}
