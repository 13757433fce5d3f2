//! Callers who come and go.

use std::net::SocketAddr;
use std::time::Duration;

use livekit::prelude::*;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use sidetone::room::voice::VoiceTrack;
use sidetone::room::{close, join};
use sidetone_base::clock;
use sidetone_testkit::{LiveKitServer, RoughPath, Roughness};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::faults::stage::API_KEY;

const PATIENCE: Duration = Duration::from_secs(30);

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The backend ends the agent, and the caller sees it leave.
    Agent,
    /// The caller hangs up.
    Caller,
    /// The caller hangs up, comes back at once, and hangs up again.
    ComesBack,
    /// The caller's network is lost.
    Vanishes,
}

impl Ending {
    /// Endings that take no longer than the call.
    pub const QUICK: [Self; 3] = [Self::Agent, Self::Caller, Self::ComesBack];
    pub const ALL: [Self; 4] = [Self::Agent, Self::Caller, Self::ComesBack, Self::Vanishes];
}

/// The token response of the control plane for a user with this name. A pool that is full is asked again when it says.
pub async fn token(plane: SocketAddr, user: &str) -> Value {
    let until = clock::now() + PATIENCE;
    loop {
        let request = reqwest::Client::new()
            .post(format!("http://{plane}/api/voice/token"))
            .bearer_auth(API_KEY)
            .json(&json!({ "roomType": "support", "userId": user }));
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let wait = answer.headers().get(RETRY_AFTER).cloned();
        let answer = answer.text().await.unwrap();
        if status.is_success() {
            return serde_json::from_str(&answer).unwrap();
        }
        let is_full = status == StatusCode::SERVICE_UNAVAILABLE && clock::now() < until;
        assert!(is_full, "{status}: {answer}");
        let wait = wait.unwrap().to_str().unwrap().parse().unwrap();
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
}

/// How often the process's own sound has come too late until now.
pub async fn breaks(plane: SocketAddr) -> usize {
    let request = reqwest::Client::new()
        .get(format!("http://{plane}/metrics"))
        .bearer_auth(API_KEY);
    let text = request.send().await.unwrap().text().await.unwrap();
    let mut lines = text.lines();
    let count = lines.find_map(|line| line.strip_prefix("sidetone_sound_break_seconds_count "));
    count.unwrap().parse().unwrap()
}

/// One call, from the token to its end.
pub async fn call(plane: SocketAddr, livekit: &LiveKitServer, user: &str, ending: Ending) {
    let granted = token(plane, user).await;
    let text = |key: &str| granted[key].as_str().unwrap();
    let path = match ending {
        Ending::Vanishes => Some(
            RoughPath::before(livekit, Roughness::default())
                .await
                .unwrap(),
        ),
        _ => None,
    };
    let url = path.as_ref().map_or(text("livekitHost"), |path| &path.url);
    let (room, mut events) = join(url, text("token"), true).await.unwrap();
    let microphone = VoiceTrack::publish(&room, "microphone").await.unwrap();
    hears_the_agent(&mut events).await;
    match ending {
        Ending::Agent => end_agent(plane, text("roomName"), &mut events).await,
        Ending::Caller => {}
        Ending::ComesBack => {
            drop(microphone);
            close(&room).await;
            drop((room, events));
            let (room, mut events) = join(url, text("token"), true).await.unwrap();
            let _microphone = VoiceTrack::publish(&room, "microphone").await.unwrap();
            // The same agent or another one: the first may already be leaving.
            hears_the_agent(&mut events).await;
            close(&room).await;
            return;
        }
        Ending::Vanishes => {
            if let Some(path) = &path {
                path.cut();
            }
        }
    }
    close(&room).await;
}

async fn hears_the_agent(events: &mut UnboundedReceiver<RoomEvent>) {
    let heard = async {
        while let Some(event) = events.recv().await {
            if matches!(event, RoomEvent::TrackSubscribed { .. }) {
                return;
            }
        }
        panic!("the room is gone");
    };
    let heard = tokio::time::timeout(PATIENCE, heard);
    heard.await.expect("an agent is heard");
}

async fn end_agent(plane: SocketAddr, room: &str, events: &mut UnboundedReceiver<RoomEvent>) {
    let request = reqwest::Client::new()
        .delete(format!("http://{plane}/api/voice/agent/{room}"))
        .bearer_auth(API_KEY);
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let gone = async {
        while let Some(event) = events.recv().await {
            if matches!(
                event,
                RoomEvent::ParticipantDisconnected(_) | RoomEvent::Disconnected { .. }
            ) {
                return;
            }
        }
    };
    let gone = tokio::time::timeout(PATIENCE, gone);
    gone.await.expect("the agent goes");
}
