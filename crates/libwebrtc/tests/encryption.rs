//! Audio and data that only the participants can read: LiveKit's own client on this crate at both ends, and a real
//! server between them. Google's engine as the other side is in the product's `tests/rooms/encryption.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use libwebrtc::audio_frame::AudioFrame;
use libwebrtc::audio_source::native::NativeAudioSource;
use libwebrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use libwebrtc::audio_stream::native::NativeAudioStream;
use libwebrtc::native::frame_cryptor::{EncryptionState, KeyDerivationAlgorithm};
use livekit::e2ee::key_provider::{KeyProvider, KeyProviderOptions};
use livekit::e2ee::{E2eeOptions, EncryptionType};
use livekit::options::TrackPublishOptions;
use livekit::prelude::*;
use livekit::{SimulateScenario, StreamReader as _};
use livekit_api::access_token::{AccessToken, VideoGrants};
use sidetone_testkit::LiveKitServer;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Keeps a failure from hanging the tests; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);
/// If nothing is heard for this long, it does not arrive.
const QUIET: Duration = Duration::from_secs(3);
/// The tone's amplitude, and the level that counts as heard.
const TONE: i16 = 8_000;
const LOUD: i16 = 2_000;

#[derive(Default)]
struct Notes {
    /// The loudest sample since the last look.
    loudest: i16,
    data: Vec<Vec<u8>>,
    texts: Vec<String>,
    states: Vec<EncryptionState>,
}

/// A participant who plays a tone, and records what it hears and reads.
struct Peer {
    room: Arc<Room>,
    notes: Arc<Mutex<Notes>>,
    _tasks: JoinSet<()>,
}

fn options() -> KeyProviderOptions {
    KeyProviderOptions {
        failure_tolerance: 5,
        ..KeyProviderOptions::default()
    }
}

fn shared(key: &str) -> KeyProvider {
    KeyProvider::with_shared_key(options(), key.into())
}

impl Peer {
    async fn join(server: &LiveKitServer, who: &str, keys: Option<KeyProvider>) -> Self {
        let grants = VideoGrants {
            room_join: true,
            room: "sealed".to_owned(),
            ..VideoGrants::default()
        };
        let token = AccessToken::with_api_key(&server.api_key, &server.api_secret)
            .with_identity(who)
            .with_grants(grants)
            .to_jwt()
            .unwrap();
        let mut options = RoomOptions::default();
        options.encryption = keys.map(|key_provider| E2eeOptions {
            encryption_type: EncryptionType::Gcm,
            key_provider,
        });
        let (room, mut events) = Room::connect(&server.url, &token, options).await.unwrap();
        let room = Arc::new(room);
        let notes = Arc::<Mutex<Notes>>::default();
        let mut tasks = JoinSet::new();
        let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 20);
        let track =
            LocalAudioTrack::create_audio_track("tone", RtcAudioSource::Native(source.clone()));
        tasks.spawn(async move {
            for n in 0_u32.. {
                let sample = |i| {
                    let angle = f64::from(n * 480 + i) * std::f64::consts::TAU * 440.0 / 48_000.0;
                    (f64::from(TONE) * angle.sin()) as i16
                };
                let data: Vec<i16> = (0..480).map(sample).collect();
                let frame = AudioFrame {
                    data: data.into(),
                    sample_rate: 48_000,
                    num_channels: 1,
                    samples_per_channel: 480,
                };
                source.capture_frame(&frame).await.unwrap();
            }
        });
        let noted = notes.clone();
        tasks.spawn(async move {
            let mut ears = JoinSet::new();
            while let Some(event) = events.recv().await {
                match event {
                    RoomEvent::TrackSubscribed {
                        track: RemoteTrack::Audio(track),
                        ..
                    } => {
                        let noted = noted.clone();
                        ears.spawn(async move {
                            let mut stream = NativeAudioStream::new(track.rtc_track(), 16_000, 1);
                            while let Some(frame) = stream.next().await {
                                let loudest = frame.data.iter().map(|s| s.saturating_abs()).max();
                                let mut noted = noted.lock().unwrap();
                                noted.loudest = noted.loudest.max(loudest.unwrap_or(0));
                            }
                        });
                    }
                    RoomEvent::DataReceived { payload, .. } => {
                        noted.lock().unwrap().data.push(payload.to_vec());
                    }
                    RoomEvent::TextStreamOpened { reader, .. } => {
                        let text = reader.take().unwrap().read_all().await.unwrap();
                        noted.lock().unwrap().texts.push(text);
                    }
                    RoomEvent::E2eeStateChanged {
                        participant: Participant::Remote(_),
                        state,
                    } => noted.lock().unwrap().states.push(state),
                    _ => {}
                }
            }
        });
        room.local_participant()
            .publish_track(LocalTrack::Audio(track), TrackPublishOptions::default())
            .await
            .unwrap();
        Self {
            room,
            notes,
            _tasks: tasks,
        }
    }

    fn keys(&self) -> KeyProvider {
        self.room.e2ee_manager().key_provider().unwrap()
    }

    async fn until(&self, what: &str, is_noted: impl Fn(&Notes) -> bool) {
        let noted = async {
            while !is_noted(&self.notes.lock().unwrap()) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = timeout(PATIENCE, noted).await;
        waited.unwrap_or_else(|_| panic!("{what} did not come"));
    }

    /// Waits for new sound.
    async fn hears(&self) {
        // By then everything decrypted earlier has been played.
        sleep(Duration::from_secs(1)).await;
        self.notes.lock().unwrap().loudest = 0;
        self.until("sound", |notes| notes.loudest > LOUD).await;
    }

    /// Asserts that there is neither tone nor noise.
    async fn hears_nothing(&self) {
        sleep(Duration::from_secs(1)).await;
        self.notes.lock().unwrap().loudest = 0;
        sleep(QUIET).await;
        assert!(self.notes.lock().unwrap().loudest < LOUD);
    }

    async fn sends(&self, data: &str) {
        let packet = DataPacket {
            payload: data.as_bytes().to_vec(),
            reliable: true,
            ..DataPacket::default()
        };
        let local = self.room.local_participant();
        local.publish_data(packet).await.unwrap();
        let options = livekit::SendTextOptions::new_with_topic("notes");
        local.send_text(data, options).await.unwrap();
    }

    async fn gets(&self, data: &str) {
        self.until(data, |notes| {
            notes.data.iter().any(|got| got == data.as_bytes())
                && notes.texts.iter().any(|got| got == data)
        })
        .await;
    }
}

async fn both_talk(a: &Peer, b: &Peer, words: &str) {
    a.hears().await;
    b.hears().await;
    a.sends(&format!("{words} from a")).await;
    b.sends(&format!("{words} from b")).await;
    b.gets(&format!("{words} from a")).await;
    a.gets(&format!("{words} from b")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_the_key_is_understood_also_when_it_is_ratcheted_or_another() {
    let server = LiveKitServer::start().await.unwrap();
    let a = Peer::join(&server, "a", Some(shared("words"))).await;
    let b = Peer::join(&server, "b", Some(shared("words"))).await;
    both_talk(&a, &b, "first").await;

    // One side ratchets: the other finds the key, and uses it for its own packets.
    a.keys().ratchet_shared_key(0).unwrap();
    b.until("the ratchet", |notes| {
        notes.states.contains(&EncryptionState::KeyRatcheted)
    })
    .await;
    let new = b.keys().get_key(&"a".to_owned().into(), 0).unwrap();
    assert_eq!(Some(&new), a.keys().get_shared_key(0).as_ref());
    b.keys().set_shared_key(new, 0);
    both_talk(&a, &b, "ratcheted").await;

    // Another key at another index.
    for peer in [&a, &b] {
        peer.keys().set_shared_key(b"other words".to_vec(), 3);
        for cryptor in peer.room.e2ee_manager().frame_cryptors().into_values() {
            cryptor.set_key_index(3);
        }
    }
    both_talk(&a, &b, "another").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_another_key_hears_and_reads_nothing() {
    let server = LiveKitServer::start().await.unwrap();
    let a = Peer::join(&server, "a", Some(shared("words"))).await;
    let b = Peer::join(&server, "b", Some(shared("others"))).await;
    for peer in [&a, &b] {
        peer.until("the failure", |notes| {
            notes.states.contains(&EncryptionState::DecryptionFailed)
        })
        .await;
    }
    a.sends("secret").await;
    b.hears_nothing().await;
    {
        let notes = b.notes.lock().unwrap();
        assert!(notes.data.is_empty() && notes.texts.is_empty());
    }
    b.keys().set_shared_key(b"words".to_vec(), 0);
    both_talk(&a, &b, "mended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_may_have_a_key_of_its_own() {
    let server = LiveKitServer::start().await.unwrap();
    let keys = || {
        let keys = KeyProvider::new(KeyProviderOptions {
            key_derivation_algorithm: KeyDerivationAlgorithm::HKDF,
            ..options()
        });
        keys.set_key(&"a".to_owned().into(), 0, vec![1; 32]);
        keys
    };
    let (of_a, of_b) = (keys(), keys());
    of_b.set_key(&"b".to_owned().into(), 0, vec![2; 32]);
    let a = Peer::join(&server, "a", Some(of_a)).await;
    let b = Peer::join(&server, "b", Some(of_b)).await;
    b.hears().await;
    a.until("the lack of a key", |notes| {
        notes.states.contains(&EncryptionState::MissingKey)
    })
    .await;
    a.hears_nothing().await;
    a.keys().set_key(&"b".to_owned().into(), 0, vec![2; 32]);
    both_talk(&a, &b, "own").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_made_anew_is_encrypted_as_before() {
    let server = LiveKitServer::start().await.unwrap();
    let a = Peer::join(&server, "a", Some(shared("words"))).await;
    let b = Peer::join(&server, "b", Some(shared("words"))).await;
    both_talk(&a, &b, "before").await;

    b.notes.lock().unwrap().states.clear();
    a.room
        .simulate_scenario(SimulateScenario::FullReconnect)
        .await
        .unwrap();
    both_talk(&a, &b, "after").await;
    for publication in a.room.local_participant().track_publications().values() {
        assert_eq!(publication.encryption_type(), EncryptionType::Gcm);
    }
    let states = b.notes.lock().unwrap().states.clone();
    assert_eq!(states, [EncryptionState::Ok], "nothing was closed to it");
}
