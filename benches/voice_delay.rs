//! How long a voice takes from one participant's microphone to another's ear, through a real livekit-server on this
//! machine: what each direction of a call adds to the agent's own time.
//!
//! `cargo bench --profile dev --bench voice_delay`.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::time::Duration;

use livekit::prelude::*;
use livekit_api::access_token::{AccessToken, VideoGrants};
use sidetone::caller::heard::level_dbfs;
use sidetone::room::join;
use sidetone::room::voice::{VoiceTrack, hear};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_testkit::LiveKitServer;
use tokio::sync::mpsc;

/// Bursts that are timed.
const BURSTS: usize = 60;
/// Sound louder than this is the burst.
const LOUD_DBFS: f32 = -30.0;

#[tokio::main]
async fn main() {
    let livekit = LiveKitServer::start().await.unwrap();
    let (speaker, _events) = join(&livekit.url, &token(&livekit, "speaker"), false)
        .await
        .unwrap();
    let (_listener, mut events) = join(&livekit.url, &token(&livekit, "listener"), true)
        .await
        .unwrap();
    let voice = VoiceTrack::publish(&speaker, "microphone").await.unwrap();
    let (tell, mut told) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let RoomEvent::TrackSubscribed {
                track: RemoteTrack::Audio(track),
                ..
            } = event
            {
                let tell = tell.clone();
                tokio::spawn(hear::<16_000, _>(track, move |frame| {
                    tell.try_send((clock::now(), level_dbfs(frame.samples())))
                }));
            }
        }
    });
    let silence = Pcm::silence(Duration::from_millis(10));
    let burst = Pcm::new(
        (0..480)
            .map(|n| if n / 60 % 2 == 0 { 9_000 } else { -9_000 })
            .collect(),
    );
    let mut delays = Vec::new();
    for n in 0..=BURSTS {
        // Pauses of uneven length, so that bursts meet all phases of the packets.
        for _ in 0..60 + n % 7 {
            voice.play(&silence).await;
        }
        tokio::time::sleep(Duration::from_millis((n % 10) as u64)).await;
        while told.try_recv().is_ok() {}
        let said = clock::now();
        for _ in 0..10 {
            voice.play(&burst).await;
        }
        let heard = loop {
            let (at, level) = told.recv().await.unwrap();
            if level > LOUD_DBFS {
                break at;
            }
        };
        // The first only shows that the track is there.
        if n > 0 {
            delays.push((heard - said).as_millis());
        }
    }
    delays.sort_unstable();
    println!(
        "one way, microphone to ear: {} ms p50, {} ms p95, {} to {} ms",
        delays[BURSTS / 2],
        delays[BURSTS * 95 / 100],
        delays[0],
        delays[BURSTS - 1]
    );
}

fn token(livekit: &LiveKitServer, identity: &str) -> String {
    AccessToken::with_api_key(&livekit.api_key, &livekit.api_secret)
        .with_identity(identity)
        .with_grants(VideoGrants {
            room_join: true,
            room: "delay".into(),
            ..VideoGrants::default()
        })
        .to_jwt()
        .unwrap()
}
