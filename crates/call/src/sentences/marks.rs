//! What marks mean, in every script.

use std::sync::LazyLock;

use regex::Regex;

use sidetone_turn::words;

/// What a character may be to a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Line,
    /// Ends a sentence whatever follows: `。`, `।`, `؟`.
    End,
    /// Ends a sentence where white space follows: `.`, `!`, `?`, `…`.
    Stop,
    /// A pause where white space follows: `,`.
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

/// Compiles the patterns, if that is still to be done.
pub(super) fn prepare() {
    is_terminal('。');
}

/// Bytes of the marks that close what the sentence's end closes: quotes, brackets, emphasis, marks
/// of direction, and further ends, as in "?!" and "...". Behind a mark without white space “ and «
/// close in German and Danish, but open after the mark of a script that has none.
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

/// As [`closers`], with the spaces that French has before a closing »: "« Non. »".
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

/// Whether a bracket is open: a clause does not end in there.
pub(super) fn is_enclosed(here: &str) -> bool {
    here.matches(['(', '[', '（', '［', '「', '『', '《', '〈', '【'])
        .count()
        > here
            .matches([')', ']', '）', '］', '」', '』', '》', '〉', '】'])
            .count()
}

/// Whether `c` is a small letter where capitals begin sentences. Georgian letters count as small
/// in Unicode, and have no capitals in running text.
pub(super) fn is_small(c: char) -> bool {
    c.is_lowercase() && !('\u{10d0}'..='\u{10ff}').contains(&c)
}

/// Whether the semicolon after `here` is the Greek question mark.
pub(super) fn is_greek(here: &str) -> bool {
    here.ends_with(|c: char| matches!(c, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}'))
}
