//! The meaning of punctuation marks, in every script.

use std::sync::LazyLock;

use regex::Regex;

use sidetone_turn::words;

/// The role of a character in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Line,
    /// Ends a sentence whatever follows: `。`, `।`, `؟`.
    End,
    /// Ends a sentence before white space: `.`, `!`, `?`, `…`.
    Stop,
    /// A pause before white space: `,`.
    Pause,
    /// A pause whatever follows: `，`.
    WidePause,
    Space,
    Other,
}

impl Mark {
    pub(super) fn of(c: char) -> Self {
        match c {
            '\n' => Self::Line,
            '.' | '!' | '?' | '…' | '．' => Self::Stop,
            ',' | ';' | ':' | '–' | '—' | '،' | '؛' | '՝' | '፣' | '፤' | '፥' | '᠂' => {
                Self::Pause
            }
            '，' | '、' | '；' | '：' | '､' => Self::WidePause,
            _ if c.is_whitespace() => Self::Space,
            _ if c.is_ascii() || c.is_alphanumeric() => Self::Other,
            _ if is_terminal(c) => Self::End,
            _ => Self::Other,
        }
    }
}

/// Whether `c` ends sentences in some script (UAX #29, `Sentence_Break=STerm`), or is the Tibetan
/// shad, which ends clauses and sentences alike.
fn is_terminal(c: char) -> bool {
    static TERMINAL: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[\p{sb=STerm}།༎]$").expect("a constant pattern"));
    let mut utf8 = [0; 4];
    TERMINAL.is_match(c.encode_utf8(&mut utf8))
}

/// Compiles the patterns, if they are not compiled yet.
pub(super) fn prepare() {
    is_terminal('。');
}

/// The length in bytes of the marks that close a sentence together with its end: quotes, brackets, emphasis,
/// direction marks, and further end marks, as in "?!" and "...". After a mark without white space, “ and « close in
/// German and Danish, but open in a script that has no spaces.
pub(super) fn closers(text: &str, is_wide: bool) -> usize {
    let closes = |c: char| match c {
        '“' | '‘' | '«' | '‹' => !is_wide,
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2066}'..='\u{2069}' => true,
        _ if ".!?…\"'”’»›)]}*_`~）］｝｠」』】〕〗〙〉》〞〟＂＇｣".contains(c) => {
            true
        }
        _ => Mark::of(c) == Mark::End,
    };
    text.find(|c: char| !closes(c)).unwrap_or(text.len())
}

/// Like [`closers`], with the space that French puts before a closing »: "« Non. »".
pub(super) fn closed(here: &str, rest: &str) -> usize {
    let closed = closers(rest, here.ends_with(words::is_unspaced));
    let spaced = rest[closed..].trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let is_open = here.matches('«').count() > here.matches('»').count();
    if is_open && spaced.starts_with('»') {
        rest.len() - spaced.len() + closers(spaced, false)
    } else {
        closed
    }
}

/// Whether a bracket is open: a clause does not end inside one.
pub(super) fn is_enclosed(here: &str) -> bool {
    here.matches(['(', '[', '（', '［', '「', '『', '《', '〈', '【'])
        .count()
        > here
            .matches([')', ']', '）', '］', '」', '』', '》', '〉', '】'])
            .count()
}

/// Whether `c` is a lower-case letter in a script where capitals begin sentences. Georgian letters count as lower
/// case in Unicode, but have no capitals in running text.
pub(super) fn is_small(c: char) -> bool {
    c.is_lowercase() && !('\u{10d0}'..='\u{10ff}').contains(&c)
}

/// Whether the semicolon after `here` is the Greek question mark.
pub(super) fn is_greek(here: &str) -> bool {
    here.ends_with(|c: char| matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}'))
}
