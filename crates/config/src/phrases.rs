//! What callers say, by language: phrases that mean "go on" or "stop" while an agent speaks, and words with which a
//! sentence does not end. PURE.
//!
//! Written for telephone conversations, in the spelling of speech to text; where models drop accents, both spellings
//! are listed. A stop phrase counts anywhere in what is said, so Spanish and Portuguese "para", which also means
//! "for", is not one: alone it interrupts as any other word does. Neither is Chinese 停, with which "parking lot"
//! begins. Agents' files can replace a list.

mod complete;
mod languages;

use std::collections::HashSet;

use super::language;
use complete::COMPLETE;
use languages::LANGUAGES;
use sidetone_turn::{Endpointing, Interruption};

/// Phrases of one language, separated by commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phrases {
    backchannels: &'static str,
    stop: &'static str,
    open: &'static str,
}

impl Phrases {
    /// Words after which a sentence continues.
    pub fn open_words(&self) -> Vec<String> {
        list(self.open)
    }
}

fn list(phrases: &str) -> Vec<String> {
    phrases.split(", ").map(str::to_owned).collect()
}

/// The phrases of this language (BCP 47). `None` for English, whose phrases are the default, and for languages without
/// a list, whose callers may well use the English ones.
pub fn of(language: Option<&str>) -> Option<Phrases> {
    language::find(&LANGUAGES, language?).copied()
}

/// Phrases that mean "go on" to an agent whose callers speak this language.
pub fn backchannels(language: Option<&str>) -> Vec<String> {
    let english = Interruption::default().backchannels;
    in_language(
        language,
        english,
        LANGUAGES.map(|(of, it)| (of, it.backchannels)),
    )
}

/// Phrases that stop it.
pub fn stop(language: Option<&str>) -> Vec<String> {
    let english = Interruption::default().stop_phrases;
    in_language(language, english, LANGUAGES.map(|(of, it)| (of, it.stop)))
}

/// Greetings, short answers and questions that are complete in themselves.
pub fn complete(language: Option<&str>) -> Vec<String> {
    let english = Endpointing::default().complete_phrases;
    in_language(language, english, COMPLETE)
}

/// The phrases of this language; the English ones for languages without a list. If no language is set, STT detects it,
/// and the phrases of all languages count: each means the same in every language in which it means anything, except
/// Polish "no", which stops the agent as the English one does.
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
