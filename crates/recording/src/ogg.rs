//! A stereo Ogg Opus file (RFC 7845 in RFC 3533), written as the audio comes.
//!
//! Caller left, agent right. Each [`Writer::push`] ends with a whole page, so whatever is on disk can be played.
//!
//! Measured over a minute in which both sides speak in turn, at 48 kHz: CELT at 48 kbit/s and complexity 3 takes 0.14
//! CPU-seconds and 310 kB, and keeps the sides entirely apart. At 32 kbit/s it mixes them (one side is heard at -32 dB
//! in the other); SILK (`Application::Voip`) keeps them apart too, for three times the CPU.

use std::io::{self, Write};
use std::time::Duration;

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bandwidth, Bitrate, Channels, Encoder};

use super::timeline::Both;
use sidetone_base::audio::{Pcm, Resampler};

const BITRATE: i32 = 48_000;
const COMPLEXITY: i32 = 3;
/// Samples per channel in an Opus frame of 20 ms.
const BLOCK: usize = 960;
/// The largest Opus frame (RFC 6716, section 3.2.1), twice for two streams.
const MAX_PACKET: usize = 2 * 1275;

/// Writes one file.
pub struct Writer<W: Write> {
    to: W,
    pages: PacketWriter<'static, Vec<u8>>,
    encoder: Encoder,
    serial: u32,
    up: Resampler<16_000, 48_000>,
    /// Samples of the resampler's delay still to be skipped.
    lead: usize,
    caller: Pcm<48_000>,
    agent: Pcm<48_000>,
    pre_skip: u64,
    /// Samples per channel that were encoded.
    encoded: u64,
    /// Samples per channel that were pushed.
    pushed: u64,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the two headers, with `comments` as `NAME=value`. `serial` distinguishes streams.
    ///
    /// # Errors
    /// From writing to `to`.
    pub fn new(to: W, serial: u32, comments: &[String]) -> io::Result<Self> {
        let mut encoder =
            Encoder::new(48_000, Channels::Stereo, Application::Audio).map_err(io::Error::other)?;
        let settings = encoder
            .set_bitrate(Bitrate::Bits(BITRATE))
            .and_then(|()| encoder.set_complexity(COMPLEXITY))
            // The encoder need not keep more: the caller has 8 kHz of bandwidth, TTS 12 kHz.
            .and_then(|()| encoder.set_max_bandwidth(Bandwidth::Superwideband))
            .and_then(|()| encoder.get_lookahead());
        let pre_skip = settings.map_err(io::Error::other)?.max(0) as u64;
        let up = Resampler::new();
        let mut writer = Self {
            to,
            pages: PacketWriter::new(Vec::new()),
            encoder,
            serial,
            lead: up.delay(),
            up,
            caller: Pcm::default(),
            agent: Pcm::default(),
            pre_skip,
            encoded: 0,
            pushed: 0,
            bytes: 0,
        };
        let end = PacketWriteEndInfo::EndPage;
        writer
            .pages
            .write_packet(head(pre_skip as u16), serial, end, 0)?;
        writer.pages.write_packet(tags(comments), serial, end, 0)?;
        writer.flush()?;
        Ok(writer)
    }

    /// Adds audio, and writes all complete Opus frames as pages.
    ///
    /// # Errors
    /// From writing to `to`. The file then plays up to the previous push.
    pub fn push(&mut self, both: Both) -> io::Result<()> {
        self.pushed += both.agent.len() as u64;
        let mut caller = self.up.push(&both.caller);
        self.lead -= caller.take_front(self.lead).len();
        self.caller.append(&caller);
        self.agent.append(&both.agent);
        self.encode(false)?;
        self.flush()
    }

    /// Ends the stream after the last sample pushed.
    ///
    /// # Errors
    /// From writing to `to`.
    pub fn finish(mut self) -> io::Result<Written> {
        let tail = self.up.flush();
        self.caller.append(&tail);
        // As many packets as the encoder needs to return the last sample.
        let packets = (self.pushed + self.pre_skip).div_ceil(BLOCK as u64).max(1);
        let missing = (packets * BLOCK as u64 - self.encoded) as usize;
        for voice in [&mut self.caller, &mut self.agent] {
            let mut samples = std::mem::take(voice).into_inner();
            samples.resize(missing, 0);
            *voice = Pcm::new(samples);
        }
        self.encode(true)?;
        self.flush()?;
        Ok(self.written())
    }

    /// The size of the file so far.
    pub fn written(&self) -> Written {
        Written {
            bytes: self.bytes,
            duration: Pcm::<48_000>::duration_of(self.pushed as usize),
        }
    }

    fn encode(&mut self, last: bool) -> io::Result<()> {
        let mut frame = Vec::with_capacity(2 * BLOCK);
        loop {
            let left = self.caller.len().min(self.agent.len());
            if left < BLOCK {
                return Ok(());
            }
            let caller = self.caller.take_front(BLOCK);
            let agent = self.agent.take_front(BLOCK);
            frame.clear();
            let pairs = caller.samples().iter().zip(agent.samples());
            frame.extend(pairs.flat_map(|(left, right)| [*left, *right]));
            let packet = self
                .encoder
                .encode_vec(&frame, MAX_PACKET)
                .map_err(io::Error::other)?;
            self.encoded += BLOCK as u64;
            let ends = left < 2 * BLOCK;
            let (info, position) = match (last, ends) {
                // The end of the audio, not of the packet (RFC 7845, section 4.4).
                (true, true) => (PacketWriteEndInfo::EndStream, self.pushed + self.pre_skip),
                (false, true) => (PacketWriteEndInfo::EndPage, self.encoded),
                (_, false) => (PacketWriteEndInfo::NormalPacket, self.encoded),
            };
            self.pages
                .write_packet(packet, self.serial, info, position)?;
        }
    }

    /// Passes on whole pages in a single write.
    fn flush(&mut self) -> io::Result<()> {
        let pages = self.pages.inner_mut();
        self.to.write_all(pages)?;
        self.bytes += pages.len() as u64;
        pages.clear();
        self.to.flush()
    }
}

/// The size of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes in the file.
    pub bytes: u64,
    /// How long it plays.
    pub duration: Duration,
}

/// The identification header (RFC 7845, section 5.1): version 1, two channels, 48 kHz, no gain, mapping family 0
/// (stereo).
fn head(pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(48_000u32.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// The comment header (RFC 7845, section 5.2).
fn tags(comments: &[String]) -> Vec<u8> {
    let text = |tags: &mut Vec<u8>, text: &str| {
        tags.extend((text.len() as u32).to_le_bytes());
        tags.extend(text.as_bytes());
    };
    let mut tags = b"OpusTags".to_vec();
    text(&mut tags, concat!("sidetone ", env!("CARGO_PKG_VERSION")));
    tags.extend((comments.len() as u32).to_le_bytes());
    for comment in comments {
        text(&mut tags, comment);
    }
    tags
}

/// Measures a file whose writer may have been killed, up to its last whole page.
///
/// # Errors
/// If it cannot be read, or is not an Ogg Opus file.
pub fn measure(mut file: impl io::Read + io::Seek) -> io::Result<Written> {
    let end = file.seek(io::SeekFrom::End(0))?;
    file.seek(io::SeekFrom::Start(0))?;
    let (mut at, mut position, mut pre_skip) = (0u64, 0u64, None);
    let mut header = [0u8; 27];
    loop {
        if at + 27 > end {
            break;
        }
        file.read_exact(&mut header)?;
        if header[..5] != *b"OggS\0" {
            break;
        }
        let mut lacing = vec![0u8; usize::from(header[26])];
        let body: u64 = match file.read_exact(&mut lacing) {
            Ok(()) => lacing.iter().map(|n| u64::from(*n)).sum(),
            Err(_) => break,
        };
        let next = at + 27 + lacing.len() as u64 + body;
        if next > end {
            break;
        }
        if pre_skip.is_none() {
            let mut head = vec![0u8; body as usize];
            file.read_exact(&mut head)?;
            if head.len() < 19 || !head.starts_with(b"OpusHead") {
                break;
            }
            pre_skip = Some(u64::from(u16::from_le_bytes([head[10], head[11]])));
        }
        let granule: [u8; 8] = header[6..14].try_into().map_err(io::Error::other)?;
        position = u64::from_le_bytes(granule);
        at = next;
        file.seek(io::SeekFrom::Start(at))?;
    }
    let pre_skip = pre_skip.ok_or_else(|| io::Error::other("this is no Ogg Opus file"))?;
    Ok(Written {
        bytes: at,
        duration: Pcm::<48_000>::duration_of(position.saturating_sub(pre_skip) as usize),
    })
}

#[cfg(test)]
mod tests;
