//! Says addresses, dates, money, measures, abbreviations and signs in English words.
//!
//! A list of rules, each a pattern and what is said for it, goes over the text in order: what is
//! more particular comes first (a date before a number), and what is said contains no more
//! digits, so that later rules pass over it.

mod abbreviations;
mod addresses;
mod codes;
mod quantities;
pub(super) mod sign;
mod times;

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A pattern, and what is said for what it finds; `None` leaves that as it is.
struct Rule {
    pattern: Regex,
    say: fn(&Captures<'_>) -> Option<String>,
}

fn rule(pattern: &str, say: fn(&Captures<'_>) -> Option<String>) -> Rule {
    Rule {
        pattern: Regex::new(pattern).expect("a constant pattern that the tests compile"),
        say,
    }
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let groups = [
        times::stamps(),
        addresses::rules(),
        codes::rules(),
        times::rules(),
        quantities::rules(),
        abbreviations::rules(),
        signs(),
    ];
    groups.into_iter().flatten().collect()
});

/// Compiles the patterns, if that is still to be done.
pub(super) fn prepare() {
    LazyLock::force(&RULES);
    abbreviations::prepare();
}

/// The text in words.
pub(super) fn spoken(text: &str) -> String {
    let text = text
        .replace(['‘', '’'], "'")
        .replace(['“', '”', '„', '«', '»', '"'], "");
    RULES.iter().fold(text, |text, Rule { pattern, say }| {
        let say = |found: &Captures<'_>| say(found).unwrap_or_else(|| found[0].to_owned());
        pattern.replace_all(&text, say).into_owned()
    })
}

/// Signs that are left when all else is said.
fn signs() -> Vec<Rule> {
    vec![
        rule(r"\s*&\s*", |_| Some(" and ".into())),
        rule(r"\s*(?:→|⇒|->|=>)\s*", |_| Some(" to ".into())),
        rule(r"\s*(?:≤|<=)\s*", |_| Some(" at most ".into())),
        rule(r"\s*(?:≥|>=)\s*", |_| Some(" at least ".into())),
        rule(r"\s*≠\s*", |_| Some(" is not equal to ".into())),
        rule(r"\s*≈\s*", |_| Some(" about ".into())),
        rule(r"\s*[=]\s*", |_| Some(" equals ".into())),
        rule(r"\s+\+\s+", |_| Some(" plus ".into())),
        rule(r"(\w)\+(\w)", |c| Some(format!("{} plus {}", &c[1], &c[2]))),
        rule(r"(\w)\s*[×✕]\s*(\w)", |c| {
            Some(format!("{} times {}", &c[1], &c[2]))
        }),
        rule(r"\s*÷\s*", |_| Some(" divided by ".into())),
        rule(r"@(\w)", |c| Some(format!("at {}", &c[1]))),
        rule(r"#(\w)", |c| Some(format!("hashtag {}", &c[1]))),
        rule(
            r"(?i)\b(he|his|him|yes|and|either|true|on)/(she|hers?|no|or|neither|false|off)\b",
            |c| {
                let either = c[1].eq_ignore_ascii_case("and");
                Some(format!(
                    "{}{}{}",
                    &c[1],
                    if either { " " } else { " or " },
                    &c[2]
                ))
            },
        ),
        rule(r"(\w)\s*/\s*(\w)", |c| Some(format!("{} {}", &c[1], &c[2]))),
        // A dash between words is a pause; a hyphen within one is not said.
        rule(r"\s*[–—―]\s*|\s+--?\s+", |_| Some(", ".into())),
        rule(r"(?:…|\.{2,})\s*$", |_| Some(".".into())),
        rule(r"…|\.{2,}", |_| Some(", ".into())),
        rule(r"\s*[(\[{]\s*", |_| Some(", ".into())),
        rule(r"\s*[)\]}]([.,;:!?]|$)", |c| Some(c[1].to_owned())),
        rule(r"\s*[)\]}]\s*", |_| Some(", ".into())),
        rule(r"[*_|~^<>\\#@+§]+", |_| Some(" ".into())),
    ]
}
