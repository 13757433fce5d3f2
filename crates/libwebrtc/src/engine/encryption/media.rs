//! Encrypts or decrypts a track's packets in its path.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::frame::{self, Sealed};
use super::key::Key;
use super::keys::Keys;
use crate::engine::callback::Callback;
use crate::vocabulary::encryption::{EncryptionAlgorithm, EncryptionState};

/// Encrypts what a track sends, or decrypts what it receives.
pub(crate) struct Cryptor {
    participant: String,
    keys: Arc<Keys>,
    /// If `false`, the algorithm is unknown, and nothing passes.
    is_known: bool,
    enabled: AtomicBool,
    /// For a sender, the key that it uses; for a receiver, the key that its sender used last.
    key_index: AtomicI32,
    /// Packets sent.
    count: AtomicU32,
    course: Mutex<Course>,
    on_state: Callback<dyn FnMut(String, EncryptionState) + Send + Sync>,
    /// Following keys are being derived: PBKDF2 takes longer than a packet may wait.
    is_deriving: Arc<AtomicBool>,
}

struct Course {
    state: EncryptionState,
    /// Packets in a row that could not be opened, and the key that failed: another key restarts the count.
    failures: u32,
    tried: Weak<Key>,
}

impl Cryptor {
    pub(crate) fn new(
        participant: String,
        algorithm: EncryptionAlgorithm,
        keys: Arc<Keys>,
    ) -> Arc<Self> {
        Arc::new(Self {
            participant,
            keys,
            is_known: algorithm == EncryptionAlgorithm::AesGcm,
            enabled: AtomicBool::new(false),
            key_index: AtomicI32::new(0),
            count: AtomicU32::new(uuid::Uuid::new_v4().as_u128() as u32 & 0xffff),
            course: Mutex::new(Course {
                state: EncryptionState::New,
                failures: 0,
                tried: Weak::new(),
            }),
            on_state: Callback::default(),
            is_deriving: Arc::default(),
        })
    }

    pub(crate) fn participant(&self) -> &str {
        &self.participant
    }

    pub(crate) fn enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    pub(crate) fn set_enabled(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    pub(crate) fn key_index(&self) -> i32 {
        self.key_index.load(Ordering::Relaxed)
    }

    pub(crate) fn set_key_index(&self, index: i32) {
        self.key_index.store(index, Ordering::Relaxed);
    }

    pub(crate) fn on_state(
        &self,
        handler: Option<Box<dyn FnMut(String, EncryptionState) + Send + Sync>>,
    ) {
        self.on_state.set(handler);
    }

    /// The packet to send. `None` to send nothing.
    pub(crate) fn seal(&self, ssrc: u32, ticks: u32, packet: &Arc<[u8]>) -> Option<Arc<[u8]>> {
        if !self.enabled() {
            return Some(Arc::clone(packet));
        }
        let index = self.key_index();
        let key = self.keys.of(&self.participant, index);
        let (Some(key), Ok(index), true) = (key, u8::try_from(index), self.is_known) else {
            self.is(self.without_key());
            return None;
        };
        let iv = frame::iv(ssrc, ticks, self.count.fetch_add(1, Ordering::Relaxed));
        let sealed = frame::seal(packet, &key, index, iv);
        self.is(match sealed {
            Some(_) => EncryptionState::Ok,
            None => EncryptionState::EncryptionFailed,
        });
        sealed
    }

    /// The packet to play for one that has arrived. `None` to play nothing.
    pub(crate) fn open(&self, packet: Arc<[u8]>) -> Option<Arc<[u8]>> {
        if !self.enabled() {
            return Some(packet);
        }
        let trailer = self.keys.server_trailer();
        if let Some(silence) = frame::injected(&packet, &trailer) {
            return silence.map(Arc::from);
        }
        if !self.is_known {
            self.is(self.without_key());
            return None;
        }
        let Some(sealed) = Sealed::read(&packet) else {
            self.failed(None);
            return None;
        };
        let index = i32::from(sealed.key_index);
        let Some(key) = self.keys.of(&self.participant, index) else {
            self.is(EncryptionState::MissingKey);
            return None;
        };
        if let Some(opened) = sealed.open(&key) {
            self.opened(index);
            return Some(opened);
        }
        let mut ahead = &key;
        for _ in 0..self.keys.window {
            let Some(next) = ahead.next_known() else {
                self.derive(&key);
                return None;
            };
            ahead = next;
            if let Some(opened) = sealed.open(ahead) {
                self.keys.went(&self.participant, index, &key, ahead);
                self.is(EncryptionState::KeyRatcheted);
                self.opened(index);
                return Some(opened);
            }
        }
        self.failed(Some(&key));
        None
    }

    fn without_key(&self) -> EncryptionState {
        match self.is_known {
            true => EncryptionState::MissingKey,
            false => EncryptionState::InternalError,
        }
    }

    /// A packet was opened. A change of the sender's index is reported, too.
    fn opened(&self, index: i32) {
        let is_other = self.key_index.swap(index, Ordering::Relaxed) != index;
        let was = {
            let mut course = self.course.lock();
            course.failures = 0;
            std::mem::replace(&mut course.state, EncryptionState::Ok)
        };
        if was != EncryptionState::Ok || is_other {
            self.tell(EncryptionState::Ok);
        }
    }

    /// A packet could not be opened. This is reported once for each key that fails.
    fn failed(&self, key: Option<&Arc<Key>>) {
        let tell = {
            let mut course = self.course.lock();
            let tried = key
                .map(Arc::downgrade)
                .unwrap_or_else(|| course.tried.clone());
            if !course.tried.ptr_eq(&tried) {
                (course.failures, course.tried) = (0, tried);
                course.state = EncryptionState::New;
            }
            course.failures = course.failures.saturating_add(1);
            self.keys
                .tolerance
                .is_some_and(|most| course.failures > most)
        };
        if tell {
            self.is(EncryptionState::DecryptionFailed);
        }
    }

    fn is(&self, state: EncryptionState) {
        let was = std::mem::replace(&mut self.course.lock().state, state);
        if was != state {
            self.tell(state);
        }
    }

    fn tell(&self, state: EncryptionState) {
        self.on_state
            .with(|handler| handler(self.participant.clone(), state));
    }

    /// Derives the following keys outside the connection's task; packets that arrive in the meantime are lost.
    fn derive(&self, key: &Arc<Key>) {
        if self.is_deriving.swap(true, Ordering::AcqRel) {
            return;
        }
        let (is_deriving, keys) = (self.is_deriving.clone(), self.keys.clone());
        let mut key = Arc::clone(key);
        tokio::task::spawn_blocking(move || {
            for _ in 0..keys.window {
                let next = Arc::clone(key.next(&keys.derivation));
                key = next;
            }
            is_deriving.store(false, Ordering::Release);
        });
    }
}
