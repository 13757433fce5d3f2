//! Cuts a stream of text into sentences, each ready to be spoken.
//!
//! Where it cuts depends on the text alone, not on the pieces it comes in. To leave early, the
//! first piece may be a clause; the rest are whole sentences, since prosody suffers from cuts.

use std::ops::ControlFlow;

/// Characters after which the first piece may end at a comma: below, a voice sounds chopped.
/// As the field has it (livekit-agents' tokenizer: `min_sentence_len` 20).
const CLAUSE: usize = 20;
/// Words the first clause must have, so that "Well," does not go alone.
const CLAUSE_WORDS: usize = 4;
/// Words and characters that leave early when the model is slow: below, they are over before
/// the rest is there.
const EARLY: (usize, usize) = (3, 12);
/// Words before which a speaker may pause in mid-sentence. Not "in", "to", "up" and the like: they
/// belong to the verb before them too often.
const PAUSE_BEFORE: &[&str] = &[
    "and", "but", "or", "because", "so", "if", "when", "while", "which", "who", "where", "from",
    "for", "with", "by", "until", "between", "before", "after", "on", "at", "during", "about",
    "unless", "then",
];
/// A sentence longer than this is cut at its next comma.
const LONG: usize = 200;
/// One without commas is cut at its next space. OpenAI's speech takes 4096 characters.
const TOO_LONG: usize = 400;

/// Words whose full stop never ends a sentence.
const NEVER_LAST: &[&str] = &[
    "dr", "mr", "mrs", "ms", "mx", "prof", "rev", "hon", "gen", "col", "capt", "lt", "sgt", "gov",
    "sen", "rep", "pres", "vs", "e.g", "i.e", "cf", "viz", "approx", "mt", "ft", "messrs", "mme",
    "mlle", "z.b", "d.h", "bzw", "ca",
];
/// Words whose full stop ends no sentence when a number follows.
const BEFORE_NUMBER: &[&str] = &[
    "no", "nos", "nr", "fig", "figs", "p", "pp", "vol", "ch", "chap", "sec", "sect", "art", "eq",
    "ext", "apt", "rm", "ver", "ed", "tel", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep",
    "sept", "oct", "nov", "dec",
];
/// Words whose full stop ends a sentence only when one clearly begins after it.
const MAYBE_LAST: &[&str] = &[
    "st", "jr", "sr", "inc", "ltd", "co", "corp", "llc", "etc", "al", "ave", "blvd", "rd", "sq",
    "dept", "est", "min", "max", "hr", "hrs", "jan", "feb", "mar", "apr", "jun", "jul", "aug",
    "sep", "sept", "oct", "nov", "dec", "mon", "tue", "tues", "wed", "thu", "thurs", "fri", "sat",
    "sun", "ph.d", "b.sc", "m.sc", "b.a", "m.a",
];
/// Words that begin a sentence more often than they follow an abbreviation.
const STARTERS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "but", "by", "can", "could", "did", "do", "does", "for",
    "have", "he", "here", "how", "however", "i", "if", "in", "is", "it", "its", "let", "may", "my",
    "no", "not", "now", "of", "on", "once", "or", "our", "please", "she", "should", "so", "that",
    "the", "their", "then", "there", "these", "they", "this", "those", "to", "was", "we", "what",
    "when", "where", "which", "while", "who", "why", "will", "with", "would", "yes", "you", "your",
    "i'm", "i'll", "i've", "it's", "that's", "there's", "we're", "we'll", "you're", "you'll",
    "they're", "don't", "let's",
];

/// Text in as it is written, whole sentences out.
#[derive(Debug, Default)]
pub struct Sentences {
    pending: String,
    /// Bytes of `pending` in which no boundary begins.
    searched: usize,
    begun: bool,
}

impl Sentences {
    /// At the start of a text.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sentences that `delta` completes; may be none.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        self.pending.push_str(delta);
        let mut done = Vec::new();
        while let Some(end) = self.boundary() {
            let rest = self.pending.split_off(end);
            let sentence = std::mem::replace(&mut self.pending, rest);
            self.searched = 0;
            self.begun |= has_words(&sentence);
            done.extend(spoken(&sentence));
        }
        done
    }

    /// The beginning of a first sentence that is not whole yet, up to where a speaker may pause;
    /// the rest follows as a sentence of its own. For a model so slow that a pause here is better
    /// than the silence before: prosody suffers a little.
    pub fn early(&mut self) -> Option<String> {
        if self.begun {
            return None;
        }
        let text = self.pending.as_str();
        let words = text.split_whitespace().collect::<Vec<_>>();
        // The last word may still grow.
        let whole =
            words.len() - usize::from(!text.ends_with(char::is_whitespace)).min(words.len());
        let pauses = |word: &&str| PAUSE_BEFORE.contains(&word.to_lowercase().as_str());
        let at = (EARLY.0..whole).rev().find(|at| pauses(&words[*at]))?;
        let end = words[at].as_ptr() as usize - text.as_ptr() as usize;
        if text[..end].chars().count() < EARLY.1 || is_enclosed(&text[..end]) {
            return None;
        }
        let rest = self.pending.split_off(end);
        let early = std::mem::replace(&mut self.pending, rest);
        self.searched = 0;
        self.begun = true;
        spoken(&early)
    }

    /// The first sentence (or clause), where it seems to be whole and only what follows can tell:
    /// what [`Sentences::push`] most likely gives next, a token or so before it is certain.
    pub fn likely(&self) -> Option<String> {
        let mut before = self.pending.chars().rev();
        let ends = matches!(before.next()?, '.' | '!' | '?' | '…' | ',' | ';' | ':');
        // "3." may go on as "3.5", "1." is an item's number.
        if self.begun || !ends || !before.next()?.is_alphabetic() || self.pending.contains("```") {
            return None;
        }
        let mut as_if = Self {
            pending: self.pending.clone(),
            ..Self::default()
        };
        let mut whole = as_if.push(" The ").into_iter();
        whole.next().filter(|_| as_if.pending.trim() == "The")
    }

    /// What is left at the end of the text.
    pub fn finish(&mut self) -> Option<String> {
        self.searched = 0;
        spoken(&std::mem::take(&mut self.pending))
    }

    /// Where the first sentence ends, if that is certain already.
    fn boundary(&mut self) -> Option<usize> {
        let text = self.pending.as_str();
        let mut length = text[..self.searched].chars().count();
        for (at, c) in text[self.searched..].char_indices() {
            let at = self.searched + at;
            match self.ends_at(text, at, c, length) {
                ControlFlow::Continue(()) => length += 1,
                ControlFlow::Break(Some(end)) => return Some(end),
                // What follows decides, and is not there yet.
                ControlFlow::Break(None) => {
                    self.searched = at;
                    return None;
                }
            }
        }
        self.searched = text.len();
        None
    }

    /// Whether a sentence ends with the mark `c`: `Break(Some(end))` says yes and where,
    /// `Break(None)` that it depends on what comes.
    fn ends_at(&self, text: &str, at: usize, c: char, length: usize) -> ControlFlow<Option<usize>> {
        let after = at + c.len_utf8();
        let here = &text[..at];
        match c {
            '\n' if has_words(here) => ControlFlow::Break(Some(after)),
            '。' | '！' | '？' => ControlFlow::Break(Some(after + closers(&text[after..]))),
            '.' | '!' | '?' | '…' => {
                let rest = &text[after..];
                let closed = closers(rest);
                let Some(next) = rest[closed..].chars().next() else {
                    return ControlFlow::Break(None);
                };
                if !next.is_whitespace() {
                    return ControlFlow::Continue(());
                }
                let rest = &rest[closed..];
                let following = rest.trim_start();
                if rest[..rest.len() - following.len()].contains('\n') {
                    return ControlFlow::Break(Some(after + closed));
                }
                // The whole next word, for `STARTERS`; its first letter is enough otherwise.
                let Some(next) = following.chars().next() else {
                    return ControlFlow::Break(None);
                };
                if next.is_lowercase() || (c == '.' && closed == 0 && is_list_number(here)) {
                    return ControlFlow::Continue(());
                }
                if c == '.' && closed == 0 {
                    return after_full_stop(here, following, after);
                }
                ControlFlow::Break(Some(after + closed))
            }
            ',' | ';' | ':' | '–' | '—' => {
                let Some(next) = text[after..].chars().next() else {
                    return ControlFlow::Break(None);
                };
                let first = !self.begun
                    && length >= CLAUSE
                    && here.split_whitespace().count() >= CLAUSE_WORDS
                    && !is_enclosed(here);
                if next.is_whitespace() && (first || length >= LONG) {
                    return ControlFlow::Break(Some(after));
                }
                ControlFlow::Continue(())
            }
            ' ' if length >= TOO_LONG => ControlFlow::Break(Some(after)),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Decides about a full stop with white space and no small letter after it.
fn after_full_stop(here: &str, following: &str, after: usize) -> ControlFlow<Option<usize>> {
    let word = here
        .rsplit(|c: char| c.is_whitespace() || "([\"“‘'*_".contains(c))
        .next();
    let word = word.unwrap_or_default();
    let small = word.to_lowercase();
    let listed = |list: &[&str]| list.contains(&small.as_str());
    if listed(NEVER_LAST) {
        return ControlFlow::Continue(());
    }
    if listed(BEFORE_NUMBER) && following.starts_with(|c: char| c.is_ascii_digit()) {
        return ControlFlow::Continue(());
    }
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    // "U.S", "p.m", "J.R.R".
    let dotted = small.contains('.')
        && small
            .split('.')
            .all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic));
    if !initial && !dotted && !listed(MAYBE_LAST) {
        return ControlFlow::Break(Some(after));
    }
    let is_letter = |c: char| c.is_alphanumeric() || c == '\'' || c == '’';
    let end = following.find(|c: char| !is_letter(c));
    let next = match end {
        Some(end) => following[..end].to_lowercase().replace('’', "'"),
        None if following.len() < 12 => return ControlFlow::Break(None),
        None => String::new(),
    };
    if STARTERS.contains(&next.as_str()) {
        ControlFlow::Break(Some(after))
    } else {
        ControlFlow::Continue(())
    }
}

/// Bytes of the marks that close what the sentence's end closes: quotes, brackets, emphasis, and
/// further marks, as in "?!" and "...".
fn closers(text: &str) -> usize {
    let closes = |c: char| ".!?…\"'”’»)]}*_`~".contains(c);
    text.find(|c: char| !closes(c)).unwrap_or(text.len())
}

/// "1" at the begin of a line, before its full stop.
fn is_list_number(here: &str) -> bool {
    let line = here
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim_start_matches([' ', '\t', '>']);
    (1..=3).contains(&line.len()) && line.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a bracket is open: a clause does not end in there.
fn is_enclosed(here: &str) -> bool {
    here.matches(['(', '[']).count() > here.matches([')', ']']).count()
}

fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

fn spoken(sentence: &str) -> Option<String> {
    let sentence = sentence.trim();
    has_words(sentence).then(|| sentence.to_owned())
}

#[cfg(test)]
mod tests;
