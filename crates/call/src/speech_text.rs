//! Makes written sentences speakable: no markdown, no emoji, and numbers, dates, money, addresses and abbreviations
//! as words, so that all TTS models say the same.
//!
//! It works on whole sentences that [`Sentences`](super::sentences::Sentences) yields them, which never end within a
//! number or an address, and remembers what spans several of them (code blocks, tables). Its output is for the voice
//! only: transcripts and the conversation keep the written text.

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
    /// Matches whole words only. Lower-case words match in any case ("nginx", "Nginx"), others exactly.
    pub fn new(map: &BTreeMap<String, String>) -> Self {
        let spoken: BTreeMap<String, String> = map
            .iter()
            .map(|(word, spoken)| (word.trim().to_owned(), spoken.trim().to_owned()))
            .filter(|(word, _)| !word.is_empty())
            .collect();
        // Longest first: "San José" before "San".
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
        // Escaped words make a valid pattern; only one of megabytes could be rejected, and then words are spoken as
        // written.
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

/// Whether a word ending with `c` is over where another character follows; not in scripts without spaces.
fn is_bounded(c: char) -> bool {
    (c.is_alphanumeric() || c == '_') && !words::is_unspaced(c)
}

impl SpeechText {
    /// The start of a reply in this language (BCP 47). Numbers and the like are spelled out in English if that is the
    /// language, and in clearly English sentences if it is unknown. In other languages the text only loses its
    /// markup, and the voice reads numbers in its own way.
    pub fn new(language: Option<&str>, pronunciations: Pronunciations) -> Self {
        // The first use in a process compiles the patterns; doing it here keeps a caller from waiting for it.
        markdown::prepare();
        english::prepare();
        Self {
            language: language.map(str::to_owned),
            pronunciations,
            in_code: false,
        }
    }

    /// The same at the start of a reply.
    pub fn anew(&self) -> Self {
        Self {
            in_code: false,
            ..self.clone()
        }
    }

    /// The language it was made for. `None` if unknown.
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// What to say for the next sentence. `None` if there is nothing to say, as for a line of code or a lone emoji.
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

/// Leaves one space between words, none before a mark, and one mark in each place.
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
            // A comma gives way to any other mark; a repeated mark is dropped.
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
