//! What a word is, in every script. PURE.
//!
//! Spaces separate words, except in Chinese, Japanese, Thai, Lao, Khmer and Burmese. There ICU's dictionaries and
//! models find the boundaries (UAX #29 with its section 4.3): 2.4 MB of the program, half a millisecond for a
//! sentence.

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{GraphemeClusterSegmenter, WordSegmenter, WordSegmenterBorrowed};

static WORDS: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_auto(WordBreakInvariantOptions::default()));

/// Whether `c` is a letter of a script without spaces between words.
pub fn is_unspaced(c: char) -> bool {
    is_east_asian(c) || is_south_east_asian(c)
}

/// Han, Kana and Bopomofo, which also have punctuation of their own.
pub fn is_east_asian(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3031}'..='\u{3035}' | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}'
        | '\u{30fc}'..='\u{312f}' | '\u{31a0}'..='\u{31bf}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// Thai, Lao, Khmer and Burmese, which put spaces between clauses.
pub fn is_south_east_asian(c: char) -> bool {
    matches!(c,
        '\u{0e01}'..='\u{0e3a}' | '\u{0e40}'..='\u{0e4e}' | '\u{0e81}'..='\u{0ece}'
        | '\u{0edc}'..='\u{0edf}' | '\u{1000}'..='\u{103f}' | '\u{1050}'..='\u{108f}'
        | '\u{109a}'..='\u{109d}' | '\u{1780}'..='\u{17d3}' | '\u{17d7}' | '\u{17dd}'
        | '\u{a9e0}'..='\u{a9ef}' | '\u{a9fa}'..='\u{a9fe}' | '\u{aa60}'..='\u{aa7f}')
}

/// How long `c` takes to say, in letters of an alphabet: 15 of those are spoken per second, but only about five
/// Chinese or Korean syllables (Pellegrino et al., "Across-Language Perspective on Speech Information Rate", 2011)
/// and eight Japanese ones.
pub fn letters_of(c: char) -> usize {
    match c {
        '\u{3041}'..='\u{30ff}' | '\u{ff66}'..='\u{ff9f}' => 2,
        '\u{ac00}'..='\u{d7a3}' => 3,
        _ if is_east_asian(c) => 3,
        _ => 1,
    }
}

/// How long `text` takes to say, in letters of an alphabet.
pub fn letters(text: &str) -> usize {
    text.chars().map(letters_of).sum()
}

/// How many words `text` has.
pub fn count(text: &str) -> usize {
    let words = text.split_whitespace().filter(|word| has_any(word));
    words
        .map(|word| match word.contains(is_unspaced) {
            true => parts(word).filter(|part| has_any(part)).count(),
            false => 1,
        })
        .sum()
}

/// Whether anything in `text` can be spoken.
pub fn has_any(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Whether STT annotated a sound instead of transcribing words: `[BLANK_AUDIO]`, `(dog barking)`, `*coughs*`, `♪`.
pub fn is_annotation(text: &str) -> bool {
    const PAIRS: [(char, char); 6] = [
        ('[', ']'),
        ('(', ')'),
        ('<', '>'),
        ('*', '*'),
        ('（', '）'),
        ('【', '】'),
    ];
    let text = text.trim();
    if text.starts_with(['♪', '♫']) && text.ends_with(['♪', '♫']) {
        return true;
    }
    let is_between = |c: char| c.is_whitespace() || c.is_ascii_punctuation() && !"[(<*".contains(c);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let pair = PAIRS.iter().find(|(open, _)| *open == first);
        let after = pair.and_then(|(open, close)| rest[open.len_utf8()..].split_once(*close));
        match after {
            Some((_, after)) => rest = after.trim_start_matches(is_between),
            None => return false,
        }
    }
    !text.is_empty()
}

/// The words of `text` for comparison, reduced to lower-case letters and digits: "Mm-hmm, I see!" is `mmhmm`, `i`,
/// `see`. In scripts without spaces each letter is a word of its own, because the same words may be segmented
/// differently in another sentence.
pub fn bare(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for spaced in text.split_whitespace() {
        let mut word = String::new();
        for c in spaced.chars().filter(|c| c.is_alphanumeric()) {
            if is_unspaced(c) {
                words.extend([std::mem::take(&mut word), c.to_string()]);
            } else {
                word.extend(c.to_lowercase());
            }
        }
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Where the words of `text` end, in bytes. Marks belong to the word before them, spaces to no word.
pub fn ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    for spaced in text.split_whitespace() {
        let from = spaced.as_ptr() as usize - text.as_ptr() as usize;
        if spaced.contains(is_unspaced) {
            let (mut at, mut has_word) = (0, false);
            for part in parts(spaced) {
                if has_word && has_any(part) {
                    ends.push(from + at);
                }
                has_word |= has_any(part);
                at += part.len();
            }
        }
        ends.push(from + spaced.len());
    }
    ends
}

/// Where to cut a text before its end: after its last whole word, or after its last whole character if that word is
/// too long.
pub fn cut(text: &str) -> usize {
    let is_inside = |at: &usize| (text.len() / 2..text.len()).contains(at);
    let word = ends(text).into_iter().rev().find(is_inside);
    word.unwrap_or_else(|| {
        let characters = GraphemeClusterSegmenter::new().segment_str(text);
        let last = characters.filter(|at| *at < text.len()).last();
        last.filter(|at| *at > 0).unwrap_or(text.len())
    })
}

/// The separator between two sentences that are joined: nothing in Chinese and Japanese, otherwise a space.
pub fn between(before: &str, after: &str) -> &'static str {
    let is_wide = |c: char| {
        is_east_asian(c) || matches!(c, '\u{3001}'..='\u{303f}' | '\u{ff00}'..='\u{ff65}')
    };
    match before.ends_with(is_wide) && after.starts_with(is_wide) {
        true => "",
        false => " ",
    }
}

/// The words and the text between them.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    // The first boundary is the beginning.
    WORDS.segment_str(text).skip(1).map(move |to| {
        let part = &text[from..to];
        from = to;
        part
    })
}

#[cfg(test)]
mod tests;
