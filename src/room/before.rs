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

use super::webm::Packets;
use sidetone_base::audio::{Pcm, resampler};

/// Where it comes.
pub const TOPIC: &str = "lk.agent.pre-connect-audio-buffer";
/// The greeting waits this long for it. Clients send it when the agent has subscribed, which is a
/// matter of tenths of a second.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// Clients record 10 s at most; that is 1.9 MB of 48 kHz stereo without compression.
const LIMIT: usize = 4 * 1024 * 1024;
/// Audio decoded of it.
const LONGEST: Duration = Duration::from_secs(15);
/// The attribute that names the track it belongs to.
const TRACK: &str = "trackId";
/// Opus packets hold 120 ms at most (RFC 6716, section 3.2.5).
const LONGEST_PACKET: usize = Pcm::<16_000>::FRAME * 12;

/// Whether the participant's client has announced that it recorded before.
pub fn is_announced(participant: &RemoteParticipant) -> bool {
    participant
        .track_publications()
        .values()
        .any(|track| announces(&track.audio_features()))
}

/// Whether a stream with these attributes belongs to a track for which the participant has announced
/// one.
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
///
/// # Errors
/// Why there is no sound in it.
pub async fn read(mut reader: livekit::ByteStreamReader) -> Result<Pcm<16_000>, String> {
    let mut bytes = Vec::new();
    let reading = async {
        while let Some(chunk) = reader.next().await {
            let chunk = chunk.map_err(|error| error.to_string())?;
            if bytes.len() + chunk.len() > LIMIT {
                return Err(format!("it is longer than {LIMIT} bytes"));
            }
            bytes.extend(chunk);
        }
        Ok(())
    };
    let read = timeout(PATIENCE, reading).await;
    // Whatever else is sent of it is not taken.
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
    tokio::task::spawn_blocking(move || decode(&format, bytes))
        .await
        .map_err(|error| error.to_string())?
}

/// How the client has recorded.
struct Format {
    mime: String,
    /// Hz. Says nothing of Opus, which is decoded at any rate.
    rate: u32,
    channels: u32,
}

/// The first [`LONGEST`] of it.
fn decode(format: &Format, bytes: Vec<u8>) -> Result<Pcm<16_000>, String> {
    match format.mime.as_str() {
        mime if mime.contains("opus") => decode_webm(&bytes),
        // Safari.
        mime if mime.contains("mp4") => Err(format!("{mime} cannot be decoded")),
        _ => decode_pcm(format, &bytes),
    }
}

/// Opus in WebM, as browsers' MediaRecorder makes it.
fn decode_webm(bytes: &[u8]) -> Result<Pcm<16_000>, String> {
    let mut packets = Packets::of(bytes)?;
    let mut decoder =
        opus::Decoder::new(16_000, opus::Channels::Mono).map_err(|error| error.to_string())?;
    let mut sound = Pcm::default();
    let longest = Pcm::<16_000>::samples_in(LONGEST);
    while sound.len() < longest
        && let Some(packet) = packets.next()
    {
        let mut samples = [0; LONGEST_PACKET];
        let count = decoder
            .decode(packet?, &mut samples, false)
            .map_err(|error| error.to_string())?;
        let count = count.min(longest - sound.len());
        sound.extend(samples[..count].iter().copied());
    }
    if !packets.has_opus() {
        return Err("there is no Opus track in it".into());
    }
    Ok(sound)
}

/// Interleaved 16-bit samples, as LiveKit's other clients send them.
fn decode_pcm(format: &Format, bytes: &[u8]) -> Result<Pcm<16_000>, String> {
    let Format { rate, channels, .. } = *format;
    if !(8_000..=192_000).contains(&rate) || !(1..=8).contains(&channels) {
        return Err(format!("it has {channels} channels at {rate} Hz"));
    }
    let longest = rate as usize * LONGEST.as_secs() as usize;
    let frames = bytes.chunks_exact(2 * channels as usize).take(longest);
    let mono = frames.map(|frame| {
        let sum: f32 = frame
            .chunks_exact(2)
            .map(|sample| f32::from(i16::from_le_bytes([sample[0], sample[1]])))
            .sum();
        sum / (channels as f32 * 32_768.0)
    });
    let samples = resampler::convert(mono.collect(), rate, 16_000);
    Ok(resampler::from_f32(samples))
}

#[cfg(test)]
mod tests;
