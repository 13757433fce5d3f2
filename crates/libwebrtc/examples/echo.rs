//! Joins a LiveKit room and echoes what it hears there.
//!
//! ```text
//! cargo run -p libwebrtc --example echo -- wss://your-project.livekit.cloud TOKEN
//! ```

use std::error::Error;

use futures::StreamExt as _;
use livekit::options::TrackPublishOptions;
use livekit::prelude::*;
use livekit::webrtc::audio_source::native::NativeAudioSource;
use livekit::webrtc::audio_source::{AudioSourceOptions, RtcAudioSource};
use livekit::webrtc::audio_stream::native::NativeAudioStream;

const HZ: u32 = 48_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(url), Some(token)) => echo(&url, &token).await,
        _ => Err("name the address of a LiveKit server and a token for a room of it".into()),
    }
}

/// Echoes everybody in a room, one after the other, until the room closes.
///
/// # Errors
/// If the room cannot be joined, or does not accept a track.
pub async fn echo(url: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let (room, mut events) = Room::connect(url, token, RoomOptions::default()).await?;
    // Up to a second of audio waits here on its way out.
    let voice = NativeAudioSource::new(AudioSourceOptions::default(), HZ, 1, 1_000);
    let track = LocalAudioTrack::create_audio_track("echo", RtcAudioSource::Native(voice.clone()));
    let options = TrackPublishOptions {
        source: TrackSource::Microphone,
        ..TrackPublishOptions::default()
    };
    let local = room.local_participant();
    local
        .publish_track(LocalTrack::Audio(track), options)
        .await?;

    while let Some(event) = events.recv().await {
        if let RoomEvent::TrackSubscribed {
            track: RemoteTrack::Audio(track),
            ..
        } = event
        {
            let voice = voice.clone();
            tokio::spawn(async move {
                // Decoded, in order, with lost packets concealed: a frame every 10 ms, until the track ends.
                let mut heard = NativeAudioStream::new(track.rtc_track(), HZ as i32, 1);
                while let Some(frame) = heard.next().await {
                    if let Err(error) = voice.capture_frame(&frame).await {
                        eprintln!("the room takes no sound: {error}");
                    }
                }
            });
        }
    }
    Ok(())
}
