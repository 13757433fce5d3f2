//! A cache of spoken set phrases: apologies and fillers stay available when TTS is not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidetone_base::audio::Pcm;

/// Limit in samples for all phrases of all agents, 32 MB: 170 of 4 s. The least recently used is dropped first.
const KEPT: usize = 16 << 20;

/// A voice's description, and the text.
pub type Key = (String, String);

/// The phrase cache of a process. Clones share it.
#[derive(Clone, Default)]
pub struct Phrases(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    phrases: HashMap<Key, Phrase>,
    samples: usize,
    /// A counter of uses, for the order of dropping.
    uses: u64,
}

struct Phrase {
    audio: Pcm<24_000>,
    used: u64,
}

impl Phrases {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each phrase is inserted whole, so the cache is valid after a panic, too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A phrase. `None` if it is not cached.
    pub fn get(&self, key: &Key) -> Option<Pcm<24_000>> {
        let mut kept = self.kept();
        kept.uses += 1;
        let uses = kept.uses;
        let phrase = kept.phrases.get_mut(key)?;
        phrase.used = uses;
        Some(phrase.audio.clone())
    }

    /// Caches a phrase.
    pub fn keep(&self, key: Key, audio: Pcm<24_000>) {
        self.kept().keep(key, audio, KEPT);
    }
}

impl Kept {
    fn keep(&mut self, key: Key, audio: Pcm<24_000>, room: usize) {
        if audio.is_empty() || audio.len() > room {
            return;
        }
        self.drop(&key);
        while self.samples + audio.len() > room {
            let oldest = self.phrases.iter().min_by_key(|(_, phrase)| phrase.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            self.drop(&oldest);
        }
        self.uses += 1;
        self.samples += audio.len();
        let used = self.uses;
        self.phrases.insert(key, Phrase { audio, used });
    }

    fn drop(&mut self, key: &Key) {
        if let Some(phrase) = self.phrases.remove(key) {
            self.samples -= phrase.audio.len();
        }
    }
}

#[cfg(test)]
mod tests;
