//! What calls leave behind: bytes on the heap of `serve` after 50 and after 500 calls that end while the caller is
//! there (`DELETE /api/voice/agent/{roomName}`), with a real livekit-server.
//!
//! `cargo bench --profile dev --bench memory` (`-- --calls 500`). Callers are in this process, too; they leave after
//! the agent, so their clients hold on to nobody.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use livekit::options::TrackPublishOptions;
use livekit::prelude::*;
use livekit::webrtc::audio_source::native::NativeAudioSource;
use livekit::webrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use livekit::webrtc::peer_connection::held;
use serde_json::{Value, json};
use sidetone::serve::{Process, serve};
use sidetone::worker::LoadMeasure;
use sidetone_config::env::Env;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[allow(dead_code, reason = "the tests need the rest of it")]
#[path = "../tests/support/heap.rs"]
mod heap;

#[global_allocator]
static HEAP: heap::Counted = heap::Counted;

/// Calls at once: the default of a worker is 25.
const AT_ONCE: usize = 10;
/// Calls before the first measurement, to fill caches and pools.
const WARM: usize = 50;

fn main() {
    let calls = std::env::args()
        .skip_while(|argument| argument != "--calls")
        .nth(1)
        .map_or(500, |calls| calls.parse().unwrap());
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(calls));
}

async fn measure(calls: usize) {
    let livekit = LiveKitServer::start().await.unwrap();
    let provider = FakeOpenAi::start(Timing::default()).await;
    let (data, agents) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = "prompt = \"prompt.md\"\ngreeting = \"Hello!\"\n";
    std::fs::write(agents.path().join("default.toml"), file).unwrap();
    std::fs::write(agents.path().join("prompt.md"), "Be kind.").unwrap();
    let variables = [
        ("LIVEKIT_HOST", livekit.url.clone()),
        ("LIVEKIT_API_KEY", livekit.api_key.clone()),
        ("LIVEKIT_API_SECRET", livekit.api_secret.clone()),
        ("OPENAI_API_KEY", "sk-test".into()),
        ("OPENAI_BASE_URL", provider.base_url()),
        ("SIDETONE_DATA_DIR", data.path().display().to_string()),
        ("SIDETONE_DEMO", "true".into()),
        ("SIDETONE_END_OF_TURN", "off".into()),
        // All calls are the same user's, so its limits are off.
        ("SIDETONE_USER_CALLS", "0".into()),
        ("SIDETONE_USER_TOKENS", "0".into()),
        ("SIDETONE_USER_REQUESTS", "100000".into()),
    ];
    let env = Env::from_lookup(|name| {
        let known = variables.iter().find(|(known, _)| *known == name);
        known.map(|(_, value)| value.clone())
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let process = Process {
        env: env.unwrap(),
        agents: agents.path().to_owned(),
        listener: Some(listener),
        models: None,
        worker: Some(LoadMeasure::Jobs),
    };
    let serving = tokio::spawn(serve(process, stop.clone()));
    wait_for(|| async {
        let ready = reqwest::get(format!("http://{address}/readyz")).await;
        ready
            .is_ok_and(|answer| answer.status().is_success())
            .then_some(())
    })
    .await;
    let mut done = 0;
    for until in [WARM, calls.max(WARM)] {
        while done < until {
            join_all((0..AT_ONCE).map(|_| call(address))).await;
            done += AT_ONCE;
        }
        wait_for(|| async { (held() == 0).then_some(()) }).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let kib = heap::bytes() / 1024;
        println!(
            "after {done} calls: {kib} KiB on the heap, {} connections held",
            held()
        );
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// A caller joins, is greeted, and stays until the agent has been ended.
async fn call(address: SocketAddr) {
    let client = reqwest::Client::new();
    let request = client.post(format!("http://{address}/api/voice/token"));
    let body = json!({"roomType": "support", "participantName": "Ada"});
    let token: Value = request
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let (host, opens) = (token["livekitHost"].as_str(), token["token"].as_str());
    let options = RoomOptions::default();
    let (room, mut events) = Room::connect(host.unwrap(), opens.unwrap(), options)
        .await
        .unwrap();
    let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 100);
    let track = LocalAudioTrack::create_audio_track("mic", RtcAudioSource::Native(source));
    let microphone = TrackPublishOptions {
        source: TrackSource::Microphone,
        ..Default::default()
    };
    let publishing = room.local_participant();
    publishing
        .publish_track(LocalTrack::Audio(track), microphone)
        .await
        .unwrap();
    // Being subscribed to the agent's voice means that it greets.
    while let Some(event) = events.recv().await {
        if matches!(event, RoomEvent::TrackSubscribed { .. }) {
            break;
        }
    }
    let room_name = token["roomName"].as_str().unwrap();
    let end = client.delete(format!("http://{address}/api/voice/agent/{room_name}"));
    assert!(end.send().await.unwrap().status().is_success());
    while let Some(event) = events.recv().await {
        if matches!(event, RoomEvent::ParticipantDisconnected(_)) {
            break;
        }
    }
    room.close().await.ok();
}

async fn wait_for<T, F: Future<Output = Option<T>>>(check: impl Fn() -> F) -> T {
    for _ in 0..600 {
        if let Some(found) = check().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not within a minute; {} connections are held", held());
}
