//! Sample rates, and the containers used by requests and responses.

use std::borrow::Cow;
use std::io::Cursor;

use opus::{Application, Channels, Encoder};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, Resizable as _, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

/// Maximum input samples that the filter takes at once.
const CHUNK: usize = 1024;

/// Converts a stream by a fixed ratio. Mono, f32.
///
/// Output sample `n` corresponds to input sample `n / ratio`: the filter's delay is removed.
pub(crate) struct Resampler {
    inner: Async<f32>,
    ratio: f64,
    /// Samples of the filter's delay that still have to be dropped.
    delay: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// `ratio` is output rate over input rate.
    pub(crate) fn new(ratio: f64) -> Result<Self, String> {
        let parameters = SincInterpolationParameters {
            sinc_len: 64,
            f_cutoff: None,
            interpolation: SincInterpolationType::Linear,
            oversampling_factor: 256,
            window: WindowFunction::BlackmanHarris2,
        };
        let inner = Async::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            delay: inner.output_delay(),
            inner,
            ratio,
            taken: 0,
            given: 0,
        })
    }

    /// Converts a whole clip.
    pub(crate) fn convert(ratio: f64, samples: &[f32]) -> Result<Vec<f32>, String> {
        let mut resampler = Self::new(ratio)?;
        let mut converted = resampler.push(samples)?;
        converted.extend(resampler.finish()?);
        Ok(converted)
    }

    /// Converts the next part of the stream; the end of its output arrives with the following part.
    pub(crate) fn push(&mut self, samples: &[f32]) -> Result<Vec<f32>, String> {
        self.taken += samples.len() as u64;
        let converted = self.filter(samples)?;
        self.given += converted.len() as u64;
        Ok(converted)
    }

    /// Returns what is still in the filter at the end of the stream. The total output is then `ratio` times the input
    /// samples, rounded up.
    pub(crate) fn finish(&mut self) -> Result<Vec<f32>, String> {
        let whole = (self.taken as f64 * self.ratio).ceil() as u64;
        let owed = whole.saturating_sub(self.given) as usize;
        let mut rest = Vec::with_capacity(owed);
        while rest.len() < owed {
            rest.extend(self.filter(&[0.0; CHUNK])?);
        }
        rest.truncate(owed);
        Ok(rest)
    }

    fn filter(&mut self, samples: &[f32]) -> Result<Vec<f32>, String> {
        let mut output = Vec::new();
        for chunk in samples.chunks(CHUNK) {
            let failed = |error: &dyn std::fmt::Display| error.to_string();
            self.inner
                .set_chunk_size(chunk.len())
                .map_err(|e| failed(&e))?;
            let start = output.len();
            let room = self.inner.output_frames_next();
            output.resize(start + room, 0.0);
            let input = InterleavedSlice::new(chunk, 1, chunk.len()).map_err(|e| failed(&e))?;
            let mut converted =
                InterleavedSlice::new_mut(&mut output[start..], 1, room).map_err(|e| failed(&e))?;
            self.inner
                .process_into_buffer(&input, &mut converted, None)
                .map_err(|e| failed(&e))?;
        }
        let dropped = self.delay.min(output.len());
        self.delay -= dropped;
        output.drain(..dropped);
        Ok(output)
    }
}

/// Reads a WAV file of any rate, any channel count and any common sample format as mono samples in -1..1 at `rate`.
pub(crate) fn read_wav(bytes: &[u8], rate: u32) -> Result<Vec<f32>, String> {
    let bytes = with_true_length(bytes);
    let mut reader = hound::WavReader::new(Cursor::new(&bytes)).map_err(|e| e.to_string())?;
    let spec = reader.spec();
    if spec.channels == 0 || !(4_000..=192_000).contains(&spec.sample_rate) {
        return Err(format!(
            "{} channels at {} Hz",
            spec.channels, spec.sample_rate
        ));
    }
    let samples: Result<Vec<f32>, _> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / (1u64 << (spec.bits_per_sample - 1)) as f32;
            reader
                .samples::<i32>()
                .map(|sample| sample.map(|s| s as f32 * scale))
                .collect()
        }
    };
    let samples = samples.map_err(|e| e.to_string())?;
    if samples.iter().any(|sample| !sample.is_finite()) {
        return Err("a sample is not a number".into());
    }
    let channels = usize::from(spec.channels);
    let mono = match channels {
        1 => samples,
        _ => samples
            .chunks_exact(channels)
            .map(|f| f.iter().sum::<f32>() / channels as f32)
            .collect(),
    };
    if spec.sample_rate == rate || mono.is_empty() {
        return Ok(mono);
    }
    Resampler::convert(f64::from(rate) / f64::from(spec.sample_rate), &mono)
}

/// Sets the length of the data chunk to what is actually there if it claims more: encoders that stream (OpenAI's
/// speech among them) leave it at 0xFFFFFFFF.
fn with_true_length(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut at = 12; // after RIFF, length, WAVE
    while let Some(header) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let rest = bytes.len() - at - 8;
        if header.starts_with(b"data") {
            if length as usize <= rest {
                break;
            }
            // whole samples of up to 32 bits and two channels
            let whole = (rest - rest % 8) as u32;
            let mut mended = bytes.to_vec();
            mended[at + 4..at + 8].copy_from_slice(&whole.to_le_bytes());
            return Cow::Owned(mended);
        }
        at = at.saturating_add(8 + length as usize + length as usize % 2);
    }
    Cow::Borrowed(bytes)
}

/// Encodes 16-bit samples as little-endian bytes.
pub(crate) fn s16le(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

/// Builds a complete WAV file of 16-bit mono PCM.
pub(crate) fn wav(samples: &[i16], rate: u32) -> Vec<u8> {
    let data = samples.len() as u32 * 2;
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend(b"RIFF");
    file.extend((36 + data).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(1u16.to_le_bytes()); // PCM
    file.extend(1u16.to_le_bytes()); // mono
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(2u16.to_le_bytes());
    file.extend(16u16.to_le_bytes());
    file.extend(b"data");
    file.extend(data.to_le_bytes());
    file.extend(s16le(samples));
    file
}

/// Writes 24 kHz speech as Opus in Ogg (RFC 7845), page by page.
pub(crate) struct OggOpus {
    encoder: Encoder,
    writer: ogg::PacketWriter<'static, Vec<u8>>,
    serial: u32,
    /// Samples that do not fill a frame yet.
    rest: Vec<i16>,
    /// Granule position, in 48 kHz samples as the format requires.
    granule: u64,
    pre_skip: u16,
    samples: u64,
}

impl OggOpus {
    /// Maximum bytes of an encoded frame: RFC 6716 says 1275.
    const MAX_PACKET: usize = 1275;
    const RATE: u32 = 24_000;
    /// 20 ms, the usual Opus frame.
    const FRAME: usize = 480;
    const BITRATE: i32 = 32_000;

    /// Starts a stream: [`Self::take`] then returns the two headers.
    pub(crate) fn new(serial: u32) -> Result<Self, String> {
        let mut encoder = Encoder::new(Self::RATE, Channels::Mono, Application::Voip)
            .map_err(|e| e.to_string())?;
        encoder
            .set_bitrate(opus::Bitrate::Bits(Self::BITRATE))
            .map_err(|e| e.to_string())?;
        let lookahead = encoder.get_lookahead().map_err(|e| e.to_string())?;
        // in 48 kHz samples, whatever the encoder's rate
        let pre_skip = u16::try_from(lookahead * 2).map_err(|e| e.to_string())?;
        let mut ogg = Self {
            encoder,
            writer: ogg::PacketWriter::new(Vec::new()),
            serial,
            rest: Vec::new(),
            granule: 0,
            pre_skip,
            samples: 0,
        };
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend(pre_skip.to_le_bytes());
        head.extend(Self::RATE.to_le_bytes());
        head.extend([0, 0, 0]); // no gain, mapping family 0
        ogg.write(head, ogg::PacketWriteEndInfo::EndPage)?;
        let vendor = b"sidetone";
        let mut tags = b"OpusTags".to_vec();
        tags.extend((vendor.len() as u32).to_le_bytes());
        tags.extend(vendor);
        tags.extend(0u32.to_le_bytes());
        ogg.write(tags, ogg::PacketWriteEndInfo::EndPage)?;
        Ok(ogg)
    }

    /// Encodes samples; a partial frame waits for more.
    pub(crate) fn push(&mut self, samples: &[i16]) -> Result<(), String> {
        self.samples += samples.len() as u64;
        self.rest.extend_from_slice(samples);
        let whole = self.rest.len() / Self::FRAME * Self::FRAME;
        let frames: Vec<i16> = self.rest.drain(..whole).collect();
        let count = frames.len() / Self::FRAME;
        for (n, frame) in frames.chunks_exact(Self::FRAME).enumerate() {
            // one page per push, so that it can be sent at once
            let end = if n + 1 == count {
                ogg::PacketWriteEndInfo::EndPage
            } else {
                ogg::PacketWriteEndInfo::NormalPacket
            };
            self.frame(frame, end)?;
        }
        Ok(())
    }

    /// Encodes the rest and ends the stream at the exact sample.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        // the decoder's delay must be flushed as well
        let delay = usize::from(self.pre_skip / 2);
        let mut tail = std::mem::take(&mut self.rest);
        tail.resize(
            (tail.len() + delay).div_ceil(Self::FRAME).max(1) * Self::FRAME,
            0,
        );
        let count = tail.len() / Self::FRAME;
        for (n, frame) in tail.chunks_exact(Self::FRAME).enumerate() {
            let last = n + 1 == count;
            if last {
                let end = self.samples * 2 + u64::from(self.pre_skip);
                let packet = self.encode(frame)?;
                self.granule = end;
                self.write(packet, ogg::PacketWriteEndInfo::EndStream)?;
            } else {
                self.frame(frame, ogg::PacketWriteEndInfo::NormalPacket)?;
            }
        }
        Ok(())
    }

    /// Returns the bytes written since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.inner_mut())
    }

    fn frame(&mut self, frame: &[i16], end: ogg::PacketWriteEndInfo) -> Result<(), String> {
        let packet = self.encode(frame)?;
        self.granule += Self::FRAME as u64 * 2;
        self.write(packet, end)
    }

    fn encode(&mut self, frame: &[i16]) -> Result<Vec<u8>, String> {
        self.encoder
            .encode_vec(frame, Self::MAX_PACKET)
            .map_err(|e| e.to_string())
    }

    fn write(&mut self, packet: Vec<u8>, end: ogg::PacketWriteEndInfo) -> Result<(), String> {
        self.writer
            .write_packet(packet, self.serial, end, self.granule)
            .map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests;
