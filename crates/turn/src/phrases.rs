//! Lists of phrases, compared word by word. Case and punctuation do not matter. PURE.

use crate::words::bare;

/// Whether `words` are one or more phrases of `list` and nothing else.
pub(super) fn is_nothing_but(words: &[String], list: &[String]) -> bool {
    !words.is_empty() && rest_is(words, list)
}

fn rest_is(words: &[String], list: &[String]) -> bool {
    words.is_empty()
        || each(list)
            .any(|phrase| words.starts_with(&phrase) && rest_is(&words[phrase.len()..], list))
}

/// Whether `words` end with a phrase of `list`.
pub(super) fn ends(words: &[String], list: &[String]) -> bool {
    each(list).any(|phrase| words.ends_with(&phrase))
}

/// Whether a phrase of `list` occurs in `words`.
pub(super) fn is_in(words: &[String], list: &[String]) -> bool {
    each(list).any(|phrase| words.windows(phrase.len()).any(|window| window == phrase))
}

/// The words of each phrase, without empty phrases.
fn each(list: &[String]) -> impl Iterator<Item = Vec<String>> {
    let all = list.iter().map(|phrase| bare(phrase));
    all.filter(|phrase| !phrase.is_empty())
}

/// Splits a list at its commas.
pub(super) fn listed(phrases: &str) -> Vec<String> {
    phrases.split(", ").map(str::to_owned).collect()
}
