//! After every kind of reconnect everything is as before: both are heard, data passes, attributes and mute are
//! unchanged. The scenarios are LiveKit's own, requested from a real server.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "networks/talker.rs"]
mod talker;

use std::collections::HashMap;
use std::time::Duration;

use libwebrtc::peer_connection_factory::{Path, Paths};
use livekit::SimulateScenario;
use sidetone_testkit::LiveKitServer;
use tokio::time::{Instant, sleep};

use talker::{Talker, token};

/// Keeps a failure from hanging the tests; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);
/// A scenario's effects begin at once; what is heard before this may still date from the time before.
const SETTLED: Duration = Duration::from_secs(4);

struct Pair {
    agent: Talker,
    caller: Talker,
}

impl Pair {
    async fn join(livekit: &LiveKitServer) -> Self {
        let join =
            async |who| Talker::join(&livekit.url, &token(livekit, "again", who), Paths::ALL).await;
        let (agent, caller) = tokio::join!(join("agent"), join("caller"));
        let pair = Self { agent, caller };
        pair.hear_each_other(Instant::now()).await;
        pair
    }

    async fn hear_each_other(&self, begin: Instant) {
        self.agent.hears_from(begin, PATIENCE).await;
        self.caller.hears_from(begin, PATIENCE).await;
    }

    /// The agent goes through a scenario, after which everything works as before.
    async fn survives(&self, scenario: SimulateScenario) {
        let name = format!("{scenario:?}");
        let state = HashMap::from([("state".to_owned(), name.clone())]);
        let local = self.agent.room.local_participant();
        // What the caller sees counts: LiveKit's client 0.10 sometimes misses the server's answer.
        local.set_attributes(state.clone()).await.ok();
        self.agent.room.simulate_scenario(scenario).await.unwrap();
        sleep(SETTLED).await;
        let after = Instant::now();
        self.hear_each_other(after).await;
        sleep(Duration::from_secs(1)).await;
        for (who, talker) in [("agent", &self.agent), ("caller", &self.caller)] {
            assert!(
                talker.data_since(after) > 0,
                "{who} gets no data after {name}"
            );
        }
        let seen = self.caller.room.remote_participants();
        let seen = seen.values().next().unwrap();
        assert_eq!(seen.identity().as_str(), "agent");
        assert_eq!(seen.attributes().get("state"), Some(&name), "{name}");
        let tracks = seen.track_publications().into_values();
        let muted: Vec<bool> = tracks.map(|track| track.is_muted()).collect();
        assert_eq!(muted, [false], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signalling_is_made_anew() {
    let livekit = LiveKitServer::start().await.unwrap();
    Pair::join(&livekit)
        .await
        .survives(SimulateScenario::SignalReconnect)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_made_anew() {
    let livekit = LiveKitServer::start().await.unwrap();
    Pair::join(&livekit)
        .await
        .survives(SimulateScenario::FullReconnect)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_fails() {
    let livekit = LiveKitServer::start().await.unwrap();
    Pair::join(&livekit)
        .await
        .survives(SimulateScenario::NodeFailure)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_migrates() {
    let livekit = LiveKitServer::start().await.unwrap();
    Pair::join(&livekit)
        .await
        .survives(SimulateScenario::Migration)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_moves_the_client_to_tcp() {
    let livekit = LiveKitServer::start().await.unwrap();
    let pair = Pair::join(&livekit).await;
    assert_eq!(pair.agent.watch.tried().path, Some(Path::Udp));
    pair.survives(SimulateScenario::ForceTcp).await;
    assert_eq!(pair.agent.watch.tried().path, Some(Path::Tcp));
    // And from that state back to any other.
    pair.survives(SimulateScenario::FullReconnect).await;
}
