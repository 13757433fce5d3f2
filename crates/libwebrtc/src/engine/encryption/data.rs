//! Encrypts and decrypts data packets.

use std::sync::Arc;

use super::key::{IV, Key, TAG};
use super::keys::Keys;
use crate::vocabulary::encryption::EncryptedPacket;

/// Why a packet was not encrypted or decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failed {
    #[error("{participant} has no key at index {index}")]
    NoKey { participant: String, index: u32 },
    #[error("no key of {participant} opens its packet; the keys differ")]
    WrongKey { participant: String },
    #[error("an initialisation vector of {0} bytes, where {IV} are meant")]
    Iv(usize),
    #[error("an encrypted packet of {0} bytes, which is shorter than its tag")]
    Short(usize),
    #[error("it could not be encrypted")]
    Seal,
}

/// Encrypts `data` in the participant's name.
pub(crate) fn seal(
    keys: &Keys,
    participant: &str,
    index: u32,
    data: &[u8],
) -> Result<EncryptedPacket, Failed> {
    let key = key(keys, participant, index)?;
    let mut iv = [0; IV];
    aws_lc_rs::rand::fill(&mut iv).map_err(|_| Failed::Seal)?;
    let mut sealed = Vec::with_capacity(data.len() + TAG);
    sealed.extend_from_slice(data);
    let tag = key.seal(iv, &[], &mut sealed).ok_or(Failed::Seal)?;
    sealed.extend_from_slice(&tag);
    Ok(EncryptedPacket {
        data: sealed,
        iv: iv.to_vec(),
        key_index: index,
    })
}

/// Decrypts a packet of the participant, whose key may have advanced. Deriving keys ahead takes a second at most, once
/// per key.
pub(crate) fn open(
    keys: &Keys,
    participant: &str,
    packet: &EncryptedPacket,
) -> Result<Vec<u8>, Failed> {
    let iv = <[u8; IV]>::try_from(packet.iv.as_slice()).map_err(|_| Failed::Iv(packet.iv.len()))?;
    let length = packet.data.len().checked_sub(TAG);
    let mut opened = vec![0; length.ok_or(Failed::Short(packet.data.len()))?];
    let first = key(keys, participant, packet.key_index)?;
    if first.open(iv, &[], &packet.data, &mut opened) {
        return Ok(opened);
    }
    let mut ahead = Arc::clone(&first);
    for _ in 0..keys.window {
        ahead = next(keys, &ahead);
        if ahead.open(iv, &[], &packet.data, &mut opened) {
            let index = i32::try_from(packet.key_index).unwrap_or(i32::MAX);
            keys.went(participant, index, &first, &ahead);
            return Ok(opened);
        }
    }
    Err(Failed::WrongKey {
        participant: participant.to_owned(),
    })
}

/// The following key. If it has to be derived first, this thread's other tasks move elsewhere.
fn next(keys: &Keys, key: &Key) -> Arc<Key> {
    use tokio::runtime::{Handle, RuntimeFlavor};
    if let Some(next) = key.next_known() {
        return Arc::clone(next);
    }
    let runtime = Handle::try_current().map(|handle| handle.runtime_flavor());
    match runtime {
        Ok(RuntimeFlavor::MultiThread) => {
            tokio::task::block_in_place(|| Arc::clone(key.next(&keys.derivation)))
        }
        _ => Arc::clone(key.next(&keys.derivation)),
    }
}

fn key(keys: &Keys, participant: &str, index: u32) -> Result<Arc<Key>, Failed> {
    let known = i32::try_from(index).ok();
    let key = known.and_then(|index| keys.of(participant, index));
    key.ok_or_else(|| Failed::NoKey {
        participant: participant.to_owned(),
        index,
    })
}
