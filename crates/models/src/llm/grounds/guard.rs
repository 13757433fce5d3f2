//! Keeps numbers, prices and addresses that nobody has said out of what the model says.

use std::collections::HashSet;

use super::words::{is_number, words};

/// Holds the model's words back until a sentence is complete, and lets it pass if every number and address in it is
/// known.
#[derive(Debug, PartialEq)]
pub(in crate::llm) struct Guard {
    known: HashSet<String>,
    instead: String,
    held: String,
    is_shut: bool,
}

impl Guard {
    /// Says `instead` in place of the first sentence that is not covered by these texts.
    pub(super) fn new<'t>(instead: &str, known: impl Iterator<Item = &'t str>) -> Self {
        Self {
            known: known.flat_map(words).collect(),
            instead: instead.to_owned(),
            held: String::new(),
            is_shut: false,
        }
    }

    /// Whether a sentence was replaced: nothing follows.
    pub(in crate::llm) fn is_shut(&self) -> bool {
        self.is_shut
    }

    /// Adds text; returns the sentences that may be said now.
    pub(in crate::llm) fn push(&mut self, text: &str) -> String {
        if self.is_shut {
            return String::new();
        }
        self.held.push_str(text);
        let mut passed = String::new();
        while let Some(end) = end_of_sentence(&self.held) {
            let rest = self.held.split_off(end);
            let sentence = std::mem::replace(&mut self.held, rest);
            passed.push_str(&self.check(sentence));
        }
        passed
    }

    /// The rest, at the end of the answer.
    pub(in crate::llm) fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.held);
        self.check(rest)
    }

    fn check(&mut self, sentence: String) -> String {
        let is_known = |word: &String| self.known.contains(word);
        let passes = !sentence.contains(['€', '£', '$', '%', '@'])
            && !sentence
                .split('.')
                .skip(1)
                .any(|after| after.starts_with(char::is_alphanumeric))
            && words(&sentence)
                .iter()
                .filter(|word| is_number(word))
                .all(is_known);
        match (self.is_shut, passes) {
            (true, _) => String::new(),
            (false, true) => sentence,
            (false, false) => {
                self.is_shut = true;
                self.held.clear();
                self.instead.clone()
            }
        }
    }
}

/// Where the first sentence of `text` ends, if what follows shows that it does.
fn end_of_sentence(text: &str) -> Option<usize> {
    let end = |(at, mark): (usize, &str)| {
        let end = at + mark.len();
        text[end..].starts_with(char::is_whitespace).then_some(end)
    };
    text.match_indices(['.', '!', '?']).find_map(end)
}
