//! A key: how it is derived, and its successors. PURE.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, pbkdf2};

use crate::vocabulary::encryption::KeyDerivationAlgorithm;

/// Bytes of an AES-128 key, the only size that all clients support.
const KEY: usize = 16;
/// Bytes of a ratcheted key.
const RATCHETED: usize = 32;
/// Rounds of PBKDF2, as in all clients.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99_999);
/// HKDF's info, as in all clients: this many zeros.
const INFO: [u8; 128] = [0; 128];
/// Bytes added by the cipher.
pub(crate) const TAG: usize = MAX_TAG_LEN;
/// Bytes of an initialisation vector.
pub(crate) const IV: usize = 12;

/// How keys are derived.
#[derive(Debug, Clone)]
pub(crate) struct Derivation {
    algorithm: KeyDerivationAlgorithm,
    salt: Vec<u8>,
}

impl Derivation {
    pub(crate) fn new(algorithm: KeyDerivationAlgorithm, salt: Vec<u8>) -> Self {
        Self { algorithm, salt }
    }

    /// PBKDF2 takes tens of milliseconds.
    fn fill(&self, material: &[u8], out: &mut [u8]) {
        match self.algorithm {
            KeyDerivationAlgorithm::PBKDF2 => {
                let hash = pbkdf2::PBKDF2_HMAC_SHA256;
                pbkdf2::derive(hash, ROUNDS, &self.salt, material, out);
            }
            KeyDerivationAlgorithm::HKDF => {
                let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &self.salt);
                let info: [&[u8]; 1] = [&INFO];
                let filled = salt
                    .extract(material)
                    .expand(&info, Length(out.len()))
                    .and_then(|okm| okm.fill(out));
                // It fails for more than 255 hashes, and this is one at most.
                debug_assert!(filled.is_ok());
            }
        }
    }

    pub(crate) fn key(&self, material: &[u8]) -> Arc<Key> {
        let mut key = [0; KEY];
        self.fill(material, &mut key);
        let cipher = UnboundKey::new(&AES_128_GCM, &key).ok();
        Arc::new(Key {
            material: material.to_vec(),
            cipher: cipher.map(LessSafeKey::new),
            next: OnceLock::new(),
        })
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// A key, and the one that follows when it is ratcheted.
pub(crate) struct Key {
    material: Vec<u8>,
    /// `None` if it could not be created; such a key neither opens nor seals anything.
    cipher: Option<LessSafeKey>,
    /// Derived once, so that packets which nobody can open cost next to nothing from then on.
    next: OnceLock<Arc<Key>>,
}

impl Key {
    /// The material it was derived from.
    pub(crate) fn material(&self) -> &[u8] {
        &self.material
    }

    /// The following key.
    pub(crate) fn next(&self, derivation: &Derivation) -> &Arc<Key> {
        self.next.get_or_init(|| {
            let mut material = [0; RATCHETED];
            derivation.fill(&self.material, &mut material);
            derivation.key(&material)
        })
    }

    /// The following key, if it has been derived.
    pub(crate) fn next_known(&self) -> Option<&Arc<Key>> {
        self.next.get()
    }

    /// Encrypts in place. Returns the tag.
    pub(crate) fn seal(&self, iv: [u8; IV], head: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
        let nonce = Nonce::assume_unique_for_key(iv);
        let cipher = self.cipher.as_ref()?;
        let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(head), text);
        tag.ok()?.as_ref().try_into().ok()
    }

    /// Decrypts `sealed`, which ends with its tag, into `out`, which has the same length without the tag.
    pub(crate) fn open(&self, iv: [u8; IV], head: &[u8], sealed: &[u8], out: &mut [u8]) -> bool {
        let (Some(cipher), Some((text, tag))) = (&self.cipher, sealed.split_last_chunk::<TAG>())
        else {
            return false;
        };
        let nonce = Nonce::assume_unique_for_key(iv);
        cipher
            .open_separate_gather(nonce, Aad::from(head), text, tag, out)
            .is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
