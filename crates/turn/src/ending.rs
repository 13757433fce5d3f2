//! What words end with, as far as it tells whether more will come.

use crate::words::bare;

/// The end of the caller's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing speaks against an end.
    Whole,
    /// Digits one by one, or letters: perhaps the first group of several.
    Digits,
    /// A sentence cannot end here.
    Unfinished,
}

impl Ending {
    /// Judges words as STT writes them. A full stop means nothing, for STT puts one everywhere;
    /// question and exclamation marks do.
    pub(super) fn of(text: &str, open_words: &[String]) -> Self {
        let text = text.trim_end();
        if text.ends_with(['?', '!', '？', '！', '؟']) {
            return Self::Whole;
        }
        if text.ends_with([',', '-', '–', '—', ':', '…', '，', '、', '：', '،'])
            || text.ends_with("..")
        {
            return Self::Unfinished;
        }
        let said = bare(text);
        let goes_on = |open: &String| {
            let open = bare(open);
            !open.is_empty() && said.ends_with(&open)
        };
        let mut words = text.split_whitespace().rev().map(trimmed);
        let (Some(last), before) = (words.next(), words.next()) else {
            return Self::Whole;
        };
        if is_dictated(&last) || (is_symbol(&last) && before.as_deref().is_some_and(is_symbol)) {
            Self::Digits
        } else if open_words.iter().any(goes_on) {
            Self::Unfinished
        } else {
            Self::Whole
        }
    }
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
