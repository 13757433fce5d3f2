//! Groups telephone keys, PURE: a number is entered key by key, but is one utterance.

use std::time::Instant;

use crate::transport::Key;

/// When a group of keys is complete (`[keys]` in the agent's file).
pub use sidetone_config::agent::KeysConfig as Rules;

/// A group of this many keys is complete, whatever follows: longer than card and account numbers.
const LONGEST: usize = 64;

/// The keys pressed so far that do not make a complete group.
#[derive(Debug, Default)]
pub struct Keys {
    pressed: String,
    last: Option<Instant>,
}

impl Keys {
    /// Whether no incomplete group is pending.
    pub fn is_empty(&self) -> bool {
        self.pressed.is_empty()
    }

    /// A key was pressed. Returns the whole group if this key completes it.
    pub fn press(&mut self, now: Instant, key: Key, rules: &Rules) -> Option<String> {
        self.pressed.push(key.sign());
        self.last = Some(now);
        let is_complete = rules.end == Some(key.sign()) || self.pressed.len() >= LONGEST;
        is_complete.then(|| self.take())
    }

    /// When the group is complete if no more keys follow.
    pub fn next(&self, rules: &Rules) -> Option<Instant> {
        self.last.map(|last| last + rules.gap)
    }

    /// The whole group, if no key followed for long enough.
    pub fn due(&mut self, now: Instant, rules: &Rules) -> Option<String> {
        let is_due = self.next(rules).is_some_and(|at| at <= now);
        is_due.then(|| self.take())
    }

    /// Drops the group: whoever pressed its keys is gone.
    pub fn forget(&mut self) {
        self.take();
    }

    fn take(&mut self) -> String {
        self.last = None;
        std::mem::take(&mut self.pressed)
    }
}

#[cfg(test)]
mod tests;
