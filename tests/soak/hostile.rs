//! A participant who sends everything it can, as fast as it can, in a process of its own: what it computes is not to
//! delay those who listen in the test's.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use livekit::prelude::*;
use livekit::{StreamByteOptions, StreamTextOptions, StreamWriter as _};
use livekit_api::access_token::{AccessToken, VideoGrants};
use sidetone_testkit::LiveKitServer;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::rooms::person::Person;

/// The recording that once made a worker hang, and the one that exhausted its memory.
const CIRCLE: &[u8] = include_bytes!("../../fixtures/fuzz/webm/circle");
const LACED: &[u8] = include_bytes!("../../fixtures/fuzz/webm/laced");
/// Simultaneous connections that stop in the middle of a request.
const HALF_OPEN: usize = 100;
/// The time between two rounds of everything below: a second of it is a thousand packets.
const ROUND: Duration = Duration::from_millis(400);

const URL: &str = "FLOOD_URL";
const TOKEN: &str = "FLOOD_TOKEN";
const PLANE: &str = "FLOOD_PLANE";

/// The process: this test program, started again. Dropping it kills it.
pub struct Flood(Child);

impl Flood {
    /// Floods a room and the control plane until it is dropped.
    pub fn start(livekit: &LiveKitServer, plane: SocketAddr, room: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "soak::hostile::floods", "--ignored"])
            .env(URL, &livekit.url)
            .env(TOKEN, token(livekit, room))
            .env(PLANE, plane.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Whether it still floods.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test, but the process of [`Flood`].
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the soak"]
async fn floods() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let token = std::env::var(TOKEN).unwrap();
    let plane = std::env::var(PLANE).unwrap().parse().unwrap();
    flood(&url, &token, plane).await;
}

/// A token with all rights in a room.
fn token(server: &LiveKitServer, room: &str) -> String {
    let grants = VideoGrants {
        room_join: true,
        room: room.to_owned(),
        can_update_own_metadata: Some(true),
        ..VideoGrants::default()
    };
    AccessToken::with_api_key(&server.api_key, &server.api_secret)
        .with_identity("eve")
        .with_grants(grants)
        .to_jwt()
        .unwrap()
}

async fn flood(url: &str, token: &str, plane: SocketAddr) {
    let mut eve = Person::join(url, token).await;
    let mut sockets = JoinSet::new();
    for _ in 0..HALF_OPEN {
        sockets.spawn(half_open(plane));
    }
    let mut kept = Vec::new();
    for round in 0_usize.. {
        messages(&eve, round).await;
        // Streams without an end; the previous ones are abandoned.
        kept = streams(&eve).await;
        requests(&eve).await;
        packets(&eve).await;
        track(&mut eve).await;
        let attributes = (0..40).map(|n| (format!("{round}-{n}"), "x".repeat(500)));
        let participant = eve.room.local_participant();
        participant.set_attributes(attributes.collect()).await.ok();
        tokio::time::sleep(ROUND).await;
    }
    drop(kept);
}

/// A connection that begins a request and never finishes it.
async fn half_open(plane: SocketAddr) {
    loop {
        if let Ok(mut socket) = TcpStream::connect(plane).await {
            let begun = b"POST /api/voice/token HTTP/1.1\r\nHost: a\r\n";
            socket.write_all(begun).await.ok();
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn messages(eve: &Person, round: usize) {
    for n in 0..10 {
        eve.writes(&format!("{round} {n} {}", "word ".repeat(2_800)))
            .await;
    }
}

async fn streams(eve: &Person) -> Vec<impl Sized + use<>> {
    let participant = eve.room.local_participant();
    let mut open = Vec::new();
    for bytes in [CIRCLE, LACED] {
        let mut options = StreamByteOptions::new_with_topic("lk.agent.pre-connect-audio-buffer");
        options.mime_type = Some("audio/webm;codecs=opus".into());
        if let Ok(writer) = participant.stream_bytes(options).await {
            writer.write(bytes).await.ok();
            writer.close().await.ok();
        }
    }
    for topic in ["lk.chat", "lk.rpc_request", "anything"] {
        let options = StreamTextOptions::new_with_topic(topic);
        if let Ok(writer) = participant.stream_text(options).await {
            writer.write(&"a".repeat(10_000)).await.ok();
            open.push(writer);
        }
    }
    open
}

/// Nobody waits for the responses.
async fn requests(eve: &Person) {
    let Some(agent) = eve.agent() else { return };
    for method in ["mute", "unmute", "nonsense"] {
        let participant = eve.room.local_participant();
        let mut asked = PerformRpcData::new(agent.identity(), method);
        asked.response_timeout = Duration::from_secs(2);
        tokio::spawn(async move {
            participant.perform_rpc(asked).await.ok();
        });
    }
}

async fn packets(eve: &Person) {
    let participant = eve.room.local_participant();
    for n in 0..200 {
        let packet = DataPacket {
            payload: vec![n as u8; 1_000],
            topic: Some("sidetone.recording".into()),
            reliable: n % 2 == 0,
            ..DataPacket::default()
        };
        participant.publish_data(packet).await.ok();
    }
}

async fn track(eve: &mut Person) {
    let sounding = eve.publish(TrackSource::ScreenshareAudio, false).await;
    let id = sounding.publication.sid();
    let participant = eve.room.local_participant();
    participant.unpublish_track(&id).await.ok();
}
