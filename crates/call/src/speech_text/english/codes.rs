//! Digits that are no quantity, one by one: numbers of telephones, cards, accounts, orders and
//! flights, codes.
//!
//! What makes them one is a name before them ("PIN 0815"), letters in them, or their grouping. Two
//! numbers that rise ("10-12", "2024-2026") are a range.

use regex::Captures;

use super::super::numbers::{cardinal, digits};
use super::{Rule, rule};

/// Numbers after these are no quantities.
const NAMES: &str = "ssn|social security|pin|code|passcode|password|otp|isbn|issn|ean|upc|iban|swift\
    |bic|zip|postcode|sku|vin|imei|id|ref|reference|confirmation|serial|routing|account|acct|ext\
    |extension|flight|tracking|policy|licen[cs]e|plate|passport|phone|telephone|tel|fax|mobile\
    |hotline|voucher|coupon|dial|digits?|cvv|cvc|ein";
/// So do the last digits of a card begin; a year may follow, too.
const ENDINGS: &str = "ends (?:in|with)|ending(?: in| with)?";
/// These may be counted, or are verbs: only longer numbers, and not round ones, are names.
const PERHAPS_NAMES: &str = "order|booking|reservation|case|ticket|invoice|part|model|card|member\
    |customer|claim|item|article|number|bill|request|contract|file|text";
/// So many digits they have at least.
const PERHAPS: usize = 4;
/// After these words a number was a quantity.
const COUNTED: &[&str] = &[
    "digit",
    "digits",
    "character",
    "characters",
    "letters",
    "times",
    "minute",
    "minutes",
    "hour",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "people",
    "dollar",
    "dollars",
    "euro",
    "euros",
    "pounds",
    "percent",
    "million",
    "thousand",
    "billion",
    "hundred",
    "am",
    "pm",
    "a",
    "p",
    "miles",
    "km",
    "of",
    "more",
    "items",
    "units",
    "pieces",
    "points",
];
/// Words that go on after a number that was told.
const AFTER_NUMBER: &[&str] = &[
    "and", "or", "but", "please", "for", "if", "so", "to", "now", "when", "with", "on", "at", "in",
    "from", "is", "was", "then",
];
/// Airlines by code, save those that are words, states or units, too.
const AIRLINES: &str = "AA|AF|AY|AZ|BA|CX|CZ|DL|EI|EK|ET|EW|EY|FR|IB|JL|KE|KL|LH|LO|LX|LY|MH|MU|NH\
    |NZ|OZ|QF|QR|SK|SN|SQ|TG|TK|TP|UA|VN|VS|VY|WN|B6|W6|4U";
/// The United States by code.
const STATES: &str = "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]\
    |O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]";
const CURRENCIES: &[&str] = &["USD", "EUR", "GBP", "CHF", "CAD", "AUD", "JPY"];

pub(super) fn rules() -> Vec<Rule> {
    let name = r"(?:\.|'s|s)?(?:[ -](?:number|code|no\.?|id|card))?";
    let code = r"[A-Za-z]{0,4}-?\d[\dA-Z]*(?:-[\dA-Z]+| \d{2,})*";
    let named = |names: &str| {
        format!(
            r"(?i:\b({names}){name}(?:[\s:=#]|\b(?:is|was|are)\b)*[\s:=#])({code})($|[.,:;!?)](?:\s|$)|\s+[A-Za-z]*)"
        )
    };
    vec![
        rule(
            r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
            iban,
        ),
        // 1 000 000.
        rule(r"\b(\d{1,3}(?: \d{3})*(?: 000)+)\b", |c| {
            Some(c[1].replace(' ', ""))
        }),
        rule(&format!("({})", named(ENDINGS)), |c| {
            (!is_year(&c[3])).then(|| told(c, 3)).flatten()
        }),
        rule(&format!("({})", named(NAMES)), |c| told(c, 1)),
        rule(&format!("({})", named(PERHAPS_NAMES)), |c| told(c, PERHAPS)),
        rule(
            r"(?i)\b((?:call|text|ring)(?: us| me)?(?: at| on)? |text \w+ to )(\d{3,6}|\d{3} \d{4})($|[.,;:!?)](?:\s|$)| (?:now|if|for|or|to|and)\b)",
            |c| Some(format!("{}{}{}", &c[1], groups(&c[2]), &c[3])),
        ),
        rule(r"#\s?([A-Z]{0,4}-?\d[\dA-Z]*(?:-[\dA-Z]+)*)\b", |c| {
            let is_small = c[1].len() < 4 && c[1].bytes().all(|b| b.is_ascii_digit());
            (!is_small || c[1].starts_with('0')).then(|| format!("number {}", groups(&c[1])))
        }),
        // +1 (555) 123-4567, +49 30 123456, 0041 44 123 45 67.
        rule(
            r"(?:\+|\b00)\d{1,4}(?:[ ./-]{0,2}\(?\d{1,10}\)?){1,6}\b",
            |c| {
                let count = c[0].bytes().filter(u8::is_ascii_digit).count();
                (7..=15).contains(&count).then(|| telephone(&c[0]))
            },
        ),
        // 1-800-555-0199, (555) 123-4567, 555.123.4567.
        rule(
            r"(?:\b1[ .-])?(?:\(\d{3}\)\s?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b",
            |c| Some(telephone(&c[0])),
        ),
        rule(r"\(0\d{1,4}\)\s?\d{2,}(?:[ -]?\d{2,})*\b", |c| {
            Some(telephone(&c[0]))
        }),
        rule(r"\b(\d{3})-(\d{4})([^\d-]|$)", |c| {
            let are_round = c[1].ends_with('0') && c[2].ends_with("00") && !c[2].starts_with('0');
            (!are_round).then(|| format!("{}, {}{}", digits(&c[1]), digits(&c[2]), &c[3]))
        }),
        rule(r"\b0\d{2,4}[ /-]\d{3,}(?:[ -]?\d{2,})*\b", |c| {
            Some(telephone(&c[0]))
        }),
        // 123-45-6789, 978-3-16-148410-0.
        rule(r"\b\d+(?:-\d+){2,}(?:-X)?\b", |c| Some(groups(&c[0]))),
        rule(r"(^|[^\w.,$€£¥₹-])(\d+)-(\d+)($|[^\w%°-])", pair),
        // Cards and accounts; not 10 000 000.
        rule(r"\b\d{2,6}(?: \d{2,6}){2,}\b", |c| {
            (!c[0].ends_with(" 000")).then(|| groups(&c[0]))
        }),
        rule(r"\b[A-Z0-9]+(?:[-/][A-Z0-9]+)+\b", lettered),
        rule(&format!(r"\b({AIRLINES}) (\d{{2,4}})\b"), |c| {
            Some(groups(&format!("{}{}", &c[1], &c[2])))
        }),
        rule(&format!(r"\b({STATES}) (\d{{5}}(?:-\d{{4}})?)\b"), |c| {
            Some(format!("{} {}", spelled(&c[1]), groups(&c[2])))
        }),
        rule(r"\b([A-Z]{1,4})(\d{3,})\b", |c| {
            (!CURRENCIES.contains(&&c[1]) && !is_year(&c[2])).then(|| spelled(&c[0]))
        }),
        // Codes of capitals and digits, such as a booking's.
        rule(r"\b[A-Z0-9]*(?:[A-Z]\d+[A-Z]|\d[A-Z]+\d)[A-Z0-9]*\b", |c| {
            Some(spelled(&c[0]))
        }),
    ]
}

/// A number after its name, if it has so many digits and nothing says that it counts.
fn told(c: &Captures<'_>, least: usize) -> Option<String> {
    let (all, code, tail) = (&c[1], &c[3], &c[4]);
    let count = code.bytes().filter(u8::is_ascii_digit).count();
    let is_round = code.ends_with("00") && !code.starts_with('0');
    if count < least || (least == PERHAPS && (is_round || is_year(code))) {
        return None;
    }
    let next = tail.trim().to_lowercase();
    let is_word = next.starts_with(|c: char| c.is_ascii_alphabetic());
    if is_word && COUNTED.contains(&next.as_str()) {
        return None;
    }
    let before = &all[..all.len() - tail.len() - code.len()];
    let is_said = before
        .split_whitespace()
        .any(|word| ["is", "was", "are"].contains(&word));
    if is_said && is_word && !AFTER_NUMBER.contains(&next.as_str()) {
        return None;
    }
    let name = before.trim_end_matches([' ', '#', '=']);
    let number = if before.contains('#') { " number" } else { "" };
    Some(format!("{name}{number} {}{tail}", groups(code)))
}

/// Two numbers: digits where one begins with a needless zero, or where they fall and are no years.
fn pair(c: &Captures<'_>) -> Option<String> {
    let (first, second) = (&c[2], &c[3]);
    let is_padded = |text: &str| text.len() > 2 && text.starts_with('0');
    let falls = match (first.parse::<u64>(), second.parse::<u64>()) {
        (Ok(first), Ok(second)) => first >= 100 && second < first,
        _ => true,
    };
    // An employer's number, 12-3456789: nobody counts up to so much from so little.
    let is_long = second.len() >= first.len() + 4 && !second.ends_with("000");
    let is_code = is_padded(first) || is_padded(second) || is_long || (falls && !is_year(first));
    is_code.then(|| format!("{}{}, {}{}", &c[1], digits(first), digits(second), &c[4]))
}

/// "A-1234-77", "ISO-9001"; not "COVID-19" or "Q1/2024".
fn lettered(c: &Captures<'_>) -> Option<String> {
    let parts: Vec<&str> = c[0].split(['-', '/']).collect();
    let is_number = |part: &&&str| part.bytes().all(|b| b.is_ascii_digit());
    let has_letters = parts.iter().any(|part| !is_number(&part));
    let has_digits = c[0].bytes().any(|b| b.is_ascii_digit());
    let are_short = parts
        .iter()
        .filter(|part| !is_number(part))
        .all(|part| part.len() <= 5);
    let long = |part: &&str| is_number(&part) && part.len() >= 3 && !is_year(part);
    let first_has_letters = parts.first().is_some_and(|part| !is_number(&part));
    let is_code = match parts.len() {
        2 => first_has_letters && long(&parts[1]),
        _ => parts.iter().any(|part| is_number(&part) && part.len() >= 2),
    };
    (has_letters && has_digits && are_short && is_code).then(|| groups(&c[0]))
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && (text.starts_with("19") || text.starts_with("20"))
}

fn iban(c: &Captures<'_>) -> Option<String> {
    let signs: Vec<char> = c[0].chars().filter(char::is_ascii_alphanumeric).collect();
    let count = signs.iter().filter(|c| c.is_ascii_digit()).count();
    let fours = signs
        .chunks(4)
        .map(|four| spelled(&four.iter().collect::<String>()));
    (count >= 10).then(|| fours.collect::<Vec<_>>().join(", "))
}

/// Sign by sign, a pause after each group.
fn groups(code: &str) -> String {
    let groups = code.split(|c: char| !c.is_ascii_alphanumeric());
    let groups = groups.filter(|group| !group.is_empty()).map(spelled);
    groups.collect::<Vec<_>>().join(", ")
}

/// As [`groups`], with 800 as people say it.
fn telephone(text: &str) -> String {
    let groups = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|group| !group.is_empty());
    let groups: Vec<String> = groups
        .map(|group| match group {
            "800" | "900" => cardinal(group.parse().unwrap_or_default()),
            _ => digits(group),
        })
        .collect();
    let plus = if text.starts_with('+') { "plus " } else { "" };
    format!("{plus}{}", groups.join(", "))
}

fn spelled(code: &str) -> String {
    let signs: Vec<String> = code
        .chars()
        .map(|c| {
            if c.is_ascii_digit() {
                digits(&c.to_string())
            } else {
                c.to_string()
            }
        })
        .collect();
    signs.join(" ")
}
