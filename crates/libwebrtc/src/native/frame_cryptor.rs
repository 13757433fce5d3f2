//! Encryption between participants, in the form that `livekit` expects.
//!
//! Two things are stricter than in Google's library. A track that was once to be encrypted stays so, even if it is
//! published again. And what a server marks as its own is played only if it is silence.
#![allow(missing_docs)]

use std::sync::Arc;

use parking_lot::Mutex;

use crate::engine::doorkeeper;
use crate::engine::encryption::data;
use crate::engine::encryption::keys::Keys;
use crate::engine::encryption::media::Cryptor;
use crate::engine::track::Track;
use crate::peer_connection_factory::PeerConnectionFactory;
use crate::rtp_receiver::RtpReceiver;
use crate::rtp_sender::RtpSender;
use crate::vocabulary::doorkeeper::OpenedDoorkeeper;
pub use crate::vocabulary::encryption::{
    EncryptedPacket, EncryptionAlgorithm, EncryptionState, KeyDerivationAlgorithm,
    KeyProviderOptions,
};
use crate::vocabulary::packet_trailer::PacketTrailerHandler;

pub type OnStateChange = Box<dyn FnMut(String, EncryptionState) + Send + Sync>;

/// The keys of a room's participants. Clones are the same keys.
#[derive(Clone, Debug)]
pub struct KeyProvider {
    keys: Arc<Keys>,
}

impl KeyProvider {
    pub fn new(options: KeyProviderOptions) -> Self {
        Self {
            keys: Arc::new(Keys::new(options)),
        }
    }

    /// Sets the key of all participants. `false` if each has its own.
    pub fn set_shared_key(&self, key_index: i32, key: Vec<u8>) -> bool {
        self.keys.set_shared(key_index, &key)
    }

    pub fn get_shared_key(&self, key_index: i32) -> Option<Vec<u8>> {
        Some(self.keys.shared(key_index)?.material().to_vec())
    }

    pub fn ratchet_shared_key(&self, key_index: i32) -> Option<Vec<u8>> {
        Some(self.keys.ratchet_shared(key_index)?.material().to_vec())
    }

    pub fn set_key(&self, participant_id: String, key_index: i32, key: Vec<u8>) -> bool {
        self.keys.set(participant_id, key_index, &key);
        true
    }

    pub fn get_key(&self, participant_id: String, key_index: i32) -> Option<Vec<u8>> {
        let key = self.keys.get(&participant_id, key_index)?;
        Some(key.material().to_vec())
    }

    pub fn ratchet_key(&self, participant_id: String, key_index: i32) -> Option<Vec<u8>> {
        let key = self.keys.ratchet(participant_id, key_index)?;
        Some(key.material().to_vec())
    }

    /// Sets the mark of packets that LiveKit's server has inserted into a track.
    pub fn set_sif_trailer(&self, trailer: Vec<u8>) {
        self.keys.set_server_trailer(&trailer);
    }
}

/// Encrypts a sender's packets, or decrypts a receiver's. Clones are the same cryptor.
#[derive(Clone)]
pub struct FrameCryptor {
    cryptor: Arc<Cryptor>,
}

impl FrameCryptor {
    pub fn new_for_rtp_sender(
        _peer_factory: &PeerConnectionFactory,
        participant_id: String,
        algorithm: EncryptionAlgorithm,
        key_provider: KeyProvider,
        sender: RtpSender,
    ) -> Self {
        let track = sender.inner.sender_track();
        Self::before(track, participant_id, algorithm, key_provider)
    }

    pub fn new_for_rtp_receiver(
        _peer_factory: &PeerConnectionFactory,
        participant_id: String,
        algorithm: EncryptionAlgorithm,
        key_provider: KeyProvider,
        receiver: RtpReceiver,
    ) -> Self {
        let track = receiver.inner.received().map(|received| received.track);
        Self::before(track, participant_id, algorithm, key_provider)
    }

    /// Puts a cryptor in the track's path. Video has no packets here.
    fn before(
        track: Option<Track>,
        participant: String,
        algorithm: EncryptionAlgorithm,
        key_provider: KeyProvider,
    ) -> Self {
        let cryptor = Cryptor::new(participant, algorithm, key_provider.keys);
        if let Some(Track::Audio(track)) = track {
            track.encrypt(Arc::clone(&cryptor));
        }
        Self { cryptor }
    }

    /// While disabled, which is the initial state, it lets packets through unchanged.
    pub fn set_enabled(&self, enabled: bool) {
        self.cryptor.set_enabled(enabled);
    }

    pub fn enabled(&self) -> bool {
        self.cryptor.enabled()
    }

    /// Sets the key that a sender uses.
    pub fn set_key_index(&self, index: i32) {
        self.cryptor.set_key_index(index);
    }

    /// For a sender, the key that it uses; for a receiver, the key that its sender used last.
    pub fn key_index(&self) -> i32 {
        self.cryptor.key_index()
    }

    pub fn participant_id(&self) -> String {
        self.cryptor.participant().to_owned()
    }

    pub fn on_state_change(&self, handler: Option<OnStateChange>) {
        self.cryptor.on_state(handler);
    }

    pub fn set_packet_trailer_handler(&self, _handler: &PacketTrailerHandler) {}
}

/// Encrypts and decrypts data packets.
#[derive(Clone)]
pub struct DataPacketCryptor {
    keys: Arc<Keys>,
    is_known: bool,
    /// Inspects decrypted packets, if the process has a doorkeeper.
    door: Arc<Mutex<Option<Box<dyn OpenedDoorkeeper>>>>,
}

impl DataPacketCryptor {
    pub fn new(algorithm: EncryptionAlgorithm, key_provider: KeyProvider) -> Self {
        Self {
            keys: key_provider.keys,
            is_known: algorithm == EncryptionAlgorithm::AesGcm,
            door: Arc::new(Mutex::new(doorkeeper::of_opened())),
        }
    }

    pub fn encrypt(
        &self,
        participant_id: &str,
        key_index: u32,
        data: &[u8],
    ) -> Result<EncryptedPacket, Box<dyn std::error::Error>> {
        self.check()?;
        Ok(data::seal(&self.keys, participant_id, key_index, data)?)
    }

    pub fn decrypt(
        &self,
        participant_id: &str,
        encrypted_packet: &EncryptedPacket,
    ) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        self.check()?;
        let opened = data::open(&self.keys, participant_id, encrypted_packet)?;
        match self.door.lock().as_mut() {
            None => Ok(opened),
            Some(door) => door
                .opened(participant_id, opened)
                .ok_or_else(|| "it was refused by the limits on incoming data".into()),
        }
    }

    fn check(&self) -> Result<(), Box<dyn std::error::Error>> {
        match self.is_known {
            true => Ok(()),
            false => Err("AES-CBC is not supported; use EncryptionAlgorithm::AesGcm".into()),
        }
    }
}
