//! What the media engine costs the process that is in rooms: CPU and memory of one that speaks in 20 rooms, and of one
//! that listens in 20, in continuous speech and in silence, through a real livekit-server on this machine.
//!
//! `cargo bench --bench rooms` (Linux). The process that is measured is a child of this one, which is the other
//! participant of each room.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use livekit::prelude::*;
use livekit_api::access_token::{AccessToken, VideoGrants};
use sidetone::room::join;
use sidetone::room::voice::{VoiceTrack, hear};
use sidetone_base::audio::pcm::level_dbfs;
use sidetone_base::audio::{Pcm, wav};
use sidetone_testkit::LiveKitServer;
use tokio::sync::mpsc;

const ROOMS: usize = 20;
/// After the last room is joined, until what joining takes is over.
const SETTLED: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(20);
/// Louder sound is speech.
const LOUD_DBFS: f32 = -40.0;
const SPEECH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/fixtures/audio/librivox-cold-hearted.wav"
);
/// The child's orders: whether it speaks, whether there is sound, the server, and its tokens.
const ORDERS: [&str; 4] = ["ROOMS_SPEAKS", "ROOMS_SOUND", "ROOMS_URL", "ROOMS_TOKENS"];

/// One side of all rooms.
#[derive(Clone, Copy)]
struct Side {
    speaks: bool,
    sound: bool,
}

fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let orders = ORDERS.map(|name| std::env::var(name).ok());
    if let [Some(speaks), Some(sound), Some(url), Some(tokens)] = orders {
        let side = Side {
            speaks: speaks == "true",
            sound: sound == "true",
        };
        let tokens: Vec<String> = tokens.lines().map(Into::into).collect();
        return runtime.block_on(be_measured(side, &url, &tokens));
    }
    println!("| in {ROOMS} rooms | CPU, % of a core | memory, MB |\n|---|---|---|");
    for (sound, what) in [(true, "speech"), (false, "silence")] {
        for (speaks, does) in [(true, "speaks"), (false, "listens")] {
            let (cpu, memory) = runtime.block_on(measure(Side { speaks, sound }));
            println!("| {does}, {what} | {cpu:.0} | {memory:.0} |");
        }
    }
}

/// Measures a child on this side. Returns its CPU in percent of a core, and its memory in MB.
async fn measure(side: Side) -> (f64, f64) {
    let livekit = LiveKitServer::start().await.unwrap();
    let tokens = |who: &str| -> Vec<String> {
        let rooms = (0..ROOMS).map(|room| token(&livekit, &format!("room-{room}"), who));
        rooms.collect()
    };
    let other = Side {
        speaks: !side.speaks,
        ..side
    };
    let _here = take_part(other, &livekit.url, &tokens("here")).await;
    let orders = [
        side.speaks.to_string(),
        side.sound.to_string(),
        livekit.url.clone(),
        tokens("measured").join("\n"),
    ];
    let program = std::env::current_exe().unwrap();
    let child = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(program);
        child.envs(ORDERS.into_iter().zip(orders)).output().unwrap()
    });
    let output = child.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let figures: Vec<f64> = text
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    (figures[0], figures[1])
}

async fn be_measured(side: Side, url: &str, tokens: &[String]) {
    let there = take_part(side, url, tokens).await;
    tokio::time::sleep(SETTLED).await;
    let before = cpu_seconds();
    tokio::time::sleep(MEASURED).await;
    let share = (cpu_seconds() - before) / MEASURED.as_secs_f64();
    println!("{} {}", share * 100.0, resident_mb());
    if side.sound && !side.speaks {
        let loud = there.loud.load(Ordering::Relaxed);
        assert!(loud > ROOMS * 100, "{loud} frames of speech in all rooms");
    }
}

struct There {
    _rooms: Vec<Room>,
    /// Frames of speech heard in all of them.
    loud: Arc<AtomicUsize>,
}

async fn take_part(side: Side, url: &str, tokens: &[String]) -> There {
    let loud = Arc::<AtomicUsize>::default();
    let speech = wav::read::<48_000>(Path::new(SPEECH)).unwrap();
    let frames = speech.samples().chunks_exact(480);
    let frames: Arc<[Pcm<48_000>]> = frames.map(|frame| Pcm::new(frame.to_vec())).collect();
    let mut rooms = Vec::new();
    for token in tokens {
        let (room, events) = join(url, token, true).await.unwrap();
        if side.speaks {
            let voice = VoiceTrack::publish(&room, "voice").await.unwrap();
            tokio::spawn(speak(voice, side.sound.then(|| frames.clone())));
        } else {
            tokio::spawn(listen(events, loud.clone()));
        }
        rooms.push(room);
    }
    There {
        _rooms: rooms,
        loud,
    }
}

async fn speak(voice: VoiceTrack, frames: Option<Arc<[Pcm<48_000>]>>) {
    let Some(frames) = frames else {
        // The track is silent until something is played.
        return std::future::pending().await;
    };
    loop {
        for frame in frames.iter() {
            voice.play(frame).await;
        }
    }
}

async fn listen(mut events: mpsc::UnboundedReceiver<RoomEvent>, loud: Arc<AtomicUsize>) {
    while let Some(event) = events.recv().await {
        if let RoomEvent::TrackSubscribed {
            track: RemoteTrack::Audio(track),
            ..
        } = event
        {
            let loud = loud.clone();
            tokio::spawn(hear::<16_000, ()>(track, move |frame| {
                let is_loud = level_dbfs(frame.samples()).is_some_and(|level| level > LOUD_DBFS);
                loud.fetch_add(usize::from(is_loud), Ordering::Relaxed);
                Ok(())
            }));
        }
    }
}

/// What this process has used, in user and in system mode.
fn cpu_seconds() -> f64 {
    /// Linux's, on every platform that it tells of here.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The fields after the program's name, which may hold spaces.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: f64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024.0 / 1e6
}

fn token(livekit: &LiveKitServer, room: &str, identity: &str) -> String {
    AccessToken::with_api_key(&livekit.api_key, &livekit.api_secret)
        .with_identity(identity)
        .with_grants(VideoGrants {
            room_join: true,
            room: room.into(),
            ..VideoGrants::default()
        })
        .to_jwt()
        .unwrap()
}
