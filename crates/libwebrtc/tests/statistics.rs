//! `get_stats` reports a sent track at both of its ends, in the forms of the W3C.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use libwebrtc::audio_frame::AudioFrame;
use libwebrtc::audio_source::AudioSourceOptions;
use libwebrtc::audio_source::native::NativeAudioSource;
use libwebrtc::audio_stream::native::NativeAudioStream;
use libwebrtc::media_stream_track::MediaStreamTrack;
use libwebrtc::peer_connection::PeerConnection;
use libwebrtc::peer_connection_factory::PeerConnectionFactory;
use libwebrtc::peer_connection_factory::native::PeerConnectionFactoryExt;
use libwebrtc::stats::RtcStats;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::StreamExt;

#[allow(dead_code, reason = "this program makes its connections itself")]
mod pair;

/// Polls the statistics until everything is there.
async fn eventually<T>(
    from: &PeerConnection,
    what: &str,
    find: impl Fn(&[RtcStats]) -> Option<T>,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = find(&from.get_stats().await.unwrap()) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let found = timeout(pair::DEADLINE, looking).await;
    found.unwrap_or_else(|_| panic!("no statistics of {what}"))
}

macro_rules! of {
    ($stats:expr, $kind:ident) => {
        $stats.iter().find_map(|stats| match stats {
            RtcStats::$kind(stats) => Some(stats.clone()),
            _ => None,
        })
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_of_a_track_tell_of_it() {
    let factory = PeerConnectionFactory::default();
    let (from, to) = (pair::connection(), pair::connection());
    let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 20);
    let track = factory.create_audio_track("tone", source.clone());
    tokio::spawn(async move {
        loop {
            let mut frame = AudioFrame::new(48_000, 1, 480);
            for (n, sample) in frame.data.to_mut().iter_mut().enumerate() {
                *sample = if n / 48 % 2 == 0 { 8_000 } else { -8_000 };
            }
            source.capture_frame(&frame).await.unwrap();
        }
    });
    let sender = from.add_track(track.into(), &["stream"]).unwrap();
    let (incoming, mut tracks) = mpsc::channel(1);
    to.on_track(Some(Box::new(move |event| {
        incoming.try_send(event).unwrap();
    })));
    pair::negotiate(&from, &to).await;
    let event = timeout(pair::DEADLINE, tracks.recv())
        .await
        .unwrap()
        .unwrap();
    let MediaStreamTrack::Audio(heard) = event.track else {
        panic!("an audio track came as {:?}", event.track);
    };
    let mut heard = NativeAudioStream::new(heard, 16_000, 1);
    tokio::spawn(async move { while heard.next().await.is_some() {} });

    // What is received, and the codec agreed for it.
    let (inbound, codec) = eventually(&to, "what is received", |stats| {
        let inbound =
            of!(stats, InboundRtp).filter(|stats| stats.received.packets_received > 50)?;
        Some((inbound, of!(stats, Codec)?))
    })
    .await;
    assert_eq!(inbound.stream.kind, "audio");
    assert!(inbound.received.packets_lost.abs() < 50, "{inbound:?}");
    let sound = &inbound.inbound;
    assert!(sound.total_samples_received > 0 && sound.bytes_received > 0);
    assert!(sound.concealed_samples >= sound.silent_concealed_samples);
    assert!(
        sound.total_samples_received >= sound.concealed_samples,
        "{sound:?}"
    );
    assert_eq!(inbound.stream.codec_id, codec.rtc.id);
    let codec = codec.codec;
    assert_eq!(
        (codec.mime_type.as_str(), codec.clock_rate),
        ("audio/opus", 48_000)
    );
    assert_eq!(codec.channels, 2);
    assert!(codec.sdp_fmtp_line.contains("useinbandfec=1"), "{codec:?}");

    // What is sent, and what the other side has reported about it.
    let (outbound, told) = eventually(&from, "what is sent", |stats| {
        Some((of!(stats, OutboundRtp)?, of!(stats, RemoteInboundRtp)?))
    })
    .await;
    assert_eq!(outbound.stream.ssrc, inbound.stream.ssrc);
    assert_ne!(outbound.stream.ssrc, 0);
    assert!(outbound.sent.packets_sent > 50, "{outbound:?}");
    assert_eq!(outbound.outbound.remote_id, told.rtc.id);
    assert_eq!(told.remote_inbound.local_id, outbound.rtc.id);
    let of_sender = sender.get_stats().await.unwrap();
    assert!(of!(of_sender, OutboundRtp).is_some() && of!(of_sender, Codec).is_some());
    assert!(of!(of_sender, InboundRtp).is_none());

    // The path it takes.
    let (pair, local, remote) = eventually(&from, "the way", |stats| {
        let pair = of!(stats, CandidatePair)?;
        Some((
            pair,
            of!(stats, LocalCandidate)?,
            of!(stats, RemoteCandidate)?,
        ))
    })
    .await;
    assert!(pair.candidate_pair.nominated);
    assert_eq!(pair.candidate_pair.local_candidate_id, local.rtc.id);
    assert_eq!(pair.candidate_pair.remote_candidate_id, remote.rtc.id);
    assert_eq!(local.local_candidate.protocol, "udp");
}
