//! Extracts Opus packets from a WebM recording, as written by browsers' MediaRecorder. PURE.
//!
//! A strict reader of that subset: it goes through the bytes once, from front to back, so no file can make it work
//! longer than its length. Laced blocks and empty frames, which no browser writes, are rejected: a few bytes of them
//! would stand for minutes of sound.

/// Element ids (RFC 8794 and RFC 9559).
mod id {
    pub const EBML: u32 = 0x1A45_DFA3;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const CLUSTER: u32 = 0x1F43_B675;
    pub const TRACKS: u32 = 0x1654_AE6B;
    pub const TRACK_ENTRY: u32 = 0xAE;
    pub const TRACK_NUMBER: u32 = 0xD7;
    pub const CODEC_ID: u32 = 0x86;
    pub const BLOCK_GROUP: u32 = 0xA0;
    pub const BLOCK: u32 = 0xA1;
    pub const SIMPLE_BLOCK: u32 = 0xA3;
}

/// The bits of a block's flags that specify its lacing.
const LACING: u8 = 0b0000_0110;
/// How many tracks are remembered; a recording has one or two.
const TRACKS: usize = 8;

/// Iterates over the packets of the first Opus track. Ends after an error, and where the recording was cut off.
pub(super) struct Packets<'a> {
    rest: &'a [u8],
    /// Number and codec of each track entry so far.
    tracks: Vec<(Option<u64>, &'a [u8])>,
}

/// An element's head: its id and the size of its body; `None` for a body that extends to its parent's end.
struct Head {
    id: u32,
    size: Option<usize>,
}

impl<'a> Packets<'a> {
    /// Reads a whole recording.
    ///
    /// # Errors
    /// It does not begin like WebM.
    pub(super) fn of(file: &'a [u8]) -> Result<Self, String> {
        let mut packets = Self {
            rest: file,
            tracks: Vec::new(),
        };
        match packets.head() {
            Some(Head {
                id: id::EBML,
                size: Some(size),
            }) if packets.advance(size).is_some() => Ok(packets),
            _ => Err("it is not WebM".into()),
        }
    }

    /// Whether an Opus track was found.
    pub(super) fn has_opus(&self) -> bool {
        self.opus_track().is_some()
    }

    fn opus_track(&self) -> Option<u64> {
        let opus = self.tracks.iter().find(|(_, codec)| *codec == b"A_OPUS");
        opus.and_then(|(number, _)| *number)
    }

    fn advance(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn head(&mut self) -> Option<Head> {
        let first = *self.rest.first()?;
        let id_length = first.leading_zeros() as usize + 1;
        if id_length > 4 {
            return None;
        }
        let id = self.advance(id_length)?;
        let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let length = self.rest.first()?.leading_zeros() as usize + 1;
        if length > 8 {
            return None;
        }
        let size = number(self.advance(length)?, length);
        // A size that does not fit is longer than any file.
        let size = size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        Some(Head { id, size })
    }

    /// The next packet.
    fn packet(&mut self) -> Option<Result<&'a [u8], String>> {
        loop {
            let Head { id, size } = self.head()?;
            match (id, size) {
                // Their bodies are elements: descend into them.
                (id::SEGMENT | id::CLUSTER, _) | (id::TRACKS | id::BLOCK_GROUP, Some(_)) => {}
                (id::TRACK_ENTRY, Some(_)) => {
                    if self.tracks.len() == TRACKS {
                        return Some(Err(format!("it has more than {TRACKS} tracks")));
                    }
                    self.tracks.push((None, &[]));
                }
                (_, None) => return Some(Err(format!("element {id:x} has no size"))),
                (id, Some(size)) => {
                    let body = self.advance(size)?;
                    match (id, self.tracks.last_mut()) {
                        (id::TRACK_NUMBER, Some((number, _))) => {
                            let value = body.iter().take(8);
                            *number = Some(value.fold(0, |n, byte| n << 8 | u64::from(*byte)));
                        }
                        (id::CODEC_ID, Some((_, codec))) => {
                            // It may be padded with zeros.
                            let end = body.iter().position(|byte| *byte == 0);
                            *codec = &body[..end.unwrap_or(body.len())];
                        }
                        (id::BLOCK | id::SIMPLE_BLOCK, _) => match self.frame(body) {
                            Ok(None) => {}
                            Ok(Some(frame)) => return Some(Ok(frame)),
                            Err(error) => return Some(Err(error)),
                        },
                        _ => {}
                    }
                }
            }
        }
    }

    /// A block's only frame. `None` if it belongs to another track.
    fn frame(&self, block: &'a [u8]) -> Result<Option<&'a [u8]>, String> {
        let cut = || "a block in it is cut short".to_owned();
        let length = block.first().ok_or_else(cut)?.leading_zeros() as usize + 1;
        let (head, body) = block.split_at_checked(length).ok_or_else(cut)?;
        let track = number(head, length);
        // A time of two bytes, and flags.
        let [_, _, flags, frame @ ..] = body else {
            return Err(cut());
        };
        if track.is_none() || track != self.opus_track() {
            return Ok(None);
        }
        if flags & LACING != 0 {
            return Err("its blocks are laced".into());
        }
        if frame.is_empty() {
            return Err("a frame in it is empty".into());
        }
        Ok(Some(frame))
    }
}

/// A variable-length number without its length marker. `None` if all its bits are set, which means "unknown".
fn number(bytes: &[u8], length: usize) -> Option<u64> {
    let bits = 7 * length as u32;
    let value = bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let mask = (1_u64 << bits) - 1;
    (value & mask != mask).then_some(value & mask)
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<&'a [u8], String>;

    fn next(&mut self) -> Option<Self::Item> {
        let packet = self.packet();
        if !matches!(packet, Some(Ok(_))) {
            self.rest = &[];
        }
        packet
    }
}

#[cfg(test)]
mod tests;
