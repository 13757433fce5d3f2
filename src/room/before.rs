//! What the caller said before the agent could hear: clients record from the moment the microphone
//! is there, and send it to the agent as a byte stream once it has subscribed to them
//! (<https://docs.livekit.io/agents/build/audio/#instant-connect>).

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use livekit::StreamReader as _;
use livekit::prelude::RemoteParticipant;
use livekit_protocol::AudioTrackFeature;
use tokio::time::timeout;

use super::STREAM_LIMIT;
use sidetone_base::audio::Pcm;
use sidetone_intake::recorded::{Format, decode};

/// The stream's topic.
pub const TOPIC: &str = "lk.agent.pre-connect-audio-buffer";
/// How long the greeting waits for it. Clients send it when the agent has subscribed, which takes some tenths of a
/// second.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// The attribute that names the track it belongs to.
const TRACK: &str = "trackId";

/// Whether the participant's client has announced such a recording.
pub fn is_announced(participant: &RemoteParticipant) -> bool {
    participant
        .track_publications()
        .values()
        .any(|track| announces(&track.audio_features()))
}

/// Whether a stream with these attributes belongs to a track for which the participant has announced a recording.
pub fn is_of_announced(
    participant: &RemoteParticipant,
    attributes: &HashMap<String, String>,
) -> bool {
    let tracks = participant.track_publications();
    tracks.iter().any(|(sid, track)| {
        attributes.get(TRACK).map(String::as_str) == Some(sid.as_str())
            && announces(&track.audio_features())
    })
}

fn announces(features: &[AudioTrackFeature]) -> bool {
    features.contains(&AudioTrackFeature::TfPreconnectBuffer)
}

/// Reads a whole stream.
/// # Errors
/// Why it contains no sound.
pub async fn read(mut reader: livekit::ByteStreamReader) -> Result<Pcm<16_000>, String> {
    let mut bytes = Vec::new();
    let reading = async {
        while let Some(chunk) = reader.next().await {
            let chunk = chunk.map_err(|error| error.to_string())?;
            if bytes.len() + chunk.len() > STREAM_LIMIT {
                return Err(format!("it is longer than {STREAM_LIMIT} bytes"));
            }
            bytes.extend(chunk);
        }
        Ok(())
    };
    let read = timeout(PATIENCE, reading).await;
    // The rest of it is not accepted.
    reader.closer().close();
    read.map_err(|_| format!("it was not all there within {PATIENCE:?}"))??;
    let info = reader.info();
    let attributes = info.attributes();
    let number = |name: &str| attributes.get(name).and_then(|value| value.parse().ok());
    let format = Format {
        mime: info.mime_type.clone(),
        rate: number("sampleRate").unwrap_or(48_000),
        channels: number("channels").unwrap_or(1),
    };
    tokio::task::spawn_blocking(move || decode(&format, &bytes))
        .await
        .map_err(|error| error.to_string())?
}
