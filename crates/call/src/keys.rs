//! Telephone keys that belong together, PURE: a number is pressed key by key, and is one thing to say.

use std::time::Instant;

use crate::transport::Key;

/// When keys that were pressed are complete (`[keys]` in the agent's file).
pub use sidetone_config::agent::KeysConfig as Rules;

/// Keys after which a group is complete, whatever follows: longer than card and account numbers.
const LONGEST: usize = 64;

/// The keys that were pressed and are not complete.
#[derive(Debug, Default)]
pub struct Keys {
    pressed: String,
    last: Option<Instant>,
}

impl Keys {
    /// Nothing is pressed that is not complete.
    pub fn is_empty(&self) -> bool {
        self.pressed.is_empty()
    }

    /// A key is pressed; all that belong together, if it was the last of them.
    pub fn press(&mut self, now: Instant, key: Key, rules: &Rules) -> Option<String> {
        self.pressed.push(key.sign());
        self.last = Some(now);
        let is_complete = rules.end == Some(key.sign()) || self.pressed.len() >= LONGEST;
        is_complete.then(|| self.take())
    }

    /// When they are complete if no more are pressed.
    pub fn next(&self, rules: &Rules) -> Option<Instant> {
        self.last.map(|last| last + rules.gap)
    }

    /// All that belong together, if no more were pressed for long enough.
    pub fn due(&mut self, now: Instant, rules: &Rules) -> Option<String> {
        let is_due = self.next(rules).is_some_and(|at| at <= now);
        is_due.then(|| self.take())
    }

    /// Nobody is there any more who has pressed them.
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
