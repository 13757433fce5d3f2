//! Whisper's vocabulary: what its tokens mean, and which ones it may not write.

use std::collections::HashMap;
use std::path::Path;

use crate::byte_level;

/// Tokens by number, and the special ones by meaning.
pub(super) struct Vocabulary {
    /// The bytes of a text token; empty for special tokens.
    texts: Vec<Vec<u8>>,
    languages: HashMap<String, u32>,
    /// Tokens that are never part of a transcript.
    suppressed: Vec<u32>,
    pub(super) end: u32,
    pub(super) start: u32,
    transcribe: u32,
    pub(super) no_speech: u32,
    no_timestamps: u32,
    multilingual: bool,
    space: u32,
}

impl Vocabulary {
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let file = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
        let entries: Vec<&str> = file.lines().collect();
        let find = |entry: &str| {
            let at = entries.iter().position(|e| *e == entry);
            at.map(|at| at as u32)
                .ok_or_else(|| format!("the vocabulary has no {entry}"))
        };
        let end = find("<|endoftext|>")?;
        let start = find("<|startoftranscript|>")?;
        let translate = find("<|translate|>")?;
        let languages = (start + 1..translate)
            .filter_map(|id| {
                let entry = entries.get(id as usize)?;
                Some((entry.strip_prefix("<|")?.strip_suffix("|>")?.to_owned(), id))
            })
            .collect();
        let texts: Vec<_> = entries
            .iter()
            .zip(0..)
            .map(|(entry, id)| {
                if id < end {
                    byte_level::bytes(entry).unwrap_or_default()
                } else {
                    vec![]
                }
            })
            .collect();
        let suppressed = (0..entries.len() as u32)
            .filter(|id| *id > end || *id < end && is_annotation(&texts[*id as usize]))
            .collect();
        Ok(Self {
            languages,
            suppressed,
            end,
            start,
            transcribe: find("<|transcribe|>")?,
            no_speech: find("<|nocaptions|>").or_else(|_| find("<|nospeech|>"))?,
            no_timestamps: find("<|notimestamps|>")?,
            // the English-only vocabularies are one token shorter
            multilingual: entries.len() == 51_865,
            space: find("Ġ")?,
            texts,
        })
    }

    /// Number of tokens.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether the model knows a language, by its ISO 639-1 code; English-only models know just one.
    pub(super) fn knows(&self, language: &str) -> bool {
        if self.multilingual {
            self.languages.contains_key(language)
        } else {
            language == "en"
        }
    }

    /// The languages that can be detected, by ISO 639-1 code, and their tokens: none in an English-only model.
    pub(super) fn languages(&self) -> impl Iterator<Item = (&str, u32)> {
        let all = self.languages.iter().filter(|_| self.multilingual);
        all.map(|(name, id)| (name.as_str(), *id))
    }

    /// The tokens that begin a transcript without timestamps. After the first one, the probability of "no speech" is
    /// read.
    pub(super) fn prompt(&self, language: &str) -> Vec<u32> {
        match self.languages.get(language).filter(|_| self.multilingual) {
            Some(language) => vec![self.start, *language, self.transcribe, self.no_timestamps],
            None => vec![self.start, self.no_timestamps],
        }
    }

    /// Makes suppressed tokens impossible. A transcript cannot begin with its end or a space.
    pub(super) fn suppress(&self, logits: &mut [f32], at_start: bool) {
        let start: &[u32] = if at_start {
            &[self.end, self.space]
        } else {
            &[]
        };
        for id in self.suppressed.iter().chain(start) {
            logits[*id as usize] = f32::NEG_INFINITY;
        }
    }

    pub(super) fn text(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens
            .iter()
            .flat_map(|id| self.texts[*id as usize].iter().copied())
            .collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

/// Marks that annotate rather than transcribe, as in OpenAI's `non_speech_tokens`: brackets, music notes and the like,
/// alone or repeated.
fn is_annotation(token: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(token) else {
        return false;
    };
    let mark = |c: char| "\"#()*+/:;<=>@[\\]^_`{|}~「」『』♩♪♫♬♭♮♯".contains(c);
    let text = text.strip_prefix(' ').unwrap_or(text);
    !text.is_empty() && (text.chars().all(mark) || text == "--" || text == "---")
}
