//! From text to the phonemes a Piper voice knows.

use std::panic::{AssertUnwindSafe, catch_unwind};

use misaki_rs::fallback::FallbackError;
use misaki_rs::{Fallback, G2P, Language};

use super::{ipa, letters};

/// Misaki's American English dictionary and tagger, with letter-to-sound rules
/// for words it does not have. Numbers, money and abbreviations are read out.
pub(crate) struct G2p {
    misaki: G2P,
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
            misaki: G2P::with_fallback(Language::EnglishUS, Some(Box::new(LetterToSound))),
        }
    }

    /// IPA with stress, punctuation and spaces.
    pub(crate) fn ipa(&self, text: &str) -> String {
        let text = plain(text);
        // a text that trips the dictionary is still spoken, by rule
        let phonemes = catch_unwind(AssertUnwindSafe(|| self.misaki.g2p(&text)))
            .ok()
            .and_then(Result::ok)
            .map_or_else(|| by_rule(&text), |(phonemes, _)| phonemes);
        ipa::from_misaki(&phonemes)
    }
}

fn by_rule(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(letters::phonemes).collect();
    words.join(" ")
}

/// Leaves out what is written but not spoken: Markdown marks and brackets.
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
