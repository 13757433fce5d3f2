//! The test vectors come from browsers' WebCrypto with the parameters of client-sdk-js, and from its own snapshots.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use parking_lot::Mutex;

use super::data;
use super::frame::{self, Sealed};
use super::key::{Derivation, IV, Key, TAG};
use super::keys::Keys;
use super::media::Cryptor;
use crate::vocabulary::encryption::{
    EncryptionAlgorithm, EncryptionState, KeyDerivationAlgorithm, KeyProviderOptions,
};
use KeyDerivationAlgorithm::{HKDF, PBKDF2};

const SALT: &[u8] = b"LKFrameEncryptionKey";
const PACKET: [u8; 6] = [0x78, 1, 2, 3, 4, 5];

fn hex(text: &str) -> Vec<u8> {
    let byte = |n: usize| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap();
    (0..text.len() / 2).map(byte).collect()
}

fn derivation(algorithm: KeyDerivationAlgorithm) -> Derivation {
    Derivation::new(algorithm, SALT.to_vec())
}

fn options(shared_key: bool) -> KeyProviderOptions {
    KeyProviderOptions {
        shared_key,
        ratchet_window_size: 3,
        ratchet_salt: SALT.to_vec(),
        failure_tolerance: 2,
        key_ring_size: 16,
        // The faster one; derivation has a test of its own.
        key_derivation_algorithm: HKDF,
    }
}

fn shared(words: &str) -> Arc<Keys> {
    let keys = Keys::new(options(true));
    assert!(keys.set_shared(0, words.as_bytes()));
    Arc::new(keys)
}

type States = Arc<Mutex<Vec<EncryptionState>>>;

fn cryptor(who: &str, keys: &Arc<Keys>) -> (Arc<Cryptor>, States) {
    let cryptor = Cryptor::new(who.into(), EncryptionAlgorithm::AesGcm, keys.clone());
    cryptor.set_enabled(true);
    let states = States::default();
    let tell = states.clone();
    cryptor.on_state(Some(Box::new(move |_, state| tell.lock().push(state))));
    (cryptor, states)
}

fn packet() -> Arc<[u8]> {
    Arc::from(PACKET)
}

/// Sends a packet from one to the other.
fn pass(from: &Cryptor, to: &Cryptor) -> Option<Arc<[u8]>> {
    to.open(from.seal(1, 960, &packet()).unwrap())
}

#[test]
fn keys_and_their_ratchet_are_those_of_client_sdk_js() {
    let plain: Vec<u8> = (0..17).collect();
    let derivation = derivation(PBKDF2);
    let mut key = derivation.key(b"password");
    let snapshot = [
        "2ae25e3198124f0137befa508f1386dac837576675d982300b423f667390755ce8",
        "04a4784cace1110eb0ba6f050ab01d2a13d748e3cb8bdb93554e3ebfba7bf83c93",
        "3aad55a2d3c8c857d641da5c4a358fb73af21327e2b4cc7f6ddb9c98679ebaf0a1",
    ];
    for expected in snapshot {
        let mut sealed = plain.clone();
        let tag = key.seal([0; IV], &[], &mut sealed).unwrap();
        sealed.extend_from_slice(&tag);
        assert_eq!(sealed, hex(expected));
        key = Arc::clone(key.next(&derivation));
    }
}

#[test]
fn a_packet_has_the_layout_that_clients_have() {
    for (algorithm, step, expected) in [
        (
            PBKDF2,
            0,
            "78dcd362a8316f87b2138439f9678ba92bf37d4f86ca11223344000100000000fffb0c00",
        ),
        (
            PBKDF2,
            1,
            "78205c2af9772dd25b71a405dc93e3f880923ad3f75611223344000100000000fffb0c01",
        ),
        (
            HKDF,
            0,
            "780dd7d1c203f7a417bbe6be66da3a0e39d232805b6311223344000100000000fffb0c00",
        ),
        (
            HKDF,
            2,
            "783acee9036e10cec14dfd4febe196f9481ee4f3d37f11223344000100000000fffb0c02",
        ),
    ] {
        let derivation = derivation(algorithm);
        let mut key = derivation.key(b"password");
        for _ in 0..step {
            key = Arc::clone(key.next(&derivation));
        }
        let iv = frame::iv(0x1122_3344, 0x0001_0000, 5);
        let sealed = frame::seal(&PACKET, &key, step, iv).unwrap();
        assert_eq!(*sealed, *hex(expected), "{algorithm:?}, {step}");
        let read = Sealed::read(&sealed).unwrap();
        assert_eq!(read.key_index, step);
        assert_eq!(*read.open(&key).unwrap(), PACKET);
    }
}

#[test]
fn a_data_packet_is_what_clients_send() {
    let keys = Keys::new(options(true));
    keys.set_shared(0, b"password");
    let packet = crate::vocabulary::encryption::EncryptedPacket {
        data: hex("64b0beaa691138d2b2bce8f8c695d8a3f40518c9fa"),
        iv: hex("11223344000100000000fffb"),
        key_index: 0,
    };
    assert_eq!(data::open(&keys, "ada", &packet).unwrap(), b"hello");
    // A key that was ratcheted twice is found, and used at once from then on.
    let twice = crate::vocabulary::encryption::EncryptedPacket {
        data: hex("53a9866b044f72b82ea692fefb7cd1ce766fef5467"),
        ..packet
    };
    assert_eq!(data::open(&keys, "ada", &twice).unwrap(), b"hello");
    let material = keys.get("ada", 0).unwrap().material().to_vec();
    assert_eq!(
        material,
        hex("6c6aacd6ffe63a3cae84a32d2571063a2b17cf1b5e448f3878eae1d3c363670c")
    );
    // Only this participant's key has advanced.
    assert_eq!(keys.shared(0).unwrap().material(), b"password");
    let sealed = data::seal(&keys, "ada", 0, b"hello").unwrap();
    assert_eq!(data::open(&keys, "ada", &sealed).unwrap(), b"hello");
    assert!(
        data::open(&keys, "bob", &sealed).is_ok(),
        "within his window"
    );
}

#[test]
fn a_packet_that_is_not_encrypted_is_not_opened() {
    let key = derivation(HKDF).key(b"password");
    let iv = frame::iv(1, 2, 3);
    let sealed = frame::seal(&PACKET, &key, 0, iv).unwrap();
    for at in 0..sealed.len() {
        let mut broken = sealed.to_vec();
        broken[at] ^= 1;
        let opened = Sealed::read(&broken).and_then(|read| read.open(&key));
        // The index says which key to try; it is not authenticated.
        assert_eq!(opened.is_some(), at == sealed.len() - 1, "byte {at}");
    }
    for length in 0..sealed.len() {
        let opened = Sealed::read(&sealed[..length]).and_then(|read| read.open(&key));
        assert!(opened.is_none(), "{length} bytes");
    }
    // A packet of one byte is all header.
    let short = frame::seal(&[0x78], &key, 0, iv).unwrap();
    assert_eq!(short.len(), 1 + TAG + IV + 2);
    assert_eq!(*Sealed::read(&short).unwrap().open(&key).unwrap(), [0x78]);
    assert!(frame::seal(&[], &key, 0, iv).unwrap().is_empty());
}

#[test]
fn ivs_of_a_source_do_not_come_twice() {
    let mut seen = std::collections::HashSet::new();
    for count in 0..100_000u32 {
        assert!(seen.insert(frame::iv(7, count.wrapping_mul(960), count)));
    }
}

#[test]
fn only_silence_is_heard_of_what_the_server_puts_in() {
    let trailer = b"the server's";
    let mut silence = vec![0xf8, 0xff, 0xfe];
    silence.resize(80, 0);
    let marked = |packet: &[u8]| [packet, trailer].concat();
    let injected = marked(&silence);
    assert_eq!(
        frame::injected(&injected, trailer),
        Some(Some(silence.as_slice()))
    );
    assert_eq!(frame::injected(&marked(&PACKET), trailer), Some(None));
    assert_eq!(frame::injected(&silence, trailer), None);
    assert_eq!(frame::injected(&silence, b""), None, "a room without one");

    let keys = shared("a");
    keys.set_server_trailer(trailer);
    let (cryptor, states) = cryptor("ada", &keys);
    assert_eq!(*cryptor.open(injected.into()).unwrap(), *silence);
    assert!(cryptor.open(marked(&PACKET).into()).is_none());
    assert!(cryptor.open(silence.into()).is_none(), "in the clear");
    assert!(states.lock().is_empty());
}

#[test]
fn a_wrong_key_is_told_once_it_has_failed_often_enough_and_a_new_one_is_tried() {
    let (theirs, ours) = (shared("a"), shared("b"));
    let ((sender, _), (receiver, states)) = (cryptor("ada", &theirs), cryptor("ada", &ours));
    // The following keys exist, so nothing has to be derived in the background.
    derive_ahead(&ours);
    for n in 0..10 {
        assert!(pass(&sender, &receiver).is_none());
        assert_eq!(states.lock().is_empty(), n < 2, "after {} packets", n + 1);
    }
    assert_eq!(*states.lock(), [EncryptionState::DecryptionFailed]);
    // Another wrong key, and the right one.
    ours.set_shared(0, b"c");
    derive_ahead(&ours);
    for _ in 0..10 {
        assert!(pass(&sender, &receiver).is_none());
    }
    ours.set_shared(0, b"a");
    assert_eq!(*pass(&sender, &receiver).unwrap(), PACKET);
    use EncryptionState::{DecryptionFailed, Ok};
    assert_eq!(*states.lock(), [DecryptionFailed, DecryptionFailed, Ok]);
}

fn derive_ahead(keys: &Keys) {
    let mut key = keys.of("ada", 0).unwrap();
    for _ in 0..keys.window {
        key = Arc::clone(key.next(&keys.derivation));
    }
}

#[test]
fn no_key_is_no_sound() {
    let keys = Arc::new(Keys::new(options(false)));
    let (cryptor, states) = cryptor("ada", &keys);
    assert!(cryptor.seal(1, 2, &packet()).is_none());
    keys.set("bob".into(), 0, b"another's");
    assert!(cryptor.seal(1, 2, &packet()).is_none());
    keys.set("ada".into(), 0, b"her own");
    assert!(cryptor.seal(1, 2, &packet()).is_some());
    use EncryptionState::{MissingKey, Ok};
    assert_eq!(*states.lock(), [MissingKey, Ok]);
    let cbc = Cryptor::new("ada".into(), EncryptionAlgorithm::AesCbc, keys);
    cbc.set_enabled(true);
    assert!(cbc.seal(1, 2, &packet()).is_none());
    assert!(cbc.open(packet()).is_none());
}

#[test]
fn each_participant_may_have_a_key_of_its_own() {
    let keys = Arc::new(Keys::new(options(false)));
    assert!(!keys.set_shared(0, b"for all"));
    keys.set("ada".into(), 0, b"ada's");
    keys.set("bob".into(), 0, b"bob's");
    let ((ada, _), (bob, _)) = (cryptor("ada", &keys), cryptor("bob", &keys));
    assert!(pass(&ada, &ada).is_some());
    let mut key = keys.of("bob", 0).unwrap();
    for _ in 0..keys.window {
        key = Arc::clone(key.next(&keys.derivation));
    }
    assert!(pass(&ada, &bob).is_none());
    assert!(pass(&bob, &bob).is_some());
}

#[test]
fn an_index_has_its_place_in_the_ring() {
    let keys = shared("a");
    assert!(keys.set_shared(15, b"last"));
    assert!(keys.set_shared(18, b"third"), "it goes round");
    assert_eq!(keys.shared(2).unwrap().material(), b"third");
    assert!(keys.shared(18).is_none());
    assert!(keys.shared(5).is_none());
    assert_eq!(keys.shared(-1).unwrap().material(), b"third", "set last");
    let (theirs, ours) = (cryptor("ada", &keys), cryptor("ada", &keys));
    assert!(pass(&theirs.0, &ours.0).is_some());
    // If another key opens a sender's packets, that is reported, with its index.
    theirs.0.set_key_index(15);
    assert!(pass(&theirs.0, &ours.0).is_some());
    assert_eq!(ours.0.key_index(), 15);
    assert_eq!(*ours.1.lock(), [EncryptionState::Ok, EncryptionState::Ok]);
    theirs.0.set_key_index(7);
    assert!(theirs.0.seal(1, 2, &packet()).is_none());
}

#[tokio::test]
async fn a_ratcheted_key_is_found_within_the_window() {
    let (theirs, ours) = (shared("a"), shared("a"));
    let ((sender, _), (receiver, states)) = (cryptor("ada", &theirs), cryptor("ada", &ours));
    assert!(pass(&sender, &receiver).is_some());
    theirs.ratchet_shared(0).unwrap();
    theirs.ratchet_shared(0).unwrap();
    // The following keys are derived in the background; packets are lost in the meantime.
    while pass(&sender, &receiver).is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(pass(&sender, &receiver).is_some());
    use EncryptionState::{KeyRatcheted, Ok};
    assert_eq!(*states.lock(), [Ok, KeyRatcheted, Ok]);
    let now = ours.get("ada", 0).unwrap().material().to_vec();
    assert_eq!(now, theirs.shared(0).unwrap().material());
    // Keys beyond the window are not found.
    for _ in 0..4 {
        theirs.ratchet_shared(0).unwrap();
    }
    derive_ahead(&ours);
    assert!((0..5).all(|_| pass(&sender, &receiver).is_none()));
    assert_eq!(
        states.lock().last(),
        Some(&EncryptionState::DecryptionFailed)
    );
}

#[test]
fn what_is_disabled_passes_as_it_is() {
    let (cryptor, _) = cryptor("ada", &shared("a"));
    cryptor.set_enabled(false);
    assert_eq!(*cryptor.seal(1, 2, &packet()).unwrap(), PACKET);
    assert_eq!(*cryptor.open(packet()).unwrap(), PACKET);
}

#[test]
fn a_key_does_not_show_itself() {
    let key: Arc<Key> = derivation(HKDF).key(b"password");
    assert_eq!(format!("{key:?}"), "Key");
}
