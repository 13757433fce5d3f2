//! Set phrases that were spoken before: apologies and fillers are there when TTS is not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audio::Pcm;

/// Phrases of all agents together; beyond it all are made again, as each is used. 64 phrases of
/// 4 s are 12 MB.
const KEPT: usize = 64;

/// A voice's description, and what it says.
pub type Key = (String, String);

/// The phrases of a process. Cloning shares them.
#[derive(Clone, Default)]
pub struct Phrases(Arc<Mutex<HashMap<Key, Pcm<24_000>>>>);

impl Phrases {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Pcm<24_000>>> {
        // Each entry is put in whole: good also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A phrase, if it is there.
    pub fn get(&self, key: &Key) -> Option<Pcm<24_000>> {
        self.all().get(key).cloned()
    }

    /// Keeps a phrase.
    pub fn keep(&self, key: Key, audio: Pcm<24_000>) {
        let mut all = self.all();
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(key, audio);
    }
}
