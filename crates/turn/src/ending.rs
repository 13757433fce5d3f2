//! What the caller's last words say about whether more will follow.

use crate::words::bare;
use crate::{Endpointing, phrases};

/// How the caller's words end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// A greeting, a short answer or a question, to which nothing need be added.
    Complete,
    /// Nothing suggests that more will follow.
    Whole,
    /// Single digits or letters: perhaps the first group of several.
    Digits,
    /// A sentence cannot end here.
    Unfinished,
}

impl Ending {
    /// Judges words as STT writes them. A full stop means nothing, because STT puts one everywhere; question and
    /// exclamation marks do count. Of several sentences the last one decides.
    pub(super) fn of(text: &str, rules: &Endpointing) -> Self {
        let text = text.trim_end().trim_end_matches(CLOSING_MARKS);
        let sentence = last_sentence(text);
        let said = bare(sentence);
        if text.ends_with(GOING_ON) || text.ends_with("..") {
            return Self::Unfinished;
        }
        if phrases::is_nothing_but(&said, &rules.complete_phrases) {
            return Self::Complete;
        }
        let goes_on = phrases::ends(&said, &rules.open_words);
        if text.ends_with(QUESTION) {
            // "What is it for?" is a question; "Do you have a?" is how STT writes a pause.
            return match goes_on {
                true => Self::Whole,
                false => Self::Complete,
            };
        }
        if text.ends_with(['!', '！']) {
            return Self::Whole;
        }
        let mut words = text.split_whitespace().rev().map(trimmed);
        let (Some(last), before) = (words.next(), words.next()) else {
            return Self::Whole;
        };
        if is_dictated(&last) || (is_symbol(&last) && before.as_deref().is_some_and(is_symbol)) {
            Self::Digits
        } else if goes_on {
            Self::Unfinished
        } else {
            Self::Whole
        }
    }
}

/// Question marks: Latin, full-width, Arabic, Greek.
const QUESTION: [char; 4] = ['?', '？', '؟', '\u{37e}'];
/// Marks after which a sentence continues.
const GOING_ON: [char; 10] = [',', '-', '–', '—', ':', '…', '，', '、', '：', '،'];
/// Quotes and brackets after the sentence's final mark.
const CLOSING_MARKS: [char; 9] = ['"', '\'', '”', '’', '»', '“', ')', '」', '）'];

/// The part of `text` after the last mark that ends a sentence within it.
fn last_sentence(text: &str) -> &str {
    let is_end =
        |c: char| matches!(c, '.' | '!' | '。' | '！' | '।' | '۔') || QUESTION.contains(&c);
    let body = text.trim_end_matches(|c: char| is_end(c) || c.is_whitespace());
    // A full stop within a word, as in "9.30", ends nothing.
    let mut ends = body.char_indices().filter(|(at, c)| {
        let after = &body[at + c.len_utf8()..];
        is_end(*c) && (after.starts_with(char::is_whitespace) || !c.is_ascii())
    });
    let from = ends.next_back().map_or(0, |(at, c)| at + c.len_utf8());
    &text[from..]
}

/// Lower case, without the punctuation around it.
fn trimmed(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric() && !"$€£%+".contains(c))
        .to_lowercase()
}

/// Whether a word by itself is a sequence of digits or letters: `555`, `555-0123`, `A-B-C`.
fn is_dictated(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let only = |allowed: fn(char) -> bool| word.chars().all(allowed);
    let is_number = digits >= 3 && only(|c| c.is_ascii_digit() || "-+".contains(c));
    let letters = word.split(['-', '.']);
    let is_spelled = letters.clone().count() >= 2 && letters.clone().all(|part| part.len() == 1);
    // Four digits alone are more often a year than a code.
    let is_year =
        digits == 4 && word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    (is_number && !is_year) || is_spelled
}

/// Whether a word is one digit or letter of a sequence: `5`, `55`, `b`, "five", "oh", "double".
fn is_symbol(word: &str) -> bool {
    const SPOKEN: [&str; 13] = [
        "zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
        "double", "triple",
    ];
    let mut chars = word.chars();
    let letter = |c: char| c.is_alphabetic() && c != 'a';
    let is_letter = matches!((chars.next(), chars.next()), (Some(c), None) if letter(c));
    let is_digits = (1..=3).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_digit());
    is_letter || is_digits || SPOKEN.contains(&word)
}

#[cfg(test)]
mod tests;
