//! Makes written sentences speakable: no markdown, no emoji, and numbers, dates, money,
//! addresses and abbreviations as words, so that every TTS model says the same.
//!
//! It works on the whole sentences that [`Sentences`](super::sentences::Sentences) yields, which
//! never end within a number or an address, and remembers what spans several of them (code
//! blocks, tables). What it makes is for the voice only: transcripts and the conversation keep
//! the written text.

mod english;
mod markdown;
mod numbers;

use std::collections::BTreeMap;

use regex::Regex;

use sidetone_config::language;
use sidetone_turn::words;

/// From written to spoken text, for one reply.
#[derive(Debug, Clone)]
pub struct SpeechText {
    language: Option<String>,
    pronunciations: Pronunciations,
    in_code: bool,
}

/// How an agent says certain words, such as names: written form to spoken form.
#[derive(Debug, Clone, Default)]
pub struct Pronunciations {
    words: Option<Regex>,
    spoken: BTreeMap<String, String>,
}

impl Pronunciations {
    /// Whole words only. Words of small letters are found in any case ("nginx", "Nginx"),
    /// others as they are written.
    pub fn new(map: &BTreeMap<String, String>) -> Self {
        let spoken: BTreeMap<String, String> = map
            .iter()
            .map(|(word, spoken)| (word.trim().to_owned(), spoken.trim().to_owned()))
            .filter(|(word, _)| !word.is_empty())
            .collect();
        // The longest first: "San José" before "San".
        let mut words: Vec<&String> = spoken.keys().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let alternatives: Vec<String> = words
            .into_iter()
            .map(|word| {
                let escaped = regex::escape(word);
                let any_case = word.chars().all(|c| !c.is_uppercase());
                let begin = if word.starts_with(is_bounded) {
                    r"\b"
                } else {
                    ""
                };
                let end = if word.ends_with(is_bounded) {
                    r"\b"
                } else {
                    ""
                };
                let flag = if any_case { "(?i:" } else { "(?:" };
                format!("{flag}{begin}{escaped}{end})")
            })
            .collect();
        // Escaped words make a valid pattern; only one of megabytes could be refused, and then
        // words are said as they are written.
        let words = Regex::new(&alternatives.join("|"))
            .ok()
            .filter(|_| !spoken.is_empty());
        Self { words, spoken }
    }

    fn apply(&self, text: &str) -> String {
        let Some(words) = &self.words else {
            return text.to_owned();
        };
        let spoken = |found: &regex::Captures<'_>| {
            let word = &found[0];
            let spoken = self
                .spoken
                .get(word)
                .or_else(|| self.spoken.get(&word.to_lowercase()));
            spoken.cloned().unwrap_or_else(|| word.to_owned())
        };
        words.replace_all(text, spoken).into_owned()
    }
}

/// Whether a word that ends with `c` ends where another character follows; not in scripts without
/// spaces.
fn is_bounded(c: char) -> bool {
    (c.is_alphanumeric() || c == '_') && !words::is_unspaced(c)
}

impl SpeechText {
    /// At the start of a reply in this language (BCP 47). Numbers and the like are said in English
    /// where that is the language, and in sentences that are clearly English where it is not
    /// known. Others get the text without markup, and the voice's own way with numbers.
    pub fn new(language: Option<&str>, pronunciations: Pronunciations) -> Self {
        // The first one of a process compiles the patterns; not while a caller waits for a word.
        markdown::prepare();
        english::prepare();
        Self {
            language: language.map(str::to_owned),
            pronunciations,
            in_code: false,
        }
    }

    /// The language that it was made for.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// What to say for the next sentence; `None` when there is nothing to say, as for a line of
    /// code or a lone emoji.
    pub fn speak(&mut self, sentence: &str) -> Option<String> {
        let is_english = match self.language() {
            Some(tag) => language::primary(tag).eq_ignore_ascii_case("en"),
            None => english::sign::is_english(sentence),
        };
        let lines: Vec<String> = sentence
            .lines()
            .filter_map(|line| markdown::plain(line, &mut self.in_code))
            .map(|line| self.pronunciations.apply(&line))
            .map(|line| match is_english {
                true => english::spoken(&line),
                false => line,
            })
            .collect();
        let text = tidy(&lines.join(" "));
        text.chars().any(char::is_alphanumeric).then_some(text)
    }
}

/// One space between words, none before a mark, and one mark at a place.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    for c in text.chars() {
        let last = tidied.trim_end().chars().next_back();
        let is_mark = |c: char| ",;:.!?".contains(c);
        match (c, last) {
            _ if c.is_whitespace() => {
                if !tidied.ends_with(' ') {
                    tidied.push(' ');
                }
            }
            // A comma gives way to any other mark; the same mark is not said twice.
            (',' | ';' | ':', Some(before)) if is_mark(before) => {}
            (',' | ';' | ':', None) => {}
            ('.' | '!' | '?', Some(',' | ';' | ':')) => {
                tidied.truncate(tidied.trim_end().len() - 1);
                tidied.push(c);
            }
            ('.' | '!' | '?', Some(before)) if before == c => {}
            _ if is_mark(c) => {
                tidied.truncate(tidied.trim_end().len());
                tidied.push(c);
            }
            _ => tidied.push(c),
        }
    }
    tidied.trim().to_owned()
}

#[cfg(test)]
mod tests;
