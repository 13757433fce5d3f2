//! Measures media against Google's libwebrtc, through a real livekit-server: a tone in each direction with a known
//! frequency and level, and a steady stream of frames while the other side is silent under DTX.
//!
//! Needs livekit-server (in PATH, otherwise in the tools folder of the cache) and LiveKit's Python SDK in the tools
//! folder's venv, both of which `make test` installs.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use livekit::options::TrackPublishOptions;
use livekit::prelude::*;
use livekit::webrtc::audio_frame::AudioFrame;
use livekit::webrtc::audio_source::native::NativeAudioSource;
use livekit::webrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use livekit::webrtc::audio_stream::native::NativeAudioStream;
use livekit_api::access_token::{AccessToken, VideoGrants};

const KEY: &str = "devkey";
const SECRET: &str = "a-secret-for-this-test-only-32-characters";
const OURS_HZ: f64 = 440.0;
const OURS_AMPLITUDE: f64 = 12_000.0;
const THEIRS_HZ: f64 = 550.0;
const THEIRS_AMPLITUDE: f64 = 8_000.0;
const TONE_SECONDS: usize = 6;
const SILENCE_SECONDS: usize = 4;
const RATE: usize = 16_000;

fn tools() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache")
        });
    cache.join("sidetone/tools")
}

/// A server on free loopback ports, stopped when dropped.
struct Server {
    child: Child,
    url: String,
    config: PathBuf,
}

impl Server {
    fn start() -> Self {
        let tcp = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (http, ice_tcp) = (tcp(), tcp());
        let ice_udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = http.local_addr().unwrap().port();
        let yaml = format!(
            "port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{{KEY}: {SECRET}}}\n\
             rtc: {{node_ip: 127.0.0.1, use_external_ip: false, enable_loopback_candidate: true, \
             ips: {{includes: [127.0.0.1/32]}}, stun_servers: ['127.0.0.1:3478'], \
             tcp_port: {}, udp_port: {}}}\n",
            ice_tcp.local_addr().unwrap().port(),
            ice_udp.local_addr().unwrap().port(),
        );
        drop((http, ice_tcp, ice_udp));
        let config = std::env::temp_dir().join(format!("interop-{port}.yaml"));
        std::fs::write(&config, yaml).unwrap();
        let pinned = tools().join("livekit-server-1.13.3");
        let program = if pinned.exists() {
            pinned
        } else {
            "livekit-server".into()
        };
        let child = Command::new(program)
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("livekit-server starts: install it or run `make demo` once");
        let server = Self {
            child,
            url: format!("ws://127.0.0.1:{port}"),
            config,
        };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("livekit-server did not open port {port}");
    }

    fn token(&self, identity: &str) -> String {
        let grants = VideoGrants {
            room_join: true,
            room: "tones".to_owned(),
            ..Default::default()
        };
        AccessToken::with_api_key(KEY, SECRET)
            .with_identity(identity)
            .with_grants(grants)
            .to_jwt()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.config);
    }
}

fn rms(pcm: &[i16]) -> f64 {
    (pcm.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / pcm.len() as f64).sqrt()
}

/// The difference in dB between a measured RMS and a sine of `amplitude`.
fn level_error(rms: f64, amplitude: f64) -> f64 {
    20.0 * (rms / (amplitude / 2f64.sqrt())).log10()
}

/// Frequency by rising zero crossings, in Hz.
fn frequency(pcm: &[i16]) -> f64 {
    let times: Vec<f64> = pcm
        .windows(2)
        .enumerate()
        .filter(|(_, w)| w[0] < 0 && w[1] >= 0)
        .map(|(n, w)| n as f64 + f64::from(-w[0]) / (f64::from(w[1]) - f64::from(w[0])))
        .collect();
    (times.len() - 1) as f64 / (times[times.len() - 1] - times[0]) * RATE as f64
}

async fn publish_tone(room: &Room) -> tokio::task::JoinHandle<()> {
    let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 200);
    let track = LocalAudioTrack::create_audio_track("tone", RtcAudioSource::Native(source.clone()));
    let options = TrackPublishOptions {
        source: TrackSource::Microphone,
        ..Default::default()
    };
    room.local_participant()
        .publish_track(LocalTrack::Audio(track), options)
        .await
        .unwrap();
    tokio::spawn(async move {
        for n in 0u64.. {
            let mut frame = AudioFrame::new(48_000, 1, 480);
            for (i, sample) in frame.data.to_mut().iter_mut().enumerate() {
                let t = (n * 480 + i as u64) as f64 / 48_000.0;
                *sample = ((t * OURS_HZ * std::f64::consts::TAU).sin() * OURS_AMPLITUDE) as i16;
            }
            if source.capture_frame(&frame).await.is_err() {
                return;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tones_pass_both_ways_and_silence_stays_steady() {
    let server = Server::start();
    let (room, mut events) =
        Room::connect(&server.url, &server.token("rust"), RoomOptions::default())
            .await
            .unwrap();
    let publisher = publish_tone(&room).await;

    let peer = tokio::process::Command::new(tools().join("python/bin/python"))
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/tone_peer.py"
        ))
        .args(["--url", &server.url, "--token", &server.token("python")])
        .args([
            "--hz",
            &THEIRS_HZ.to_string(),
            "--amplitude",
            &THEIRS_AMPLITUDE.to_string(),
        ])
        .args([
            "--tone",
            &TONE_SECONDS.to_string(),
            "--silence",
            &SILENCE_SECONDS.to_string(),
        ])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the Python SDK is installed in the tools folder");

    let track = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let event = events.recv().await.expect("the room stays open");
            if let RoomEvent::TrackSubscribed {
                track: RemoteTrack::Audio(track),
                ..
            } = event
            {
                break track;
            }
        }
    })
    .await
    .expect("the Python peer publishes within a minute");

    // All frames until the peer has left, and the time they took.
    let mut stream = NativeAudioStream::new(track.rtc_track(), RATE as i32, 1);
    let mut heard: Vec<i16> = Vec::new();
    let started = sidetone_base::clock::now();
    let output = peer.wait_with_output();
    tokio::pin!(output);
    let (output, elapsed) = loop {
        tokio::select! {
            output = &mut output => break (output.unwrap(), started.elapsed()),
            Some(frame) = stream.next() => heard.extend_from_slice(&frame.data),
        }
    };
    publisher.abort();
    room.close().await.unwrap();

    let frames = heard.len() as f64 / (RATE / 100) as f64;
    let due = elapsed.as_secs_f64() * 100.0;
    assert!(
        (frames - due).abs() < 0.03 * due,
        "{frames} frames, {due} were due"
    );

    let onset = heard
        .iter()
        .position(|s| s.unsigned_abs() > 2_000)
        .expect("their tone is heard");
    let tone = &heard[onset + RATE..onset + (TONE_SECONDS - 1) * RATE];
    let (hz, error) = (frequency(tone), level_error(rms(tone), THEIRS_AMPLITUDE));
    eprintln!("heard from Python: {hz:.2} Hz, {error:+.2} dB, {frames} frames of {due:.0}");
    assert!((hz - THEIRS_HZ).abs() < 1.0, "{hz} Hz");
    assert!(error.abs() < 1.0, "{error} dB");
    let silence = &heard[onset + (TONE_SECONDS + 1) * RATE..];
    assert!(silence.len() > RATE, "silence is heard too");
    assert!(rms(silence) < 100.0, "{}", rms(silence));

    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("the Python peer reports");
    let (hz, level) = (
        report["hz"].as_f64().unwrap(),
        report["rms"].as_f64().unwrap(),
    );
    let error = level_error(level, OURS_AMPLITUDE);
    eprintln!("heard by Python: {hz:.2} Hz, {error:+.2} dB");
    assert!((hz - OURS_HZ).abs() < 1.0, "{hz} Hz");
    assert!(error.abs() < 1.0, "{error} dB");
}
