//! Who speaks which voice on this machine. Each person is loaded once, when first needed: most processes speak one or
//! two voices.

use std::collections::HashMap;
use std::sync::Arc;

use rten::ThreadPool;

use super::speaker::Speaker;
use super::voice::{LocalVoice, Person, Role};
use crate::cache::Cache;

pub(super) struct Cast {
    cache: Cache,
    pool: Arc<ThreadPool>,
    /// The people requested so far; `None` means not available, for as long as the process runs, so that a voice does
    /// not change to another person in the middle of a call.
    people: HashMap<Person, Option<Speaker>>,
}

impl Cast {
    pub(super) fn new(cache: &Cache, threads: usize) -> Self {
        Self {
            cache: cache.clone(),
            pool: Arc::new(ThreadPool::with_num_threads(threads)),
            people: HashMap::new(),
        }
    }

    /// Who speaks this voice here: the best person whose weights are present and usable.
    pub(super) fn role(&mut self, voice: LocalVoice) -> Result<(&Role, &Speaker), String> {
        let here = voice.roles().iter().find(|role| self.has(role.person));
        let role = here.ok_or("its weights are not there: run `sidetone models fetch`")?;
        Ok((role, self.speaker(role.person)?))
    }

    /// Somebody who was requested before.
    pub(super) fn speaker(&self, person: Person) -> Result<&Speaker, String> {
        let speaker = self.people.get(&person).and_then(Option::as_ref);
        speaker.ok_or_else(|| format!("{} is not there", person.model()))
    }

    /// Loads the person, unless that was tried before.
    fn has(&mut self, person: Person) -> bool {
        let (cache, pool) = (&self.cache, &self.pool);
        let speaker = self.people.entry(person).or_insert_with(|| {
            let loaded = Speaker::load(person, cache, pool.clone());
            loaded.unwrap_or_else(|error| {
                let model = person.model();
                tracing::warn!(
                    model,
                    error,
                    "a voice cannot be loaded: another one speaks for it"
                );
                None
            })
        });
        speaker.is_some()
    }
}

#[cfg(test)]
mod tests;
