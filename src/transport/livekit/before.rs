//! What the caller said before the agent could hear: clients record from the moment the microphone
//! is there, and send it to the agent as a byte stream once it has subscribed to them
//! (<https://docs.livekit.io/agents/build/audio/#instant-connect>).

use std::io::Cursor;
use std::time::Duration;

use futures::StreamExt as _;
use livekit::StreamReader as _;
use livekit::prelude::RemoteParticipant;
use livekit_protocol::AudioTrackFeature;
use matroska_demuxer::MatroskaFile;
use tokio::time::timeout;

use crate::audio::{Pcm, resampler};

/// Where it comes.
pub const TOPIC: &str = "lk.agent.pre-connect-audio-buffer";
/// The greeting waits this long for it. Clients send it when the agent has subscribed, which is a
/// matter of tenths of a second.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// Clients record 10 s at most; that is 1.9 MB of 48 kHz stereo without compression.
const LIMIT: usize = 4 * 1024 * 1024;
/// Audio kept of it.
const LONGEST: Duration = Duration::from_secs(15);
/// Opus packets hold 120 ms at most (RFC 6716, section 3.2.5).
const LONGEST_PACKET: usize = Pcm::<16_000>::FRAME * 12;

/// Whether the participant's client has announced that it recorded before.
pub fn is_announced(participant: &RemoteParticipant) -> bool {
    participant.track_publications().values().any(|track| {
        track
            .audio_features()
            .contains(&AudioTrackFeature::TfPreconnectBuffer)
    })
}

/// Reads a whole stream.
///
/// # Errors
/// Why there is no sound in it.
pub async fn read(mut reader: livekit::ByteStreamReader) -> Result<Pcm<16_000>, String> {
    let mut bytes = Vec::new();
    let reading = async {
        while let Some(chunk) = reader.next().await {
            bytes.extend(chunk.map_err(|error| error.to_string())?);
            if bytes.len() > LIMIT {
                return Err(format!("it is longer than {LIMIT} bytes"));
            }
        }
        Ok(())
    };
    timeout(PATIENCE, reading)
        .await
        .map_err(|_| format!("it was not all there within {PATIENCE:?}"))??;
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

fn decode(format: &Format, bytes: Vec<u8>) -> Result<Pcm<16_000>, String> {
    let mut sound = match format.mime.as_str() {
        mime if mime.contains("opus") => decode_webm(bytes)?,
        // Safari.
        mime if mime.contains("mp4") => return Err(format!("{mime} cannot be decoded")),
        _ => decode_pcm(format, &bytes)?,
    };
    let excess = sound
        .len()
        .saturating_sub(Pcm::<16_000>::samples_in(LONGEST));
    sound.take_front(excess);
    Ok(sound)
}

/// Opus in WebM, as browsers' MediaRecorder makes it.
fn decode_webm(bytes: Vec<u8>) -> Result<Pcm<16_000>, String> {
    let mut file = MatroskaFile::open(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let track = file
        .tracks()
        .iter()
        .find(|track| track.codec_id() == "A_OPUS")
        .map(|track| track.track_number().get())
        .ok_or("there is no Opus track in it")?;
    let mut decoder =
        opus::Decoder::new(16_000, opus::Channels::Mono).map_err(|error| error.to_string())?;
    let mut sound = Pcm::default();
    let mut frame = matroska_demuxer::Frame::default();
    // The recording ends where it was cut.
    while file.next_frame(&mut frame).unwrap_or(false) {
        if frame.track != track {
            continue;
        }
        let mut packet = [0; LONGEST_PACKET];
        let samples = decoder
            .decode(&frame.data, &mut packet, false)
            .map_err(|error| error.to_string())?;
        sound.extend(packet[..samples].iter().copied());
    }
    Ok(sound)
}

/// Interleaved 16-bit samples, as LiveKit's other clients send them.
fn decode_pcm(format: &Format, bytes: &[u8]) -> Result<Pcm<16_000>, String> {
    let Format { rate, channels, .. } = *format;
    if !(8_000..=192_000).contains(&rate) || !(1..=8).contains(&channels) {
        return Err(format!("it has {channels} channels at {rate} Hz"));
    }
    let mono = bytes.chunks_exact(2 * channels as usize).map(|frame| {
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
mod tests {
    use super::*;

    fn format(mime: &str, rate: u32, channels: u32) -> Format {
        Format {
            mime: mime.into(),
            rate,
            channels,
        }
    }

    #[test]
    fn what_a_browser_recorded_is_heard() {
        // Three seconds of Chromium's MediaRecorder, its microphone `caller-opening-hours.wav`.
        let bytes = include_bytes!("../../../fixtures/audio/chromium-preconnect.webm");
        let sound = decode(&format("audio/webm;codecs=opus", 48_000, 1), bytes.to_vec()).unwrap();
        let length = sound.duration();
        assert!(
            (2_700..3_200).contains(&length.as_millis()),
            "{length:?} of sound"
        );
        assert!(sound.level_dbfs().unwrap() > -40.0);
    }

    #[test]
    fn samples_are_mixed_and_resampled() {
        let frames = (0..48_000).flat_map(|_| [1_000i16, 3_000]);
        let bytes = frames.flat_map(i16::to_le_bytes).collect();
        let sound = decode(&format("audio/pcm", 48_000, 2), bytes).unwrap();
        assert_eq!(sound.len(), 16_000);
        assert!((sound.samples()[8_000] - 2_000).abs() < 20);
    }

    #[test]
    fn damage_is_told() {
        assert!(decode(&format("audio/webm;codecs=opus", 48_000, 1), vec![1, 2, 3]).is_err());
        assert!(decode(&format("video/mp4", 48_000, 1), vec![0; 100]).is_err());
        assert!(decode(&format("audio/pcm", 0, 1), vec![0; 100]).is_err());
    }
}
