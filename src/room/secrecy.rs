//! End-to-end encryption of a room's sound and data.
//! The agent's keys form one shared key ring. The agent starts speaking with the first key, and then switches to the
//! one that its caller uses, even if the caller's client chose another index or ratcheted the key.

use livekit::RoomOptions;
use livekit::e2ee::key_provider::{KeyProvider, KeyProviderOptions};
use livekit::e2ee::{E2eeOptions, EncryptionType};
use livekit::prelude::{ParticipantIdentity, Room, TrackSid};
use livekit::webrtc::native::frame_cryptor::{FrameCryptor, KeyDerivationAlgorithm};

use super::doorkeeper;
use sidetone_config::encryption::{Derivation, Encryption};

/// Consecutive packets that cannot be decrypted before a failure is reported; the tolerance of livekit-client.
const TOLERANCE: i32 = 10;

/// The agent's keys in a room.
pub(super) struct Keyring {
    encryption: Encryption,
    provider: KeyProvider,
    /// The secrets as they were last read.
    read: Vec<Vec<u8>>,
    /// The index of the key that the agent speaks with.
    index: i32,
}

/// A change of the key ring, run off the event loop, because deriving a key takes tens of milliseconds.
pub(super) type Change = Box<dyn FnOnce() + Send>;

impl Keyring {
    /// The keys of a room that was joined with [`options`]. `None` if it was joined without encryption.
    pub(super) fn of(room: &Room, encryption: Option<&Encryption>) -> Option<Self> {
        let (encryption, provider) = (encryption?.clone(), room.e2ee_manager().key_provider()?);
        let read = encryption.material().unwrap_or_default();
        Some(Self {
            encryption,
            provider,
            read,
            index: 0,
        })
    }

    /// Reads the secrets again. Returns the change that installs new ones; `None` if there are none.
    pub(super) fn renew(&mut self) -> Option<Change> {
        // An unusable secret is logged where it is read.
        let now = self.encryption.material().ok()?;
        let indexed = now.iter().cloned().enumerate();
        let changed: Vec<_> = indexed
            .filter(|(index, material)| self.read.get(*index) != Some(material))
            .collect();
        self.read = now;
        let provider = self.provider.clone();
        (!changed.is_empty()).then(|| -> Change {
            Box::new(move || {
                for (index, material) in changed {
                    provider.set_shared_key(material, index_of(index));
                }
            })
        })
    }

    /// The caller is heard. Returns the change with which the agent sends with the key of the caller's track.
    pub(super) fn follow(
        &mut self,
        room: &Room,
        caller: &ParticipantIdentity,
        track: &TrackSid,
    ) -> Option<Change> {
        let cryptors = room.e2ee_manager().frame_cryptors();
        let index = (cryptors.get(&(caller.clone(), track.clone()))?).key_index();
        let material = self.provider.get_key(caller, index)?;
        self.index = index;
        let is_ours = self.provider.get_latest_key_index() == index
            && self.provider.get_shared_key(index).as_ref() == Some(&material)
            && voices(room).all(|voice| voice.key_index() == index);
        let (provider, voices) = (self.provider.clone(), voices(room));
        (!is_ours).then(|| -> Change {
            Box::new(move || {
                provider.set_shared_key(material, index);
                voices.for_each(|voice| voice.set_key_index(index));
            })
        })
    }

    /// The agent's voice was published again: it continues with the same key.
    pub(super) fn go_on(&self, room: &Room) {
        voices(room).for_each(|voice| voice.set_key_index(self.index));
    }
}

/// The encryptors of the agent's voice.
fn voices(room: &Room) -> impl Iterator<Item = FrameCryptor> + use<> {
    let own = room.local_participant().identity();
    let cryptors = room.e2ee_manager().frame_cryptors().into_iter();
    cryptors.filter_map(move |((who, _), cryptor)| (who == own).then_some(cryptor))
}

/// Makes a room be joined with these keys: no sound passes in the clear, in either direction.
/// # Errors
/// A secret is unusable.
pub(super) async fn keep(options: &mut RoomOptions, encryption: &Encryption) -> Result<(), String> {
    let material = encryption.material()?;
    let derivation = encryption.derivation;
    let deriving = tokio::task::spawn_blocking(move || provider(derivation, material));
    let key_provider = deriving.await.map_err(|error| error.to_string())?;
    options.encryption = Some(E2eeOptions {
        encryption_type: EncryptionType::Gcm,
        key_provider: key_provider.ok_or("there is no key")?,
    });
    options.rtc_config.only_encrypted = true;
    options.rtc_config.doors = Some(doorkeeper::of_encrypted_calls);
    Ok(())
}

fn provider(derivation: Derivation, material: Vec<Vec<u8>>) -> Option<KeyProvider> {
    let options = KeyProviderOptions {
        failure_tolerance: TOLERANCE,
        key_derivation_algorithm: match derivation {
            Derivation::Pbkdf2 => KeyDerivationAlgorithm::PBKDF2,
            Derivation::Hkdf => KeyDerivationAlgorithm::HKDF,
        },
        ..KeyProviderOptions::default()
    };
    let mut keys = material.into_iter().enumerate();
    let (_, first) = keys.next()?;
    let provider = KeyProvider::with_shared_key(options, first.clone());
    let mut is_last = true;
    for (index, key) in keys {
        provider.set_shared_key(key, index_of(index));
        is_last = false;
    }
    // What is sent is encrypted with the key that was set last.
    if !is_last {
        provider.set_shared_key(first, 0);
    }
    Some(provider)
}

/// There are 16 at most.
fn index_of(place: usize) -> i32 {
    i32::try_from(place).unwrap_or_default()
}
