//! A call whose database does not accept writes any more.

use std::time::Duration;

use livekit::prelude::{Room, RoomOptions};
use livekit_api::access_token::{AccessToken, VideoGrants};
use serde_json::json;
use sidetone::agent::spool::Spool;
use sidetone::caller::script::Cue;
use sidetone_base::clock;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_testkit::Endpoint;
use uuid::Uuid;

use super::stage::Stage;
use super::{HOURS, until};
use crate::spool::stage::lock;
use crate::support::credentials;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_on_time_though_its_database_is_locked_and_its_record_is_whole() {
    let stage = Stage::set().await;
    let question = "What are your opening hours on Saturday?";
    stage.provider.default_transcript(question);
    stage.provider.default_answer("We open at nine.");
    let locking = async {
        while stage.provider.requests_to(Endpoint::Chat).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        lock(&stage.data.path().join("sidetone.db")).await
    };
    let call = stage.call(&[(HOURS, Cue::AgentDone)]);
    let (placed, other) = tokio::join!(call, locking);
    assert!(placed.report.all_answered(), "{}", placed.report);

    // The call's record, and the end of its agent: the last things it writes before it leaves.
    let (ended, spool) = (clock::now(), Spool::new(stage.data.path()));
    until("the record waits on disk", || {
        (spool.files().unwrap().len() > 1).then_some(())
    })
    .await;
    let took = ended.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");

    drop(other);
    until("the files are gone", || {
        spool.files().unwrap().is_empty().then_some(())
    })
    .await;
    let call = stage.history(&placed).await;
    let turns = call["turns"].as_array().unwrap();
    let said: Vec<_> = turns
        .iter()
        .filter_map(|turn| turn["text"].as_str())
        .collect();
    assert!(said.contains(&question), "{call:#}");
    assert!(said.contains(&"We open at nine."), "{call:#}");
    stage.strike().await;
}

/// Reading works, writing does not: waiting for a write would take five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_begins_though_its_database_is_locked() {
    let stage = Stage::set().await;
    let locked = lock(&stage.data.path().join("sidetone.db")).await;
    let grants = VideoGrants {
        room_join: true,
        room: "away".into(),
        ..VideoGrants::default()
    };
    let (key, secret) = (&stage.livekit.api_key, &stage.livekit.api_secret);
    let token = AccessToken::with_api_key(key, secret)
        .with_identity("ada")
        .with_grants(grants);
    let token = token.to_jwt().unwrap();
    let (room, _events) = Room::connect(&stage.livekit.url, &token, RoomOptions::default())
        .await
        .unwrap();
    let metadata = json!({"call_id": Uuid::now_v7()}).to_string();
    let livekit = ServerApi::new(&credentials(&stage.livekit));
    livekit
        .create_dispatch("away", "sidetone", metadata)
        .await
        .unwrap();
    let greets = until("an agent that greets", || {
        let others = room.remote_participants();
        let state = |other: &livekit::prelude::RemoteParticipant| {
            other.attributes().get("lk.agent.state").cloned()
        };
        let mut states = others.values().filter_map(state);
        states.find(|state| state == "speaking")
    });
    tokio::time::timeout(Duration::from_secs(8), greets)
        .await
        .expect("before one write could have failed, and the next");
    drop(locked);
    room.close().await.unwrap();
    stage.strike().await;
}
