//! Packets in a byte stream (RFC 4571): each preceded by its length in two bytes. PURE.

/// The length before each packet, in bytes.
const HEAD: usize = 2;

/// A packet preceded by its length. `None` if it is too long for the length field, so it is not a packet of ICE, DTLS
/// or RTP.
pub(crate) fn framed(packet: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(packet.len()).ok()?;
    let mut frame = Vec::with_capacity(HEAD + packet.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(packet);
    Some(frame)
}

/// Takes packets out of a byte stream. Holds at most one unfinished packet, 64 KiB, in addition to the last push.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    bytes: Vec<u8>,
    /// How many of `bytes` have been consumed.
    taken: usize,
}

impl Deframer {
    /// Adds what has arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole packet; empty ones are skipped.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        loop {
            let rest = &self.bytes[self.taken..];
            let head: [u8; HEAD] = rest.get(..HEAD)?.try_into().ok()?;
            let length = usize::from(u16::from_be_bytes(head));
            if rest.len() < HEAD + length {
                return None;
            }
            let begin = self.taken + HEAD;
            self.taken = begin + length;
            if length > 0 {
                return Some(&self.bytes[begin..self.taken]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
