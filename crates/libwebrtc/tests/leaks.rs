//! Finished connections leave no task and no open file behind. The only test in its program, because open files are
//! counted for the whole process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use libwebrtc::audio_frame::AudioFrame;
use libwebrtc::audio_source::AudioSourceOptions;
use libwebrtc::audio_source::native::NativeAudioSource;
use libwebrtc::audio_stream::native::NativeAudioStream;
use libwebrtc::data_channel::DataChannelInit;
use libwebrtc::media_stream_track::MediaStreamTrack;
use libwebrtc::peer_connection_factory::PeerConnectionFactory;
use libwebrtc::peer_connection_factory::native::PeerConnectionFactoryExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::StreamExt;

mod pair;

const ROUNDS: usize = 50;

/// One call: two connections with audio and a channel between them.
async fn call(close: bool) {
    let (a, b) = (pair::connection(), pair::connection());
    let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 100);
    let track = PeerConnectionFactory::default().create_audio_track("tone", source.clone());
    a.add_track(track.into(), &["stream"]).unwrap();
    let (incoming, mut tracks) = mpsc::channel(1);
    b.on_track(Some(Box::new(move |event| {
        incoming.try_send(event.track).unwrap();
    })));
    let (ours, theirs) = pair::channel(&a, &b, DataChannelInit::default()).await;
    let track = timeout(pair::DEADLINE, tracks.recv()).await.unwrap();
    let Some(MediaStreamTrack::Audio(track)) = track else {
        panic!("an audio track came as {track:?}");
    };
    let mut stream = NativeAudioStream::new(track, 16_000, 1);
    let mut frame = AudioFrame::new(48_000, 1, 480);
    frame.data.to_mut().fill(1000);
    source.capture_frame(&frame).await.unwrap();
    let heard = timeout(pair::DEADLINE, stream.next()).await.unwrap();
    assert!(heard.is_some());
    ours.send(b"hello", true).unwrap();
    if close {
        a.close();
        b.close();
        // The track ends with its connection, and the stream with the track.
        let end = async { while stream.next().await.is_some() {} };
        timeout(pair::DEADLINE, end).await.unwrap();
    }
    // Handles of channels outlive their connection without keeping it alive.
    drop((a, b));
    drop((ours, theirs));
}

/// Waits until no task is left. Returns how many files are open then.
async fn files_at_rest() -> usize {
    // A source without audio ends its task after a second.
    let rest = async {
        while Handle::current().metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let rested = timeout(pair::DEADLINE, rest).await;
    assert!(rested.is_ok(), "{} tasks are left over", tasks());
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn connections_leave_nothing_behind() {
    // This creates what exists once per process.
    call(true).await;
    let before = files_at_rest().await;
    for round in 0..ROUNDS {
        call(round % 2 == 0).await;
    }
    assert_eq!(files_at_rest().await, before, "open files");
}
