//! Sound that a client recorded before the agent could hear it.

mod aac;
mod mp4;
mod webm;

use std::time::Duration;

use sidetone_base::audio::{Pcm, resampler};

/// How much is decoded at most; clients record ten seconds.
pub const LONGEST: Duration = Duration::from_secs(15);
/// Opus packets contain at most 120 ms (RFC 6716, section 3.2.5).
const LONGEST_PACKET: usize = Pcm::<16_000>::FRAME * 12;

/// The recording's format, as the client states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// The MIME type.
    pub mime: String,
    /// The sample rate of uncompressed sound, in Hz.
    pub rate: u32,
    /// The number of interleaved channels of uncompressed sound.
    pub channels: u32,
}

/// Decodes the first [`LONGEST`] of a recording.
///
/// # Errors
/// Why no sound could be decoded.
pub fn decode(format: &Format, bytes: &[u8]) -> Result<Pcm<16_000>, String> {
    let is = |word: &str| format.mime.contains(word);
    if is("mp4") {
        decode_mp4(bytes)
    } else if is("opus") || is("webm") {
        decode_webm(bytes)
    } else {
        decode_pcm(format, bytes)
    }
}

/// Opus in WebM: Chromium, Firefox, and Safari from 18.4 on.
fn decode_webm(bytes: &[u8]) -> Result<Pcm<16_000>, String> {
    let mut packets = webm::Packets::of(bytes)?;
    let mut decoder = OpusDecoder::new()?;
    while !decoder.is_full()
        && let Some(packet) = packets.next()
    {
        decoder.push(packet?)?;
    }
    if !packets.has_opus() {
        return Err("there is no Opus track in it".into());
    }
    Ok(decoder.sound)
}

/// AAC or Opus in MP4: Safari before 18.4 records nothing else, and LiveKit's clients request this from it.
fn decode_mp4(bytes: &[u8]) -> Result<Pcm<16_000>, String> {
    let mut packets = mp4::Packets::of(bytes)?;
    match packets.codec()? {
        mp4::Codec::Aac { config } => {
            let mut decoder = aac::Decoder::new(config)?;
            while !decoder.is_full()
                && let Some(packet) = packets.next()
            {
                decoder.push(packet?)?;
            }
            Ok(decoder.into_sound())
        }
        mp4::Codec::Opus => {
            let mut decoder = OpusDecoder::new()?;
            while !decoder.is_full()
                && let Some(packet) = packets.next()
            {
                decoder.push(packet?)?;
            }
            Ok(decoder.sound)
        }
    }
}

/// Decodes Opus packets until [`LONGEST`] is reached.
struct OpusDecoder {
    decoder: opus::Decoder,
    sound: Pcm<16_000>,
}

impl OpusDecoder {
    const FULL: usize = Pcm::<16_000>::samples_in(LONGEST);

    fn new() -> Result<Self, String> {
        let decoder = opus::Decoder::new(16_000, opus::Channels::Mono);
        Ok(Self {
            decoder: decoder.map_err(|error| error.to_string())?,
            sound: Pcm::default(),
        })
    }

    fn is_full(&self) -> bool {
        self.sound.len() >= Self::FULL
    }

    fn push(&mut self, packet: &[u8]) -> Result<(), String> {
        let mut samples = [0; LONGEST_PACKET];
        let count = self
            .decoder
            .decode(packet, &mut samples, false)
            .map_err(|error| error.to_string())?;
        let count = count.min(Self::FULL - self.sound.len());
        self.sound.extend(samples[..count].iter().copied());
        Ok(())
    }
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
