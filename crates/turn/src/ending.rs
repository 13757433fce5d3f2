//! What words end with, as far as it tells whether more will come.

use crate::words::bare;
use crate::{Endpointing, phrases};

/// The end of the caller's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// A greeting, a short answer or a question, which wants no more words.
    Complete,
    /// Nothing speaks against an end.
    Whole,
    /// Digits one by one, or letters: perhaps the first group of several.
    Digits,
    /// A sentence cannot end here.
    Unfinished,
}

impl Ending {
    /// Judges words as STT writes them. A full stop means nothing, for STT puts one everywhere;
    /// question and exclamation marks do. Of several sentences the last one counts.
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
            // "What is it for?" asks; "Do you have a?" is what STT makes of a pause.
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

/// Marks of a question: Latin, full-width, Arabic, Greek.
const QUESTION: [char; 4] = ['?', '？', '؟', '\u{37e}'];
/// Marks that a sentence goes on after.
const GOING_ON: [char; 10] = [',', '-', '–', '—', ':', '…', '，', '、', '：', '،'];
/// Quotes and brackets after a sentence's own mark.
const CLOSING_MARKS: [char; 9] = ['"', '\'', '”', '’', '»', '“', ')', '」', '）'];

/// What follows the last mark of an end within `text`.
fn last_sentence(text: &str) -> &str {
    let is_end =
        |c: char| matches!(c, '.' | '!' | '。' | '！' | '।' | '۔') || QUESTION.contains(&c);
    let body = text.trim_end_matches(|c: char| is_end(c) || c.is_whitespace());
    // A stop within a word, as in "9.30", is none.
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

/// A word that is a row of digits or letters by itself: `555`, `555-0123`, `A-B-C`.
fn is_dictated(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let only = |allowed: fn(char) -> bool| word.chars().all(allowed);
    let is_number = digits >= 3 && only(|c| c.is_ascii_digit() || "-+".contains(c));
    let letters = word.split(['-', '.']);
    let is_spelled = letters.clone().count() >= 2 && letters.clone().all(|part| part.len() == 1);
    // Four digits alone are a year more often than a code.
    let is_year =
        digits == 4 && word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    (is_number && !is_year) || is_spelled
}

/// One digit or letter of several: `5`, `55`, `b`, "five", "oh", "double".
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
