//! What callers say, by language: "go on" and "stop" over an agent's voice, and the words that a
//! sentence does not end with. PURE.
//!
//! Written for telephone talk, as speech to text spells it; where models drop accents, both spellings
//! are there. A stop phrase counts anywhere in what is said, so Spanish and Portuguese "para", which
//! is also "for", is none: alone it interrupts as any other word does; nor is Chinese 停, which
//! parking lots begin with. Agents' files replace a list.

mod complete;
mod languages;

use std::collections::HashSet;

use super::language;
use complete::COMPLETE;
use languages::LANGUAGES;
use sidetone_turn::{Endpointing, Interruption};

/// Phrases of one language, with commas between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrases {
    backchannels: &'static str,
    stop: &'static str,
    open: &'static str,
}

impl Phrases {
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

/// What says "go on" to an agent whose callers speak this language.
pub fn backchannels(language: Option<&str>) -> Vec<String> {
    let english = Interruption::default().backchannels;
    in_language(
        language,
        english,
        LANGUAGES.map(|(of, it)| (of, it.backchannels)),
    )
}

/// What stops it.
pub fn stop(language: Option<&str>) -> Vec<String> {
    let english = Interruption::default().stop_phrases;
    in_language(language, english, LANGUAGES.map(|(of, it)| (of, it.stop)))
}

/// Greetings, short answers and questions that are complete as they stand.
pub fn complete(language: Option<&str>) -> Vec<String> {
    let english = Endpointing::default().complete_phrases;
    in_language(language, english, COMPLETE)
}

/// The phrases of this language; English ones for languages without a list. Where no language is set STT
/// detects it, and the phrases are those of all: they mean the same wherever they mean anything, but for Polish "no",
/// which stops the agent as the English one does.
fn in_language<const N: usize>(
    language: Option<&str>,
    english: Vec<String>,
    others: [(&str, &str); N],
) -> Vec<String> {
    match language {
        Some(tag) => language::find(&others, tag).map_or(english, |phrases| list(phrases)),
        None => {
            let others = others.iter().flat_map(|(_, phrases)| list(phrases));
            let mut seen = HashSet::new();
            let all = english.into_iter().chain(others);
            all.filter(|phrase| seen.insert(phrase.clone())).collect()
        }
    }
}

#[cfg(test)]
mod tests;
