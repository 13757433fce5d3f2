//! Makes a provider's own message safe for the log and the record: it says what is wrong, and may repeat the key or
//! what was said in the call. PURE.
//!
//! Keys are removed. Any four consecutive words of the request are replaced by "…", whatever their case, punctuation
//! and escaping: fewer than four are more often the name of a field or model than a caller's sentence. In scripts
//! without spaces each character counts as a word.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::Value;

/// Most characters that are kept.
const LIMIT: usize = 300;
/// Most bytes that are looked at.
const READ: usize = 8 << 10;
/// This many consecutive words of the request are not repeated.
const RUN: usize = 4;
/// This many consecutive characters of a key are not shown.
const FRAGMENT: usize = 8;

/// Fields with what was said, and with what an operator wrote.
const SPOKEN: [&str; 6] = [
    "messages",
    "input",
    "prompt",
    "keywords",
    "keywords[]",
    "instructions",
];
/// Words of the request's JSON that a provider may repeat between them.
const BETWEEN: [&str; 9] = [
    "role",
    "content",
    "user",
    "system",
    "assistant",
    "tool",
    "type",
    "text",
    "input",
];
/// Keys between the texts of a conversation.
const UNSPOKEN: [&str; 6] = ["role", "type", "id", "call_id", "tool_call_id", "name"];

/// `message` without `secrets`, and without the contents of `request`.
pub(super) fn said(message: &str, secrets: &[&str], request: &Value) -> String {
    let end = (0..=READ.min(message.len()))
        .rev()
        .find(|at| message.is_char_boundary(*at))
        .unwrap_or(0);
    let message = flat(&message[..end]);
    let message = without_keys(&message, secrets);
    let message = without_words(&message, request);
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if message.chars().count() <= LIMIT {
        return message;
    }
    let kept: String = message.chars().take(LIMIT - 1).collect();
    kept + "…"
}

/// In one line, with escapes resolved and without invisible characters.
fn flat(text: &str) -> String {
    let mut text = text.to_owned();
    // JSON in JSON in JSON.
    for _ in 0..3 {
        text = unescaped(&text);
    }
    let unseen = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    text.chars()
        .filter(|c| !unseen(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Resolves JSON's escapes, the most common HTML entities, and percent-encoding.
fn unescaped(text: &str) -> String {
    let entities = [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&apos;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
        ("%20", " "),
        ("%0A", " "),
        ("%22", "\""),
        ("%2C", ","),
    ];
    let mut text = text.to_owned();
    for (from, to) in entities {
        text = text.replace(from, to);
    }
    let mut out = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let after = rest.as_str();
        let unit = after.strip_prefix('u').and_then(|hex| hex.get(..4));
        let unit = unit.and_then(|hex| u16::from_str_radix(hex, 16).ok());
        if c == '\\'
            && let Some(unit) = unit
        {
            units.push(unit);
            rest = after[5..].chars();
            continue;
        }
        // Characters beyond 16 bits come as two escapes.
        out.push_str(&String::from_utf16_lossy(&std::mem::take(&mut units)));
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n' | 'r' | 't' | 'b' | 'f') => out.push(' '),
            Some(escaped @ ('"' | '\\' | '/' | '\'')) => out.push(escaped),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out.push_str(&String::from_utf16_lossy(&units));
    out
}

fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_*.…•+/=~".contains(c)
}

fn without_keys(text: &str, secrets: &[&str]) -> String {
    let mut cut: Vec<Range<usize>> = Vec::new();
    for secret in secrets {
        let starts: Vec<usize> = secret.char_indices().map(|(at, _)| at).collect();
        for window in starts.windows(FRAGMENT) {
            let begin = window[0];
            let end = secret[window[FRAGMENT - 1]..]
                .chars()
                .next()
                .map_or(secret.len(), |c| window[FRAGMENT - 1] + c.len_utf8());
            let fragment = &secret[begin..end];
            let found = text.match_indices(fragment);
            cut.extend(found.map(|(at, _)| at..at + fragment.len()));
        }
        // Shorter keys are matched as a whole.
        if starts.len() < FRAGMENT && starts.len() >= 4 {
            let found = text.match_indices(*secret);
            cut.extend(found.map(|(at, _)| at..at + secret.len()));
        }
    }
    let lower = text.to_ascii_lowercase();
    for prefix in [
        "sk-", "sk_", "pk-", "rk-", "gsk_", "xai-", "hf_", "key-", "aiza", "nvapi-",
    ] {
        for (at, _) in lower.match_indices(prefix) {
            let begins = !lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let end = end_of_key(text, at);
            if begins && end - at > prefix.len() + 2 {
                cut.push(at..end);
            }
        }
    }
    for word in [
        "bearer ",
        "api-key: ",
        "api_key=",
        "apikey=",
        "api-key=",
        "basic ",
    ] {
        for (at, _) in lower.match_indices(word) {
            let begin = at + word.len();
            let end = end_of_key(text, begin);
            // "Bearer authentication is missing" contains no key.
            if end - begin >= FRAGMENT && text[begin..end].contains(|c: char| !c.is_alphabetic()) {
                cut.push(begin..end);
            }
        }
    }
    replaced(text, cut)
}

fn end_of_key(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let length = rest.find(|c: char| !is_of_key(c)).unwrap_or(rest.len());
    from + rest[..length].trim_end_matches('.').len()
}

fn without_words(text: &str, request: &Value) -> String {
    let mut all = Vec::new();
    let spoken = SPOKEN.iter().filter_map(|name| request.get(*name));
    spoken.for_each(|part| strings(part, &mut all));
    let (asked, said) = (words(&flat(&all.join(" "))), words(text));
    // As it is, and without the JSON words between a conversation's texts.
    let bare = |words: &[Word]| -> Vec<Word> {
        let kept = words
            .iter()
            .filter(|word| !BETWEEN.contains(&word.0.as_str()));
        kept.cloned().collect()
    };
    let mut cut = Vec::new();
    for (asked, said) in [(bare(&asked), bare(&said)), (asked, said)] {
        let runs: HashSet<&[Word]> = asked.windows(RUN).collect();
        let repeated = said.windows(RUN).filter(|run| runs.contains(run));
        cut.extend(repeated.map(|run| run[0].1.start..run[RUN - 1].1.end));
    }
    replaced(text, cut)
}

/// A word in lower case, and its position. Equal if the letters are.
#[derive(Debug, Clone)]
struct Word(String, Range<usize>);

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Word {}

impl std::hash::Hash for Word {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Runs of letters and digits; in scripts without spaces, each character by itself.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if !c.is_alphanumeric() {
            open = false;
            continue;
        }
        let alone = is_without_spaces(c);
        match words.last_mut().filter(|_| open && !alone) {
            Some(Word(word, place)) => {
                word.extend(c.to_lowercase());
                place.end = end;
            }
            None => words.push(Word(c.to_lowercase().collect(), at..end)),
        }
        open = !alone;
    }
    words
}

fn is_without_spaces(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn strings<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(all) => all.iter().for_each(|one| strings(one, into)),
        Value::Object(all) => {
            let said = all
                .iter()
                .filter(|(name, _)| !UNSPOKEN.contains(&name.as_str()));
            said.for_each(|(_, one)| strings(one, into));
        }
        _ => {}
    }
}

/// `text` with a mark in place of each stretch; adjacent ones share a mark.
fn replaced(text: &str, mut cut: Vec<Range<usize>>) -> String {
    cut.sort_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    let mut done = None;
    for range in cut {
        if done.is_none_or(|done| range.start > done) {
            out.push_str(&text[done.unwrap_or(0)..range.start]);
            out.push('…');
        }
        done = done.max(Some(range.end));
    }
    out.push_str(&text[done.unwrap_or(0)..]);
    out
}

#[cfg(test)]
mod tests;
