//! Samples: rates, and the containers that requests and answers use.

use std::io::Cursor;

use opus::{Application, Channels, Encoder};
use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction,
};

/// Converts whole clips by one fixed ratio. Mono, f32.
pub(crate) struct Resampler {
    inner: Async<f32>,
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
        Async::new_sinc(ratio, 1.0, &parameters, 1024, 1, FixedAsync::Input)
            .map(|inner| Self { inner })
            .map_err(|error| error.to_string())
    }

    /// Converts one clip. Nothing of the clip before it is left over.
    pub(crate) fn convert(&mut self, samples: Vec<f32>) -> Result<Vec<f32>, String> {
        let frames = samples.len();
        let input = InterleavedOwned::new_from(samples, 1, frames).map_err(|e| e.to_string())?;
        let output = self
            .inner
            .process_all(&input, frames, None)
            .map_err(|e| e.to_string())?;
        Ok(output.take_data())
    }
}

/// Reads a WAV file of any rate, channel count and usual sample format into
/// mono samples in -1..1 at `rate`.
pub(crate) fn read_wav(bytes: &[u8], rate: u32) -> Result<Vec<f32>, String> {
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
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
    Resampler::new(f64::from(rate) / f64::from(spec.sample_rate))?.convert(mono)
}

/// Little-endian bytes of 16-bit samples.
pub(crate) fn s16le(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

/// A RIFF header for 16-bit mono PCM of unknown length: the sizes are
/// 0xFFFFFFFF, as streaming writers do, so that it can leave before the audio.
pub(crate) fn wav_header(rate: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(44);
    header.extend(b"RIFF\xff\xff\xff\xffWAVEfmt ");
    header.extend(16u32.to_le_bytes());
    header.extend(1u16.to_le_bytes()); // PCM
    header.extend(1u16.to_le_bytes()); // mono
    header.extend(rate.to_le_bytes());
    header.extend((rate * 2).to_le_bytes());
    header.extend(2u16.to_le_bytes());
    header.extend(16u16.to_le_bytes());
    header.extend(b"data\xff\xff\xff\xff");
    header
}

/// Writes 24 kHz speech as Opus in Ogg (RFC 7845), page by page.
pub(crate) struct OggOpus {
    encoder: Encoder,
    writer: ogg::PacketWriter<'static, Vec<u8>>,
    serial: u32,
    /// Samples that do not fill a frame yet.
    rest: Vec<i16>,
    /// Granule position: 48 kHz samples, as the format counts.
    granule: u64,
    pre_skip: u16,
    samples: u64,
}

impl OggOpus {
    /// Bytes of one encoded frame at most: RFC 6716 says 1275.
    const MAX_PACKET: usize = 1275;
    const RATE: u32 = 24_000;
    /// 20 ms, Opus' usual frame.
    const FRAME: usize = 480;
    const BITRATE: i32 = 32_000;

    /// Starts a stream: the two headers are ready in [`Self::take`].
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

    /// Encodes samples; what does not fill a frame waits for more.
    pub(crate) fn push(&mut self, samples: &[i16]) -> Result<(), String> {
        self.samples += samples.len() as u64;
        self.rest.extend_from_slice(samples);
        let whole = self.rest.len() / Self::FRAME * Self::FRAME;
        let frames: Vec<i16> = self.rest.drain(..whole).collect();
        let count = frames.len() / Self::FRAME;
        for (n, frame) in frames.chunks_exact(Self::FRAME).enumerate() {
            // a page for each push, so that it can leave at once
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
        // the decoder's delay must be flushed out too
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

    /// The bytes written since the last call.
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
