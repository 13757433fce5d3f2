//! What callers say, by language: "go on" and "stop" over an agent's voice, and the words that a
//! sentence does not end with. PURE.
//!
//! Written for telephone talk, as speech to text spells it; where models drop accents, both spellings
//! are there. A stop phrase counts anywhere in what is said, so Spanish and Portuguese "para", which
//! is also "for", is none: alone it interrupts as any other word does; nor is Chinese 停, which
//! parking lots begin with. Agents' files replace a list.

mod languages;

use super::language;
use languages::LANGUAGES;

/// Phrases of one language, with commas between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrases {
    backchannels: &'static str,
    stop: &'static str,
    open: &'static str,
}

impl Phrases {
    /// Say "go on": an overlap of nothing else does not interrupt.
    pub fn backchannels(&self) -> Vec<String> {
        list(self.backchannels)
    }

    /// Always interrupt.
    pub fn stop(&self) -> Vec<String> {
        list(self.stop)
    }

    /// A sentence goes on after them.
    pub fn open_words(&self) -> Vec<String> {
        list(self.open)
    }
}

fn list(phrases: &str) -> Vec<String> {
    phrases.split(", ").map(str::to_owned).collect()
}

/// The phrases of this language (BCP 47); none for English, whose are the default, and for
/// languages without a list, whose callers may well use the English ones.
pub fn of(language: Option<&str>) -> Option<Phrases> {
    language::find(&LANGUAGES, language?).copied()
}

#[cfg(test)]
mod tests;
