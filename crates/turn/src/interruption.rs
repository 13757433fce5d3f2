//! Whether the caller, talking over the agent, wants the floor.

use std::time::Duration;

use crate::phrases;
use crate::words::{self, bare};

/// When the agent gives way.
#[derive(Debug, Clone, PartialEq)]
pub struct Interruption {
    /// If off, the agent finishes its reply, and then answers what was said meanwhile.
    pub enabled: bool,
    /// How long the caller must talk over the agent before playout is held. 190 ms: under livekit-agents' 500 ms, as
    /// a false hold costs little here: it resumes at the same sample. By then most voices are known to be no echo
    /// (`crates/call/src/nearness.rs`).
    pub min_duration: Duration,
    /// Words needed to interrupt. With 0, sound is enough to hold, and any word interrupts.
    pub min_words: usize,
    /// How long playout stays held after the caller fell silent without words; then it resumes. After a sound in
    /// which nothing was recognised it resumes sooner: after twice its length, or three times `min_duration`. 2 s:
    /// livekit-agents `false_interruption_timeout`.
    pub false_interruption_timeout: Duration,
    /// Backchannels ("uh-huh"): an overlap of nothing else does not interrupt.
    pub backchannels: Vec<String>,
    /// Phrases that always interrupt, however short.
    pub stop_phrases: Vec<String>,
}

impl Default for Interruption {
    fn default() -> Self {
        let list = |phrases: &[&str]| phrases.iter().map(|&phrase| phrase.to_owned()).collect();
        Self {
            enabled: true,
            min_duration: Duration::from_millis(190),
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

/// What the caller's talking over the agent means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    /// No words.
    Noise,
    /// Words, but no attempt to take the floor.
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
        } else if phrases::is_in(&words, &self.stop_phrases) {
            Overlap::Stop
        } else if words::count(text) < self.min_words
            || phrases::is_nothing_but(&words, &self.backchannels)
        {
            Overlap::Backchannel
        } else {
            Overlap::Interruption
        }
    }

    /// Whether these words are only backchannels.
    pub(super) fn says_go_on(&self, text: &str) -> bool {
        let words = bare(text);
        words.is_empty() || phrases::is_nothing_but(&words, &self.backchannels)
    }
}

#[cfg(test)]
mod tests;
