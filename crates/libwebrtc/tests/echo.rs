//! The example works as described, in a real room.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the program around it is not run here")]
#[path = "../examples/echo.rs"]
mod echo;
#[path = "networks/talker.rs"]
mod talker;

use std::time::Duration;

use libwebrtc::peer_connection_factory::Paths;
use sidetone_testkit::LiveKitServer;
use tokio::time::Instant;

use talker::{Talker, token};

#[tokio::test(flavor = "multi_thread")]
async fn the_example_says_back_what_it_hears() {
    let livekit = LiveKitServer::start().await.unwrap();
    let (url, pass) = (livekit.url.clone(), token(&livekit, "hall", "echo"));
    let echoing = tokio::spawn(async move {
        let ended = echo::echo(&url, &pass).await;
        ended.map_err(|error| error.to_string())
    });
    let talker = Talker::join(&livekit.url, &token(&livekit, "hall", "talker"), Paths::ALL).await;
    talker
        .hears_from(Instant::now(), Duration::from_secs(60))
        .await;
    assert!(!echoing.is_finished(), "{:?}", echoing.await);
    echoing.abort();
}
