//! Encryption between participants: its options, its states, and an encrypted packet.
#![allow(missing_docs)]

/// How keys are derived from the participants' shared secret.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyDerivationAlgorithm {
    /// From a passphrase: PBKDF2 with HMAC-SHA-256 and 100,000 rounds.
    PBKDF2,
    /// From random bytes: HKDF with SHA-256.
    HKDF,
}

#[derive(Debug, Clone)]
pub struct KeyProviderOptions {
    /// One key for all participants, until one has its own.
    pub shared_key: bool,
    /// How many ratchet steps ahead are tried to open a frame.
    pub ratchet_window_size: i32,
    pub ratchet_salt: Vec<u8>,
    /// Frames in a row that may fail to open before it is reported; a negative value means never.
    pub failure_tolerance: i32,
    pub key_ring_size: i32,
    pub key_derivation_algorithm: KeyDerivationAlgorithm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionAlgorithm {
    AesGcm,
    /// No client implements it: nothing passes.
    AesCbc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionState {
    New,
    Ok,
    EncryptionFailed,
    DecryptionFailed,
    MissingKey,
    KeyRatcheted,
    InternalError,
}

#[derive(Debug, Clone)]
pub struct EncryptedPacket {
    pub data: Vec<u8>,
    pub iv: Vec<u8>,
    pub key_index: u32,
}
