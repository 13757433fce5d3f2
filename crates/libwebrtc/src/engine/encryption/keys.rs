//! The keys of a room's participants.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::key::{Derivation, Key};
use crate::vocabulary::encryption::KeyProviderOptions;

/// Number of indexes if no ring size is given.
const USUAL_RING: usize = 16;
/// An index is a byte, and 255 is not an index.
const LARGEST_RING: usize = 255;

/// A participant's keys by index.
#[derive(Clone)]
struct Ring {
    keys: Vec<Option<Arc<Key>>>,
    /// The one set last, which -1 refers to.
    current: usize,
}

impl Ring {
    fn new(size: usize) -> Self {
        Self {
            keys: vec![None; size],
            current: 0,
        }
    }

    fn place(&self, index: i32) -> usize {
        usize::try_from(index).map_or(self.current, |index| index % self.keys.len())
    }

    fn set(&mut self, index: i32, key: Arc<Key>) {
        self.current = self.place(index);
        self.keys[self.current] = Some(key);
    }

    fn get(&self, index: i32) -> Option<&Arc<Key>> {
        let place = usize::try_from(index).unwrap_or(self.current);
        self.keys.get(place)?.as_ref()
    }
}

#[derive(Default)]
struct Rings {
    shared: Option<Ring>,
    participants: HashMap<String, Ring>,
}

/// The keys of a room's participants. Participants without a key of their own use the shared one, if there is one.
pub(crate) struct Keys {
    pub(crate) derivation: Derivation,
    /// How many following keys are tried.
    pub(crate) window: usize,
    /// Failures in a row before they are reported. `None` means never.
    pub(crate) tolerance: Option<u32>,
    is_shared: bool,
    ring_size: usize,
    rings: Mutex<Rings>,
    server_trailer: Mutex<Arc<[u8]>>,
}

impl Keys {
    pub(crate) fn new(options: KeyProviderOptions) -> Self {
        let ring_size = match usize::try_from(options.key_ring_size) {
            Ok(size @ 1..) => size.min(LARGEST_RING),
            _ => USUAL_RING,
        };
        Self {
            derivation: Derivation::new(options.key_derivation_algorithm, options.ratchet_salt),
            window: usize::try_from(options.ratchet_window_size).unwrap_or(0),
            tolerance: u32::try_from(options.failure_tolerance).ok(),
            is_shared: options.shared_key,
            ring_size,
            rings: Mutex::default(),
            server_trailer: Mutex::new(Arc::from([])),
        }
    }

    pub(crate) fn set_shared(&self, index: i32, material: &[u8]) -> bool {
        if self.is_shared {
            self.put_shared(index, &self.derivation.key(material));
        }
        self.is_shared
    }

    fn put_shared(&self, index: i32, key: &Arc<Key>) {
        let mut rings = self.rings.lock();
        let shared = rings
            .shared
            .get_or_insert_with(|| Ring::new(self.ring_size));
        shared.set(index, Arc::clone(key));
        for ring in rings.participants.values_mut() {
            ring.set(index, Arc::clone(key));
        }
    }

    pub(crate) fn shared(&self, index: i32) -> Option<Arc<Key>> {
        self.rings.lock().shared.as_ref()?.get(index).cloned()
    }

    /// Advances to the next shared key.
    pub(crate) fn ratchet_shared(&self, index: i32) -> Option<Arc<Key>> {
        let next = Arc::clone(self.shared(index)?.next(&self.derivation));
        self.put_shared(index, &next);
        Some(next)
    }

    pub(crate) fn set(&self, participant: String, index: i32, material: &[u8]) {
        self.put(participant, index, self.derivation.key(material));
    }

    fn put(&self, participant: String, index: i32, key: Arc<Key>) {
        let mut rings = self.rings.lock();
        let ring = rings.participants.entry(participant);
        ring.or_insert_with(|| Ring::new(self.ring_size))
            .set(index, key);
    }

    /// The key for a participant's packets with this index.
    pub(crate) fn of(&self, participant: &str, index: i32) -> Option<Arc<Key>> {
        let mut rings = self.rings.lock();
        if let Some(ring) = rings.participants.get(participant) {
            return ring.get(index).cloned();
        }
        // From here on each participant's keys may advance separately.
        let ring = rings.shared.clone()?;
        let key = ring.get(index).cloned();
        rings.participants.insert(participant.to_owned(), ring);
        key
    }

    /// The key that was set for a participant.
    pub(crate) fn get(&self, participant: &str, index: i32) -> Option<Arc<Key>> {
        let rings = self.rings.lock();
        rings.participants.get(participant)?.get(index).cloned()
    }

    /// Advances to the participant's next key.
    pub(crate) fn ratchet(&self, participant: String, index: i32) -> Option<Arc<Key>> {
        let next = Arc::clone(self.of(&participant, index)?.next(&self.derivation));
        self.put(participant, index, Arc::clone(&next));
        Some(next)
    }

    /// The participant has moved from one key to another; ignored if another was set in the meantime.
    pub(crate) fn went(&self, participant: &str, index: i32, from: &Arc<Key>, to: &Arc<Key>) {
        let mut rings = self.rings.lock();
        if let Some(ring) = rings.participants.get_mut(participant)
            && ring.get(index).is_some_and(|key| Arc::ptr_eq(key, from))
        {
            ring.set(index, Arc::clone(to));
        }
    }

    pub(crate) fn set_server_trailer(&self, trailer: &[u8]) {
        *self.server_trailer.lock() = trailer.into();
    }

    /// The mark of packets that the server has inserted.
    pub(crate) fn server_trailer(&self) -> Arc<[u8]> {
        self.server_trailer.lock().clone()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}
