//! Whether the caller, talking over the agent, wants the floor.

use std::time::Duration;

use crate::words::{self, bare};

/// When the agent gives way.
#[derive(Debug, Clone, PartialEq)]
pub struct Interruption {
    /// Off: the agent finishes what it says, and answers afterwards what was said meanwhile.
    pub enabled: bool,
    /// The caller must talk over the agent for this long before the voice is held.
    /// 250 ms: under livekit-agents' 500 ms, as a false hold costs nothing here: it resumes at
    /// the same sample. By then it is known whether it is an echo (`crates/call/src/nearness.rs`).
    pub min_duration: Duration,
    /// Words it takes; 0 means that sound is enough to hold, and any word to interrupt.
    pub min_words: usize,
    /// Held for this long after the caller fell silent and still no words: resume.
    /// 2 s: livekit-agents `false_interruption_timeout`.
    pub false_interruption_timeout: Duration,
    /// Phrases that say "go on". An overlap of nothing else does not interrupt.
    pub backchannels: Vec<String>,
    /// Phrases that always interrupt, however short.
    pub stop_phrases: Vec<String>,
}

impl Default for Interruption {
    fn default() -> Self {
        let list = |phrases: &[&str]| phrases.iter().map(|&phrase| phrase.to_owned()).collect();
        Self {
            enabled: true,
            min_duration: Duration::from_millis(250),
            min_words: 0,
            false_interruption_timeout: Duration::from_secs(2),
            backchannels: list(&[
                "mm", "mmm", "mhm", "mm-hmm", "hm", "hmm", "uh-huh", "uh huh", "ah", "aha", "oh",
                "yeah", "yep", "yes", "ok", "okay", "right", "sure", "i see", "got it", "great",
            ]),
            stop_phrases: list(&[
                "stop",
                "wait",
                "no",
                "hold on",
                "hang on",
                "excuse me",
                "pause",
                "quiet",
            ]),
        }
    }
}

/// What talking over the agent amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    /// No words.
    Noise,
    /// Words, but no wish to have the floor.
    Backchannel,
    /// The caller wants the floor.
    Interruption,
    /// The caller wants silence now.
    Stop,
}

impl Interruption {
    /// Judges the words said over the agent so far.
    pub(super) fn judge(&self, text: &str) -> Overlap {
        let words = bare(text);
        if words.is_empty() {
            Overlap::Noise
        } else if phrases(&self.stop_phrases).any(|stop| contains(&words, &stop)) {
            Overlap::Stop
        } else if words::count(text) < self.min_words || self.is_backchannel(&words) {
            Overlap::Backchannel
        } else {
            Overlap::Interruption
        }
    }

    /// Whether these words are nothing but backchannels.
    pub(super) fn says_go_on(&self, text: &str) -> bool {
        self.is_backchannel(&bare(text))
    }

    /// Whether `words` is nothing but backchannels, one after the other.
    fn is_backchannel(&self, words: &[String]) -> bool {
        words.is_empty()
            || phrases(&self.backchannels).any(|phrase| {
                !phrase.is_empty()
                    && words.starts_with(&phrase)
                    && self.is_backchannel(&words[phrase.len()..])
            })
    }
}

fn phrases(list: &[String]) -> impl Iterator<Item = Vec<String>> {
    list.iter().map(|phrase| bare(phrase))
}

fn contains(words: &[String], phrase: &[String]) -> bool {
    !phrase.is_empty() && words.windows(phrase.len()).any(|window| window == phrase)
}

#[cfg(test)]
mod tests;
