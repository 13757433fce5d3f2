//! The layout of an encrypted audio packet. PURE.
//!
//! ```text
//! 1 byte, clear  | encrypted | tag, 16 | IV, 12 | length of the IV, 1 | index of the key, 1
//! ```
//! The clear byte is Opus's table of contents, which the cipher's tag also covers.

use std::sync::Arc;

use super::key::{IV, Key, TAG};

/// Bytes that stay in the clear.
const HEAD: usize = 1;
/// The IV's length and the key's index.
const TRAILER: usize = 2;

/// The silence that LiveKit's server substitutes for a track when it is muted or ends: 20 ms of Opus, and zeros.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// An encrypted packet.
pub(crate) struct Sealed<'a> {
    head: &'a [u8],
    sealed: &'a [u8],
    iv: [u8; IV],
    /// Index of the sender's key that opens it.
    pub(crate) key_index: u8,
}

impl<'a> Sealed<'a> {
    /// `None` if this is not an encrypted packet.
    pub(crate) fn read(packet: &'a [u8]) -> Option<Self> {
        let (rest, &[length, key_index]) = packet.split_last_chunk::<TRAILER>()?;
        let (rest, &iv) = rest.split_last_chunk::<IV>()?;
        if usize::from(length) != IV || rest.len() < HEAD + TAG {
            return None;
        }
        let (head, sealed) = rest.split_at(HEAD);
        Some(Self {
            head,
            sealed,
            iv,
            key_index,
        })
    }

    /// The original packet, if this key opens it.
    pub(crate) fn open(&self, key: &Key) -> Option<Arc<[u8]>> {
        let length = HEAD + self.sealed.len() - TAG;
        let mut packet: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
        let (head, text) = Arc::get_mut(&mut packet)?.split_at_mut(HEAD);
        head.copy_from_slice(self.head);
        (key.open(self.iv, self.head, self.sealed, text)).then_some(packet)
    }
}

/// Encrypts a packet; an empty one has nothing to hide. `None` if encryption fails.
pub(crate) fn seal(packet: &[u8], key: &Key, key_index: u8, iv: [u8; IV]) -> Option<Arc<[u8]>> {
    if packet.is_empty() {
        return Some(Arc::from([]));
    }
    let length = packet.len() + TAG + IV + TRAILER;
    let mut sealed: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
    let out = Arc::get_mut(&mut sealed)?;
    let (body, rest) = out.split_at_mut(packet.len());
    body.copy_from_slice(packet);
    let (head, text) = body.split_at_mut(HEAD);
    let tag = key.seal(iv, head, text)?;
    rest[..TAG].copy_from_slice(&tag);
    rest[TAG..TAG + IV].copy_from_slice(&iv);
    rest[TAG + IV..].copy_from_slice(&[IV as u8, key_index]);
    Some(sealed)
}

/// The IV of the `count`-th packet; source and time keep it unique.
pub(crate) fn iv(ssrc: u32, ticks: u32, count: u32) -> [u8; IV] {
    let mut iv = [0; IV];
    iv[..4].copy_from_slice(&ssrc.to_be_bytes());
    iv[4..8].copy_from_slice(&ticks.to_be_bytes());
    iv[8..].copy_from_slice(&ticks.wrapping_sub(count % 0xffff).to_be_bytes());
    iv
}

/// Recognizes what LiveKit's server inserts between a sender's packets, marked by the room's `trailer`. `Some(None)` if
/// it is marked but not the server's silence; it is dropped, or anybody who knows the trailer could speak in the clear.
pub(crate) fn injected<'a>(packet: &'a [u8], trailer: &[u8]) -> Option<Option<&'a [u8]>> {
    let packet = packet
        .strip_suffix(trailer)
        .filter(|_| !trailer.is_empty())?;
    let zeros = packet.strip_prefix(&SILENCE);
    let is_silence = zeros.is_some_and(|zeros| zeros.iter().all(|&byte| byte == 0));
    Some(is_silence.then_some(packet))
}
