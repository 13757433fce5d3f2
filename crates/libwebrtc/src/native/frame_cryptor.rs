//! Frame encryption between participants: [`Unsupported::EndToEndEncryption`].
//!
//! Making a key provider is reported. A sender or receiver that is told to
//! encrypt carries no media from then on, so that nothing meant to be
//! encrypted ever travels in the clear.
//!
//! [`Unsupported::EndToEndEncryption`]: crate::unsupported::Unsupported::EndToEndEncryption
#![allow(missing_docs)]

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::peer_connection_factory::PeerConnectionFactory;
use crate::rtp_receiver::RtpReceiver;
use crate::rtp_sender::RtpSender;
use crate::unsupported::Unsupported;
use crate::vocabulary::packet_trailer::PacketTrailerHandler;

pub type OnStateChange = Box<dyn FnMut(String, EncryptionState) + Send + Sync>;

#[derive(Copy, Clone, Debug)]
#[non_exhaustive]
pub enum KeyDerivationAlgorithm {
    PBKDF2,
    HKDF,
}

#[derive(Debug, Clone)]
pub struct KeyProviderOptions {
    pub shared_key: bool,
    pub ratchet_window_size: i32,
    pub ratchet_salt: Vec<u8>,
    pub failure_tolerance: i32,
    pub key_ring_size: i32,
    pub key_derivation_algorithm: KeyDerivationAlgorithm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionAlgorithm {
    AesGcm,
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

/// By participant, or none for the shared ones, and index.
type Keys = HashMap<(Option<String>, i32), Vec<u8>>;

/// Keeps keys; nothing uses them.
#[derive(Clone)]
pub struct KeyProvider {
    keys: Arc<Mutex<Keys>>,
}

impl KeyProvider {
    pub fn new(_options: KeyProviderOptions) -> Self {
        Unsupported::EndToEndEncryption.report();
        Self {
            keys: Arc::default(),
        }
    }

    pub fn set_shared_key(&self, key_index: i32, key: Vec<u8>) -> bool {
        self.keys.lock().insert((None, key_index), key);
        true
    }

    pub fn get_shared_key(&self, key_index: i32) -> Option<Vec<u8>> {
        self.keys.lock().get(&(None, key_index)).cloned()
    }

    pub fn ratchet_shared_key(&self, _key_index: i32) -> Option<Vec<u8>> {
        None
    }

    pub fn set_key(&self, participant_id: String, key_index: i32, key: Vec<u8>) -> bool {
        self.keys
            .lock()
            .insert((Some(participant_id), key_index), key);
        true
    }

    pub fn get_key(&self, participant_id: String, key_index: i32) -> Option<Vec<u8>> {
        self.keys
            .lock()
            .get(&(Some(participant_id), key_index))
            .cloned()
    }

    pub fn ratchet_key(&self, _participant_id: String, _key_index: i32) -> Option<Vec<u8>> {
        None
    }

    pub fn set_sif_trailer(&self, _trailer: Vec<u8>) {}
}

/// Stands where encryption would be and lets no media through.
#[derive(Clone)]
pub struct FrameCryptor {
    participant_id: String,
    settings: Arc<Mutex<(bool, i32)>>,
}

impl FrameCryptor {
    pub fn new_for_rtp_sender(
        _peer_factory: &PeerConnectionFactory,
        participant_id: String,
        _algorithm: EncryptionAlgorithm,
        _key_provider: KeyProvider,
        sender: RtpSender,
    ) -> Self {
        sender.inner.withhold_media();
        Self::new(participant_id)
    }

    pub fn new_for_rtp_receiver(
        _peer_factory: &PeerConnectionFactory,
        participant_id: String,
        _algorithm: EncryptionAlgorithm,
        _key_provider: KeyProvider,
        receiver: RtpReceiver,
    ) -> Self {
        receiver.inner.withhold_media();
        Self::new(participant_id)
    }

    fn new(participant_id: String) -> Self {
        Unsupported::EndToEndEncryption.report();
        Self {
            participant_id,
            settings: Arc::default(),
        }
    }

    pub fn set_enabled(&self, enabled: bool) {
        self.settings.lock().0 = enabled;
    }

    pub fn enabled(&self) -> bool {
        self.settings.lock().0
    }

    pub fn set_key_index(&self, index: i32) {
        self.settings.lock().1 = index;
    }

    pub fn key_index(&self) -> i32 {
        self.settings.lock().1
    }

    pub fn participant_id(&self) -> String {
        self.participant_id.clone()
    }

    /// Reports an internal error at once, since nothing will ever be encrypted.
    pub fn on_state_change(&self, handler: Option<OnStateChange>) {
        if let Some(mut handler) = handler {
            handler(self.participant_id.clone(), EncryptionState::InternalError);
        }
    }

    pub fn set_packet_trailer_handler(&self, _handler: &PacketTrailerHandler) {}
}

/// Refuses every packet.
#[derive(Clone)]
pub struct DataPacketCryptor;

impl DataPacketCryptor {
    pub fn new(_algorithm: EncryptionAlgorithm, _key_provider: KeyProvider) -> Self {
        Self
    }

    pub fn encrypt(
        &self,
        _participant_id: &str,
        _key_index: u32,
        _data: &[u8],
    ) -> Result<EncryptedPacket, Box<dyn std::error::Error>> {
        Err(Unsupported::EndToEndEncryption.advice().into())
    }

    pub fn decrypt(
        &self,
        _participant_id: &str,
        _encrypted_packet: &EncryptedPacket,
    ) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        Err(Unsupported::EndToEndEncryption.advice().into())
    }
}
