//! What a track that is to be encrypted sends, between two connections of this engine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use libwebrtc::audio_frame::AudioFrame;
use libwebrtc::audio_source::AudioSourceOptions;
use libwebrtc::audio_source::native::NativeAudioSource;
use libwebrtc::audio_stream::native::NativeAudioStream;
use libwebrtc::audio_track::RtcAudioTrack;
use libwebrtc::media_stream_track::MediaStreamTrack;
use libwebrtc::native::frame_cryptor::{
    EncryptionAlgorithm, FrameCryptor, KeyDerivationAlgorithm, KeyProvider, KeyProviderOptions,
};
use libwebrtc::peer_connection::PeerConnection;
use libwebrtc::peer_connection_factory::native::PeerConnectionFactoryExt;
use libwebrtc::peer_connection_factory::{PeerConnectionFactory, RtcConfiguration};
use libwebrtc::rtp_receiver::RtpReceiver;
use libwebrtc::rtp_sender::RtpSender;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::StreamExt;

#[allow(dead_code, reason = "this program makes its connections itself")]
mod pair;

/// If there was no sound for this long, none will come.
const QUIET: Duration = Duration::from_secs(3);

/// The tone's period, in samples at 16 kHz.
const PERIOD: usize = 32;
/// Frames of 10 ms.
const IN_A_ROW: usize = 10;

fn keys() -> KeyProvider {
    let keys = KeyProvider::new(KeyProviderOptions {
        shared_key: true,
        ratchet_window_size: 0,
        ratchet_salt: b"salt".to_vec(),
        failure_tolerance: -1,
        key_ring_size: 16,
        key_derivation_algorithm: KeyDerivationAlgorithm::HKDF,
    });
    keys.set_shared_key(0, b"key".to_vec());
    keys
}

fn only_encrypted(only_encrypted: bool) -> PeerConnection {
    let mut configuration = RtcConfiguration::default();
    configuration.only_encrypted = only_encrypted;
    PeerConnectionFactory::default()
        .create_peer_connection(configuration)
        .unwrap()
}

/// A track that plays a tone for as long as it lives.
fn tone() -> RtcAudioTrack {
    let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 20);
    let track = PeerConnectionFactory::default().create_audio_track("tone", source.clone());
    tokio::spawn(async move {
        loop {
            let mut frame = AudioFrame::new(48_000, 1, 480);
            for (n, sample) in frame.data.to_mut().iter_mut().enumerate() {
                *sample = if n / 48 % 2 == 0 { 8_000 } else { -8_000 };
            }
            source.capture_frame(&frame).await.unwrap();
        }
    });
    track
}

/// Sends `track` from one connection to another.
async fn connect(
    from: &PeerConnection,
    to: &PeerConnection,
    track: &RtcAudioTrack,
) -> (RtpSender, RtpReceiver, NativeAudioStream) {
    let sender = from.add_track(track.clone().into(), &["stream"]).unwrap();
    let (incoming, mut tracks) = mpsc::channel(1);
    to.on_track(Some(Box::new(move |event| {
        incoming.try_send(event).unwrap();
    })));
    pair::negotiate(from, to).await;
    let event = timeout(pair::DEADLINE, tracks.recv())
        .await
        .unwrap()
        .unwrap();
    let MediaStreamTrack::Audio(track) = event.track else {
        panic!("an audio track came as {:?}", event.track);
    };
    (
        sender,
        event.receiver,
        NativeAudioStream::new(track, 16_000, 1),
    )
}

/// Whether the frame equals itself a period ago and the opposite of itself half a period ago: noise, such as a decoder
/// makes of encrypted packets, satisfies neither.
fn is_tone(frame: &[i16]) -> bool {
    let sound: Vec<f64> = frame.iter().map(|&s| f64::from(s)).collect();
    let alike = |lag: usize| {
        let pairs = || sound.iter().zip(&sound[lag..]);
        let power: f64 = pairs().map(|(a, b)| (a * a + b * b) / 2.0).sum();
        pairs().map(|(a, b)| a * b).sum::<f64>() / power.max(1.0)
    };
    let power = sound.iter().map(|s| s * s).sum::<f64>() / sound.len() as f64;
    power > 2_000.0_f64.powi(2) && alike(PERIOD) > 0.9 && alike(PERIOD / 2) < -0.9
}

/// Whether the tone is heard within `patience`.
async fn hears(stream: &mut NativeAudioStream, patience: Duration) -> bool {
    let hearing = async {
        let mut in_a_row = 0;
        while in_a_row < IN_A_ROW {
            let Some(frame) = stream.next().await else {
                return false;
            };
            in_a_row = if is_tone(&frame.data) {
                in_a_row + 1
            } else {
                0
            };
        }
        true
    };
    timeout(patience, hearing).await.unwrap_or(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_stays_encrypted_on_whichever_connection_it_is_sent() {
    let track = tone();
    let (a, b) = (only_encrypted(false), only_encrypted(false));
    let (sender, receiver, mut heard) = connect(&a, &b, &track).await;
    let factory = PeerConnectionFactory::default();
    let (who, gcm) = ("ada".to_owned(), EncryptionAlgorithm::AesGcm);
    let seal = FrameCryptor::new_for_rtp_sender(&factory, who.clone(), gcm, keys(), sender);
    seal.set_enabled(true);
    let open = FrameCryptor::new_for_rtp_receiver(&factory, who, gcm, keys(), receiver);
    open.set_enabled(true);
    assert!(hears(&mut heard, pair::DEADLINE).await, "by its key");

    // As after a full reconnect: nobody has created a cryptor for the new connection yet.
    let (c, d) = (only_encrypted(false), only_encrypted(false));
    let (_, _, mut overheard) = connect(&c, &d, &track).await;
    assert!(!hears(&mut overheard, QUIET).await, "in the clear");
    assert!(hears(&mut heard, pair::DEADLINE).await, "still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_cryptor_lets_nothing_pass_where_only_what_is_encrypted_may() {
    let (a, b) = (only_encrypted(true), only_encrypted(false));
    let (sender, receiver, mut heard) = connect(&a, &b, &tone()).await;
    let factory = PeerConnectionFactory::default();
    let (who, gcm) = ("ada".to_owned(), EncryptionAlgorithm::AesGcm);
    let seal = FrameCryptor::new_for_rtp_sender(&factory, who.clone(), gcm, keys(), sender);
    assert!(!hears(&mut heard, QUIET).await, "before it is enabled");
    let open = FrameCryptor::new_for_rtp_receiver(&factory, who, gcm, keys(), receiver);
    open.set_enabled(true);
    seal.set_enabled(true);
    assert!(hears(&mut heard, pair::DEADLINE).await, "by its key");
    // As LiveKit's client does when it leaves.
    open.set_enabled(false);
    seal.set_enabled(false);
    // What is on its way is played to its end.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!hears(&mut heard, QUIET).await, "after it is disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_passes_in_the_clear_where_only_what_is_encrypted_may() {
    for (sends, takes) in [(true, false), (false, true)] {
        let (a, b) = (only_encrypted(sends), only_encrypted(takes));
        let (_, _, mut heard) = connect(&a, &b, &tone()).await;
        let is_heard = hears(&mut heard, QUIET).await;
        assert!(!is_heard, "sends {sends}, takes {takes}");
    }
    let (a, b) = (only_encrypted(false), only_encrypted(false));
    let (_, _, mut heard) = connect(&a, &b, &tone()).await;
    assert!(hears(&mut heard, pair::DEADLINE).await, "elsewhere");
}
