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
mod tests {
    use super::*;
    use crate::config::built_in;
    use crate::turn::{Endpointing, Interruption};
    use crate::words::bare;

    #[test]
    fn each_phrase_says_one_thing() {
        let english = Interruption::default();
        let lists = LANGUAGES.map(|(language, phrases)| {
            (
                language,
                phrases.backchannels(),
                phrases.stop(),
                phrases.open_words(),
            )
        });
        let open = Endpointing::default().open_words;
        let english = [("en", english.backchannels, english.stop_phrases, open)];
        for (language, go_on, stop, open) in lists.into_iter().chain(english) {
            assert!(go_on.len() >= 15 && stop.len() >= 8, "{language}");
            assert!(open.len() >= 10, "{language}");
            for phrase in go_on.iter().chain(&stop).chain(&open) {
                assert_eq!(phrase.to_lowercase(), *phrase, "{language}");
                assert!(!bare(phrase).is_empty(), "{language}: {phrase:?}");
            }
            for phrase in &go_on {
                // A stop phrase in the middle of a backchannel would stop the agent.
                let words = bare(phrase);
                for stop in &stop {
                    let stop = bare(stop);
                    let inside = words.windows(stop.len()).any(|window| window == stop);
                    assert!(!inside, "{language}: {phrase:?} says {stop:?}");
                }
            }
        }
    }

    #[test]
    fn a_language_is_found_by_its_tag() {
        for tag in ["de", "de-AT"] {
            assert_eq!(of(Some(tag)), Some(LANGUAGES[0].1), "{tag}");
        }
        for tag in [None, Some("en"), Some("en-GB"), Some("fi"), Some("")] {
            assert_eq!(of(tag), None, "{tag:?}");
        }
    }

    #[test]
    fn languages_with_phrases_have_built_in_sentences_too() {
        for (language, _) in LANGUAGES {
            assert_ne!(
                built_in::of(Some(language)),
                built_in::of(None),
                "{language}"
            );
        }
    }
}
