//! WAV files: reads any common one and converts it to the requested rate; writes 16-bit mono.

use std::fs::File;
use std::io::{BufWriter, Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::{Pcm, resampler};

/// Plausible sample rates; any other in a header means damage.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// Why a WAV file could not be read or written. The message names the file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct WavError {
    path: PathBuf,
    reason: String,
}

impl WavError {
    fn new(path: &Path, reason: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// Reads a file and converts it to `HZ`: any rate, mono or multichannel (mixed down), 8, 16, 24 or 32 bits, integer or
/// floating point.
///
/// A header without a length, as programs write into a pipe, is taken to mean "to the end".
///
/// # Errors
/// The file cannot be opened, is not a WAV file, is compressed, or ends before the length that its header gives.
pub fn read<const HZ: u32>(path: &Path) -> Result<Pcm<HZ>, WavError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| WavError::new(path, format!("cannot be read: {error}")))?;
    parse(&bytes).map_err(|reason| WavError::new(path, reason))
}

/// Like [`read`], for a file's contents, such as the body of an upload.
///
/// # Errors
/// What is wrong with the contents, as one clause.
pub fn parse<const HZ: u32>(bytes: &[u8]) -> Result<Pcm<HZ>, String> {
    let is_wav = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE");
    if !is_wav {
        return Err("is not a WAV file (it does not begin with RIFF and WAVE); \
                    convert it, for example with `ffmpeg -i FILE out.wav`"
            .into());
    }
    let Head { layout, length, at } = head(bytes)?.ok_or(CUT_HEADER)?;
    let mono = layout.mono(sound(&bytes[at..], length)?);
    Ok(resampler::from_f32(resampler::convert(
        mono,
        layout.rate,
        HZ,
    )))
}

fn top_bits(bytes: [u8; 4]) -> f32 {
    i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0
}

/// Format tags of the `fmt ` chunk (Multimedia Programming Interface and Data Specifications 1.0, and the revision
/// that introduced EXTENSIBLE, which has the actual tag in its sub-format).
const INTEGER: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

struct Format {
    tag: u16,
    channels: usize,
    rate: u32,
    /// Valid bits per sample, and the bytes that a sample takes.
    bits: u16,
    width: usize,
}

/// How samples are encoded, as a decoder needs it.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Samples per second.
    pub rate: u32,
    channels: usize,
    /// Bytes per sample of one channel.
    width: usize,
    decode: fn(&[u8]) -> f32,
}

impl Layout {
    /// Raw 16-bit samples, little-endian.
    pub fn s16le(rate: u32, channels: usize) -> Self {
        Self {
            rate,
            channels,
            width: 2,
            decode: |b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0,
        }
    }

    /// Raw 16-bit samples, big-endian (`audio/L16`, RFC 2586).
    pub fn s16be(rate: u32, channels: usize) -> Self {
        Self {
            decode: |b| f32::from(i16::from_be_bytes([b[0], b[1]])) / 32_768.0,
            ..Self::s16le(rate, channels)
        }
    }

    /// Bytes per sample of all channels together.
    pub fn frame(&self) -> usize {
        self.width * self.channels
    }

    /// All channels mixed to one, full scale ±1; an incomplete frame at the end is dropped.
    pub fn mono(&self, bytes: &[u8]) -> Vec<f32> {
        let frames = bytes.chunks_exact(self.frame());
        frames
            .map(|frame| {
                let sum: f32 = frame.chunks_exact(self.width).map(self.decode).sum();
                let mixed = sum / self.channels as f32;
                if mixed.is_finite() {
                    mixed.clamp(-1.0, 1.0)
                } else {
                    0.0
                }
            })
            .collect()
    }
}

/// What a file states before its sound.
pub struct Head {
    /// How the samples are encoded.
    pub layout: Layout,
    /// Bytes of sound. `None` for "to the end", as programs write into a pipe.
    pub length: Option<usize>,
    /// Where the sound begins, in bytes.
    pub at: usize,
}

/// The head of a file that may still be arriving; `None` if more of it is needed. hound reads WAV too, but does not
/// accept a header without a length, nor say how much of a truncated file is missing.
///
/// # Errors
/// What is wrong with the contents, as one clause.
pub fn head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let mut format = None;
    let mut at = 12;
    while let Some(header) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        at += 8;
        match &header[..4] {
            b"fmt " => match bytes.get(at..at + length) {
                Some(chunk) => format = Some(Format::parse(chunk)?),
                None => return Ok(None),
            },
            b"data" => {
                let format = format.ok_or("has no format (`fmt `) before its sound")?;
                return Ok(Some(Head {
                    layout: format.layout()?,
                    // A writer that could not know the length leaves 0 there, or the largest number it can express.
                    length: (length > 0 && length < UNKNOWN).then_some(length),
                    at,
                }));
            }
            _ => {}
        }
        // A chunk of odd length is followed by a byte of padding.
        at += length.next_multiple_of(2);
    }
    Ok(None)
}

/// Lengths from about the largest signed number upwards mean "unknown".
const UNKNOWN: usize = 0x7fff_0000;
const CUT_HEADER: &str = "is cut off before its sound begins; copy or record it again";

/// Whatever follows the samples (tags, for example) is not sound.
fn sound(body: &[u8], length: Option<usize>) -> Result<&[u8], String> {
    let Some(length) = length else {
        return Ok(body);
    };
    body.get(..length).ok_or_else(|| {
        format!(
            "is cut off: its header promises {length} bytes of sound, it holds {}; \
             copy or record it again",
            body.len()
        )
    })
}

impl Format {
    fn parse(chunk: &[u8]) -> Result<Self, String> {
        let field = |at: usize| {
            let bytes = chunk
                .get(at..at + 2)
                .ok_or("has a damaged header: `fmt ` is too short")?;
            Ok::<_, &str>(u16::from_le_bytes([bytes[0], bytes[1]]))
        };
        let tag = match field(0)? {
            EXTENSIBLE => field(24)?,
            tag => tag,
        };
        let channels = field(2)?;
        let rate = u32::from(field(4)?) | u32::from(field(6)?) << 16;
        let (frame, bits) = (field(12)?, field(14)?);
        if !RATES.contains(&rate) {
            let (low, high) = (RATES.start(), RATES.end());
            return Err(format!(
                "has a damaged header: a sample rate of {rate} Hz; {low} to {high} Hz is possible"
            ));
        }
        if channels == 0 || frame == 0 || frame % channels != 0 {
            return Err(format!(
                "has a damaged header: {channels} channels in {frame} bytes for each sample"
            ));
        }
        let width = usize::from(frame / channels);
        Ok(Self {
            tag,
            channels: usize::from(channels),
            rate,
            bits,
            width,
        })
    }

    fn layout(&self) -> Result<Layout, String> {
        let decode: fn(&[u8]) -> f32 = match (self.tag, self.bits, self.width) {
            (INTEGER, 8, 1) => |b| (f32::from(b[0]) - 128.0) / 128.0,
            (INTEGER, 16, 2) => |b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0,
            (INTEGER, 24, 3 | 4) => |b| top_bits([0, b[0], b[1], b[2]]),
            (INTEGER, 32, 4) => |b| top_bits([b[0], b[1], b[2], b[3]]),
            (FLOAT, 32, 4) => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            (INTEGER | FLOAT, bits, _) => {
                return Err(format!(
                    "has {bits}-bit samples; 8, 16, 24 and 32 bits and 32-bit float can be read"
                ));
            }
            (tag, ..) => {
                return Err(format!(
                    "is compressed (format {tag:#06x}); convert it to PCM, \
                     for example with `ffmpeg -i FILE -c:a pcm_s16le out.wav`"
                ));
            }
        };
        Ok(Layout {
            rate: self.rate,
            channels: self.channels,
            width: self.width,
            decode,
        })
    }
}

/// The contents of a mono 16-bit file, for uploads.
pub fn encode<const HZ: u32>(pcm: &Pcm<HZ>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::with_capacity(44 + 2 * pcm.len()));
    let written = WavWriter::new(&mut bytes, spec(HZ)).and_then(|mut writer| {
        pcm.samples()
            .iter()
            .try_for_each(|&sample| writer.write_sample(sample))?;
        writer.finalize()
    });
    written.expect("memory takes every write, and 4 GiB of sound are not held in memory");
    bytes.into_inner()
}

/// Mono, 16 bits.
const fn spec(sample_rate: u32) -> WavSpec {
    WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    }
}

/// Writes a mono 16-bit file.
///
/// # Errors
/// The file cannot be created, or the disk is full.
pub fn write<const HZ: u32>(path: &Path, pcm: &Pcm<HZ>) -> Result<(), WavError> {
    let mut writer = Writer::create(path)?;
    writer.push(pcm)?;
    writer.finish()
}

/// Writes a mono 16-bit file while the sound is still arriving. If the writer is dropped before
/// [`finish`](Self::finish), the file is valid up to what was pushed.
pub struct Writer<const HZ: u32> {
    path: PathBuf,
    inner: WavWriter<BufWriter<File>>,
    written: usize,
}

impl<const HZ: u32> Writer<HZ> {
    /// Creates the file, or truncates it if it exists.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> Result<Self, WavError> {
        let inner = WavWriter::create(path, spec(HZ))
            .map_err(|error| WavError::new(path, format!("cannot be created: {error}")))?;
        Ok(Self {
            path: path.to_owned(),
            inner,
            written: 0,
        })
    }

    /// Appends sound.
    ///
    /// # Errors
    /// The disk is full, or the file has reached the 4 GiB that a WAV file can have.
    pub fn push(&mut self, pcm: &Pcm<HZ>) -> Result<(), WavError> {
        for &sample in pcm.samples() {
            self.inner
                .write_sample(sample)
                .map_err(|error| failed(&self.path, error))?;
        }
        self.written += pcm.len();
        Ok(())
    }

    /// The playing time of what was pushed.
    pub fn duration(&self) -> Duration {
        Pcm::<HZ>::duration_of(self.written)
    }

    /// Writes the length into the header and closes the file.
    ///
    /// # Errors
    /// The disk is full.
    pub fn finish(self) -> Result<(), WavError> {
        self.inner
            .finalize()
            .map_err(|error| failed(&self.path, error))
    }
}

fn failed(path: &Path, error: hound::Error) -> WavError {
    WavError::new(path, format!("cannot be written: {error}"))
}

#[cfg(test)]
mod tests;
