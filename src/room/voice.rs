//! One audio track in each direction: a microphone track that we publish, and a track that we hear.

use std::time::Duration;

use futures::StreamExt;
use livekit::options::TrackPublishOptions;
use livekit::prelude::*;
use livekit::webrtc::audio_frame::AudioFrame;
use livekit::webrtc::audio_source::native::NativeAudioSource;
use livekit::webrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use livekit::webrtc::audio_stream::native::NativeAudioStream;
use tokio::sync::mpsc::error::TrySendError;

use super::JoinError;
use super::microphone::Track;
use sidetone_base::audio::Pcm;

/// How much of our audio the engine may buffer. Less makes barge-in faster; two frames tolerate a busy scheduler.
const QUEUE: Duration = Duration::from_millis(20);
/// A server that has not answered a publish request by then will not.
const PUBLISH_DEADLINE: Duration = Duration::from_secs(10);

/// Our microphone track in a room.
pub struct VoiceTrack {
    source: NativeAudioSource,
    publication: LocalTrackPublication,
}

impl VoiceTrack {
    /// Publishes a mono microphone track called `name`; it is silent until [`Self::play`].
    ///
    /// # Errors
    /// When the server refuses the track or does not answer.
    pub async fn publish(room: &Room, name: &str) -> Result<Self, JoinError> {
        let queue = QUEUE.as_millis() as u32;
        let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, queue);
        let track =
            LocalAudioTrack::create_audio_track(name, RtcAudioSource::Native(source.clone()));
        let options = TrackPublishOptions {
            source: TrackSource::Microphone,
            ..Default::default()
        };
        let participant = room.local_participant();
        let publishing = participant.publish_track(LocalTrack::Audio(track), options);
        let publication = tokio::time::timeout(PUBLISH_DEADLINE, publishing)
            .await
            .map_err(|_| JoinError::Publish("the server did not answer".into()))?
            .map_err(|error| JoinError::Publish(error.to_string()))?;
        Ok(Self {
            source,
            publication,
        })
    }

    /// The published track's id, as transcriptions refer to it.
    pub fn track_sid(&self) -> TrackSid {
        self.publication.sid()
    }

    /// Passes one frame to the engine, and returns when there is room for the next: playing in a loop is paced in
    /// real time.
    pub async fn play(&self, frame: &Pcm<48_000>) {
        let frame = AudioFrame {
            data: frame.samples().into(),
            sample_rate: 48_000,
            num_channels: 1,
            samples_per_channel: frame.len() as u32,
        };
        // This fails only for a wrong rate or channel count, which the type rules out.
        let _ = self.source.capture_frame(&frame).await;
    }
}

/// Subscribes to sound that may be heard, and to nothing else.
pub(super) fn subscribe(publication: &RemoteTrackPublication, has_key: bool) {
    if Track::from(publication).may_be_heard(has_key) {
        publication.set_subscribed(true);
    }
}

/// Passes the track's 10 ms frames to `deliver`, steadily, until the track ends or the receiver is gone. If `deliver`
/// reports that its channel is full, the frame is dropped and counted: old sound is of no use to a late listener.
pub async fn hear<const HZ: u32, T>(
    track: RemoteAudioTrack,
    mut deliver: impl FnMut(Pcm<HZ>) -> Result<(), TrySendError<T>>,
) {
    let mut stream = NativeAudioStream::new(track.rtc_track(), HZ as i32, 1);
    let mut dropped: u64 = 0;
    while let Some(frame) = stream.next().await {
        match deliver(Pcm::new(frame.data.into_owned())) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => dropped += 1,
            Err(TrySendError::Closed(_)) => break,
        }
    }
    stream.close();
    if dropped > 0 {
        tracing::warn!(
            dropped,
            "frames of a remote voice were dropped: the machine is too busy"
        );
    }
}
