//! Tracks, and the codecs of their frames.

use super::boxes::{Boxes, inside, u32_at};

/// The codec of a track's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::recorded) enum Codec<'a> {
    /// AAC, with its AudioSpecificConfig.
    Aac {
        config: &'a [u8],
    },
    Opus,
}

/// The audio track that is read: the first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Track<'a> {
    pub(super) id: u32,
    pub(super) codec: Codec<'a>,
}

/// Reads a `trak`. `None` if its sound cannot be decoded, or it is not sound.
pub(super) fn track(trak: &[u8]) -> Option<Track<'_>> {
    let header = inside(trak, &[*b"tkhd"])?;
    // Times take four bytes, or eight in version 1.
    let id = match header.first()? {
        1 => u32_at(header, 20)?,
        _ => u32_at(header, 12)?,
    };
    let descriptions = inside(trak, &[*b"mdia", *b"minf", *b"stbl", *b"stsd"])?;
    // After version, flags and count.
    let mut entries = Boxes(descriptions.get(8..)?);
    entries.find_map(|(name, entry)| {
        let codec = match &name {
            b"mp4a" => Codec::Aac {
                config: aac_config(entry)?,
            },
            b"Opus" => Codec::Opus,
            _ => return None,
        };
        Some(Track { id, codec })
    })
}

/// The AudioSpecificConfig of an `mp4a` entry (ISO 14496-1, section 7.2.6).
fn aac_config(entry: &[u8]) -> Option<&[u8]> {
    // QuickTime's version 1 has four more fields.
    let fields = match entry.get(8..10)? {
        [0, 0] => 28,
        [0, 1] => 44,
        _ => return None,
    };
    let esds = inside(entry.get(fields..)?, &[*b"esds"])?;
    let stream = descriptor(esds.get(4..)?, 0x03)?;
    // The flags after the id say which of three optional fields are present.
    let flags = *stream.get(2)?;
    let mut at = 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*stream.get(at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    let decoder = descriptor(stream.get(at..)?, 0x04)?;
    // 0x40 is MPEG-4 audio; buffer size and bit rates follow.
    if *decoder.first()? != 0x40 {
        return None;
    }
    descriptor(decoder.get(13..)?, 0x05)
}

/// The body of the descriptor at the front, if it has this tag.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (found, mut rest) = bytes.split_first()?;
    if *found != tag {
        return None;
    }
    let mut length = 0;
    // Seven bits per byte, at most four bytes.
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length = length << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return rest.get(..length);
        }
    }
    None
}
