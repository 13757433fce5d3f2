//! From text to misaki's phonemes, which hibari reads and [`ipa`](super::ipa) translates for Piper.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use misaki_rs::fallback::FallbackError;
use misaki_rs::{Fallback, G2P, Language};

use super::letters;

/// Misaki's dictionaries and tagger, with letter-to-sound rules for words that they do not contain. Numbers, money and
/// abbreviations are read out.
pub(crate) struct G2p {
    american: G2P,
    /// Loaded with the first British voice, because a dictionary is large.
    british: OnceCell<G2P>,
}

struct LetterToSound;

impl Fallback for LetterToSound {
    fn phonemize(&self, word: &str) -> Result<String, FallbackError> {
        Ok(letters::phonemes(word))
    }
}

impl G2p {
    pub(crate) fn new() -> Self {
        Self {
            american: reader(Language::EnglishUS),
            british: OnceCell::new(),
        }
    }

    /// Phonemes with stress, punctuation and spaces.
    pub(crate) fn phonemes(&self, text: &str, british: bool) -> String {
        let text = plain(text);
        let reader = match british {
            true => self.british.get_or_init(|| reader(Language::EnglishGB)),
            false => &self.american,
        };
        // a text that makes the dictionary panic is still spoken, by rule
        catch_unwind(AssertUnwindSafe(|| reader.g2p(&text)))
            .ok()
            .and_then(Result::ok)
            .map_or_else(|| by_rule(&text), |(phonemes, _)| phonemes)
    }
}

fn reader(language: Language) -> G2P {
    G2P::with_fallback(language, Some(Box::new(LetterToSound)))
}

fn by_rule(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(letters::phonemes).collect();
    words.join(" ")
}

/// Removes what is written but not spoken: Markdown marks and brackets.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !matches!(
                c,
                '*' | '_' | '`' | '#' | '~' | '|' | '<' | '>' | '\\' | '^'
            )
        })
        .map(|c| match c {
            '[' | ']' | '(' | ')' | '{' | '}' => ',',
            '’' | '‘' => '\'',
            c => c,
        })
        .collect()
}
