//! Cuts a stream of text into sentences, each ready to be spoken, in every script.
//!
//! Where it cuts depends on the text alone, not on the pieces it comes in. To leave early, the
//! first piece may be a clause; the rest are whole sentences, since prosody suffers from cuts.
//!
//! Lengths are in letters of an alphabet ([`words::letters`]), which is how long a text takes to
//! say: a Chinese character counts for three.

mod languages;
mod marks;

use std::ops::ControlFlow;

use languages::Writing;
use marks::{Mark, closers, is_enclosed, is_greek, is_small};
use sidetone_turn::words;

/// Letters after which the first piece may end at a comma: shorter pieces sound chopped. The usual value
/// (livekit-agents' tokenizer: `min_sentence_len` 20).
const CLAUSE: usize = 20;
/// Words the first clause must have, so that "Well," does not go alone.
const CLAUSE_WORDS: usize = 4;
/// Words and letters of a piece that leaves early when the model is slow: a shorter one is over before the rest
/// arrives.
const EARLY: (usize, usize) = (3, 12);
/// Thai and its neighbours have no sentence-final mark, but put a space there and between clauses; a space after this
/// many letters counts as an end: five seconds of speech.
const PHRASE: usize = 80;
/// A sentence longer than this is cut at its next comma.
const LONG: usize = 200;
/// A sentence longer than this is cut at its next space, or between words in a script without spaces. OpenAI's speech
/// takes 4096 characters.
const TOO_LONG: usize = 400;
/// Text longer than this, without spaces or known words, is cut anywhere.
const ENDLESS: usize = 1600;

/// Whether and where a sentence ends: `Break(Some(end))` means there, `Break(None)` that it depends on what follows.
type Verdict = ControlFlow<Option<usize>>;

const NO: Verdict = ControlFlow::Continue(());
const DEPENDS: Verdict = ControlFlow::Break(None);

fn ends(at: usize) -> Verdict {
    ControlFlow::Break(Some(at))
}

/// Takes text as it is written, and returns whole sentences.
#[derive(Debug, Default)]
pub struct Sentences {
    pending: String,
    writing: Writing,
    /// Bytes of `pending` known to contain no boundary.
    searched: usize,
    begun: bool,
}

impl Sentences {
    /// The start of a text in this language (BCP 47). If it is unknown, a full stop after a number or an abbreviation
    /// of any language ends a sentence only before a word that often begins one.
    pub fn new(language: Option<&str>) -> Self {
        marks::prepare();
        Self {
            writing: Writing::of(language),
            ..Self::default()
        }
    }

    /// The sentences that `delta` completes, possibly none.
    pub fn push(&mut self, delta: &str) -> Vec<String> {
        self.pending.push_str(delta);
        let mut done = Vec::new();
        while let Some(end) = self.boundary() {
            let rest = self.pending.split_off(end);
            let sentence = std::mem::replace(&mut self.pending, rest);
            self.searched = 0;
            self.begun |= words::has_any(&sentence);
            done.extend(spoken(&sentence));
        }
        done
    }

    /// The beginning of an incomplete first sentence, up to where a speaker may pause; the rest follows as a sentence
    /// of its own. For models so slow that a pause here is better than the silence before; prosody suffers a little.
    pub fn early(&mut self) -> Option<String> {
        if self.begun {
            return None;
        }
        let text = self.pending.as_str();
        let words: Vec<&str> = text.split_whitespace().collect();
        // The last word may still grow.
        let whole =
            words.len() - usize::from(!text.ends_with(char::is_whitespace)).min(words.len());
        let pauses = |word: &&str| self.writing.pauses_before(&word.to_lowercase());
        let at = (EARLY.0..whole).rev().find(|at| pauses(&words[*at]))?;
        let end = words[at].as_ptr() as usize - text.as_ptr() as usize;
        if words::letters(&text[..end]) < EARLY.1 || is_enclosed(&text[..end]) {
            return None;
        }
        let rest = self.pending.split_off(end);
        let early = std::mem::replace(&mut self.pending, rest);
        self.searched = 0;
        self.begun = true;
        spoken(&early)
    }

    /// The first sentence (or clause), if it looks complete and only the following text can confirm that: what
    /// [`Sentences::push`] most likely returns next, a token or so early.
    pub fn likely(&self) -> Option<String> {
        let mut before = self.pending.chars().rev();
        let ends = matches!(
            Mark::of(before.next()?),
            Mark::Stop | Mark::End | Mark::Pause | Mark::WidePause
        );
        // "3." may continue as "3.5", and "1." is a list number.
        let last = before.next()?;
        let is_word = !last.is_numeric() && !last.is_whitespace() && !last.is_ascii_punctuation();
        if self.begun || !ends || !is_word || self.pending.contains("```") {
            return None;
        }
        let mut as_if = Self {
            pending: self.pending.clone(),
            writing: self.writing,
            ..Self::default()
        };
        let mut whole = as_if.push(" The ").into_iter();
        whole.next().filter(|_| as_if.pending.trim() == "The")
    }

    /// The rest, at the end of the text.
    pub fn finish(&mut self) -> Option<String> {
        self.searched = 0;
        spoken(&std::mem::take(&mut self.pending))
    }

    /// Where the first sentence ends. `None` if that is not certain yet.
    fn boundary(&mut self) -> Option<usize> {
        let text = self.pending.as_str();
        let mut length = words::letters(&text[..self.searched]);
        for (at, c) in text[self.searched..].char_indices() {
            let at = self.searched + at;
            match self.ends_at(text, at, c, length) {
                ControlFlow::Continue(()) => length += words::letters_of(c),
                ControlFlow::Break(Some(end)) => return Some(end),
                // It depends on text that has not arrived.
                ControlFlow::Break(None) => {
                    self.searched = at;
                    return None;
                }
            }
        }
        self.searched = text.len();
        None
    }

    /// Whether a sentence ends at `c`, after `length` letters.
    fn ends_at(&self, text: &str, at: usize, c: char, length: usize) -> Verdict {
        let after = at + c.len_utf8();
        let (here, rest) = (&text[..at], &text[after..]);
        let next = rest.chars().next();
        match Mark::of(c) {
            Mark::Line if words::has_any(here) => ends(after),
            Mark::End => {
                // Chinese and Japanese marks.
                let is_wide = c > '\u{3000}';
                let closed = closers(rest, is_wide);
                if rest[closed..].is_empty() {
                    return DEPENDS;
                }
                ends(after + closed)
            }
            Mark::Stop => self.stop(here, c, rest, after, length),
            Mark::Pause if c == ';' && is_greek(here) => self.stop(here, '?', rest, after, length),
            Mark::Pause => match next {
                None => DEPENDS,
                Some(next) if next.is_whitespace() && self.may_pause(here, length) => ends(after),
                Some(_) => NO,
            },
            // "9：00".
            Mark::WidePause if here.ends_with(char::is_numeric) => match next {
                None => DEPENDS,
                Some(next) if !next.is_numeric() && self.may_pause(here, length) => ends(after),
                Some(_) => NO,
            },
            Mark::WidePause if self.may_pause(here, length) => ends(after),
            Mark::Space if length >= TOO_LONG => ends(after),
            Mark::Space if here.ends_with(words::is_south_east_asian) => match next {
                None => DEPENDS,
                Some(next)
                    if words::is_south_east_asian(next)
                        && (length >= PHRASE || self.is_clause(here, length)) =>
                {
                    ends(after)
                }
                Some(_) => NO,
            },
            _ if length >= ENDLESS || (length >= TOO_LONG && words::is_unspaced(c)) => {
                ends(words::cut(here))
            }
            _ => NO,
        }
    }

    /// Whether `here` may end at a comma.
    fn may_pause(&self, here: &str, length: usize) -> bool {
        length >= LONG || self.is_clause(here, length)
    }

    /// Whether `here` may leave as the first clause.
    fn is_clause(&self, here: &str, length: usize) -> bool {
        !self.begun && length >= CLAUSE && !is_enclosed(here) && words::count(here) >= CLAUSE_WORDS
    }

    /// Whether a sentence ends at a full stop or a similar mark.
    fn stop(&self, here: &str, c: char, rest: &str, after: usize, length: usize) -> Verdict {
        let closed = marks::closed(here, rest);
        let rest = &rest[closed..];
        let Some(next) = rest.chars().next() else {
            return DEPENDS;
        };
        if words::is_unspaced(next) {
            // Written without spaces: "你好!今天". A full stop in a Latin name belongs to the name.
            let is_end = match c {
                '!' | '?' => true,
                '…' => self.may_pause(here, length),
                _ => here.ends_with(words::is_unspaced),
            };
            return if is_end { ends(after + closed) } else { NO };
        }
        if !next.is_whitespace() {
            return NO;
        }
        let following = rest.trim_start();
        if rest[..rest.len() - following.len()].contains('\n') {
            return ends(after + closed);
        }
        // The whole next word is needed to recognise sentence starters; otherwise its first letter is enough.
        let Some(next) = following.chars().next() else {
            return DEPENDS;
        };
        if is_small(next) || (c == '.' && closed == 0 && is_list_number(here)) {
            return NO;
        }
        if c == '.' && closed == 0 {
            return self.full_stop(here, following, after);
        }
        ends(after + closed)
    }

    /// Decides about a full stop followed by white space and no lower-case letter.
    fn full_stop(&self, here: &str, following: &str, after: usize) -> Verdict {
        let writing = self.writing;
        let word = last_word(here);
        let small = word.to_lowercase();
        // "Hauptstr.", "Bestellnr."
        let small = ["str", "nr"]
            .into_iter()
            .find(|end| small.ends_with(end))
            .map_or(small.as_str(), |end| end);
        // "z. B." and "EE. UU." as "z.b" and "ee.uu".
        let spaced = with_letters_before(here, word);
        let is = |listed: fn(Writing, &str) -> bool| {
            listed(writing, small) || spaced.as_ref().is_some_and(|word| listed(writing, word))
        };
        if is(Writing::is_never_last) {
            return NO;
        }
        let before_number = following.starts_with(char::is_numeric);
        let is_date = is_ordinal(word) && writing.has_ordinals();
        if before_number && (is(Writing::is_before_number) || is_date) {
            return NO;
        }
        let initial = word.chars().count() == 1
            && word.chars().all(char::is_alphabetic)
            && !writing.is_pronoun(word);
        // "U.S", "p.m", "J.R.R".
        let dotted = small.contains('.')
            && small
                .split('.')
                .all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic));
        let is_short = initial || dotted || is(Writing::is_maybe_last);
        if is_short || (is_date && following.starts_with(char::is_alphabetic)) {
            return self.before_sentence(following, after);
        }
        ends(after)
    }

    /// Ends if the next word often begins a sentence.
    fn before_sentence(&self, following: &str, after: usize) -> Verdict {
        let is_letter = |c: char| c.is_alphanumeric() || "'’-".contains(c);
        let end = following.find(|c: char| !is_letter(c));
        let next = match end {
            Some(end) => following[..end].to_lowercase().replace('’', "'"),
            None if following.chars().count() < 16 => return DEPENDS,
            None => String::new(),
        };
        if self.writing.begins_sentences(&next) {
            ends(after)
        } else {
            NO
        }
    }
}

/// The last word, without opening marks.
fn last_word(here: &str) -> &str {
    let opens = |c: char| c.is_whitespace() || "([\"“„«»‘'*_".contains(c);
    here.rsplit(opens).next().unwrap_or_default()
}

/// The last word of `here` together with the short words before it that end with a full stop: "z.b" for "z. B".
/// `None` if there are no such words.
fn with_letters_before(here: &str, word: &str) -> Option<String> {
    let mut whole = word.to_lowercase();
    let mut before = here[..here.len() - word.len()].trim_end();
    for _ in 0..2 {
        let Some(rest) = before.strip_suffix('.') else {
            break;
        };
        let short = last_word(rest);
        if !(1..=2).contains(&short.chars().count()) {
            break;
        }
        whole = format!("{}.{whole}", short.to_lowercase());
        before = rest[..rest.len() - short.len()].trim_end();
    }
    (whole.len() > word.len()).then_some(whole)
}

/// "3", "21", "XIV": with a full stop possibly an ordinal ("third"). A year is not.
fn is_ordinal(word: &str) -> bool {
    let is_number = (1..=3).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let is_roman = (1..=5).contains(&word.len()) && word.chars().all(|c| "IVXLC".contains(c));
    is_number || is_roman
}

/// "1" at the beginning of a line, before its full stop.
fn is_list_number(here: &str) -> bool {
    let line = here
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim_start_matches([' ', '\t', '>']);
    (1..=3).contains(&line.len()) && line.bytes().all(|b| b.is_ascii_digit())
}

fn spoken(sentence: &str) -> Option<String> {
    let sentence = sentence.trim();
    words::has_any(sentence).then(|| sentence.to_owned())
}

#[cfg(test)]
mod tests;
