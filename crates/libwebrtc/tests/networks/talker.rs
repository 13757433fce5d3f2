//! A participant who never stops talking, and records when it hears something.
#![allow(dead_code, reason = "each test program needs a part of this")]

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use libwebrtc::audio_frame::AudioFrame;
use libwebrtc::audio_source::native::NativeAudioSource;
use libwebrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use libwebrtc::audio_stream::native::NativeAudioStream;
use libwebrtc::peer_connection_factory::{PathWatch, Paths};
use livekit::options::TrackPublishOptions;
use livekit::prelude::*;
use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_net::{Header, TransportError, WsClient, WsConnectResult};
use sidetone_testkit::LiveKitServer;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Sound above this is a tone, not comfort noise.
const LOUD: i16 = 2_000;

type Times = Arc<Mutex<Vec<Instant>>>;

pub struct Talker {
    pub room: Arc<Room>,
    pub watch: Arc<PathWatch>,
    heard: Times,
    data: Times,
    _tasks: JoinSet<()>,
}

impl Talker {
    pub async fn join(url: &str, token: &str, paths: Paths) -> Self {
        let watch = Arc::<PathWatch>::default();
        let mut options = RoomOptions::default();
        options.rtc_config.paths = paths;
        options.rtc_config.watch = Some(watch.clone());
        let (room, mut events) = Room::connect(url, token, options).await.unwrap();
        let room = Arc::new(room);
        let (heard, data) = (Times::default(), Times::default());
        let mut tasks = JoinSet::new();
        let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 20);
        let track =
            LocalAudioTrack::create_audio_track("tone", RtcAudioSource::Native(source.clone()));
        tasks.spawn(sound(source));
        room.local_participant()
            .publish_track(LocalTrack::Audio(track), TrackPublishOptions::default())
            .await
            .unwrap();
        let (sending, heard_now, data_now) = (room.clone(), heard.clone(), data.clone());
        tasks.spawn(async move {
            loop {
                let packet = DataPacket {
                    payload: b"here".to_vec(),
                    reliable: true,
                    ..DataPacket::default()
                };
                // It may fail while the connection is being restored.
                sending.local_participant().publish_data(packet).await.ok();
                sleep(Duration::from_millis(200)).await;
            }
        });
        tasks.spawn(async move {
            let mut ears = JoinSet::new();
            while let Some(event) = events.recv().await {
                match event {
                    RoomEvent::TrackSubscribed {
                        track: RemoteTrack::Audio(track),
                        ..
                    } => {
                        ears.spawn(listen(track, heard_now.clone()));
                    }
                    RoomEvent::DataReceived { .. } => data_now.lock().unwrap().push(Instant::now()),
                    _ => {}
                }
            }
        });
        Self {
            room,
            watch,
            heard,
            data,
            _tasks: tasks,
        }
    }

    /// Waits until it hears something that arrived after this time.
    pub async fn hears_from(&self, begin: Instant, patience: Duration) {
        let by = Instant::now() + patience;
        while !self.heard.lock().unwrap().iter().any(|at| *at > begin) {
            assert!(Instant::now() < by, "nothing is heard for {patience:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The longest time without a sound from `begin` until now.
    pub fn longest_silence(&self, begin: Instant) -> Duration {
        let now = Instant::now();
        let heard = self.heard.lock().unwrap();
        let times = heard.iter().copied().filter(|at| *at > begin);
        let times: Vec<Instant> = [begin].into_iter().chain(times).chain([now]).collect();
        times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap()
    }

    pub fn data_since(&self, begin: Instant) -> usize {
        self.data
            .lock()
            .unwrap()
            .iter()
            .filter(|at| **at > begin)
            .count()
    }
}

async fn listen(track: RemoteAudioTrack, heard: Times) {
    let mut stream = NativeAudioStream::new(track.rtc_track(), 16_000, 1);
    while let Some(frame) = stream.next().await {
        if frame.data.iter().any(|sample| sample.abs() > LOUD) {
            heard.lock().unwrap().push(Instant::now());
        }
    }
}

/// An endless tone.
async fn sound(source: NativeAudioSource) {
    let step = 440.0 * std::f64::consts::TAU / 48_000.0;
    let mut position = 0.0_f64;
    loop {
        let samples: Vec<i16> = (0..480)
            .map(|_| {
                position += step;
                (position.sin() * 10_000.0) as i16
            })
            .collect();
        let frame = AudioFrame {
            data: samples.into(),
            sample_rate: 48_000,
            num_channels: 1,
            samples_per_channel: 480,
        };
        source.capture_frame(&frame).await.unwrap();
    }
}

/// A self-signed certificate for an address, and its key.
pub fn certificate(address: IpAddr) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new([address.to_string()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// The client's own transport, except that an attempt to connect lasts while there is no network: the ten attempts that
/// livekit 0.10 makes are used up in half a minute, or in 8 s if each fails at once.
struct Patient(Arc<dyn WsClient>);

#[async_trait]
impl WsClient for Patient {
    async fn connect(
        &self,
        url: String,
        headers: Vec<Header>,
        timeout_ms: u64,
    ) -> Result<WsConnectResult, TransportError> {
        for _ in 0..timeout_ms / 500 {
            match self
                .0
                .connect(url.clone(), headers.clone(), timeout_ms)
                .await
            {
                Err(TransportError::Connection(_)) => sleep(Duration::from_millis(500)).await,
                connected => return connected,
            }
        }
        Err(TransportError::Timeout)
    }
}

/// Makes LiveKit's client outlast long network outages.
pub fn be_patient() {
    let own = livekit_net::ws_client().unwrap();
    livekit_net::set_ws_client(Arc::new(Patient(own)));
}

/// A token that opens `room` for `identity`.
pub fn token(server: &LiveKitServer, room: &str, identity: &str) -> String {
    let grants = VideoGrants {
        room_join: true,
        room: room.to_owned(),
        can_update_own_metadata: Some(true),
        ..VideoGrants::default()
    };
    AccessToken::with_api_key(&server.api_key, &server.api_secret)
        .with_identity(identity)
        .with_grants(grants)
        .to_jwt()
        .unwrap()
}
