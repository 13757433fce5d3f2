//! Dates, times of day, years and decades.

use regex::Captures;

use super::super::numbers::{cardinal, ordinal, plural, year};
use super::{Rule, rule};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// A month's name, whole or cut short.
const MONTH: &str = r"(Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|Aug(?:ust|\.)?|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)";

/// Times of machines, which look like codes too.
pub(super) fn stamps() -> Vec<Rule> {
    let time = r"(?:T(\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?";
    vec![
        rule(&format!(r"\b(\d{{4}})-(\d{{2}})-(\d{{2}}){time}\b"), iso),
        rule(r"\b(\d{1,2})-(\d{1,2})-(\d{4})\b", slashes),
        rule(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b", |c| {
            let (day, month) = (c[1].parse().ok()?, c[2].parse::<usize>().ok()?);
            let month = MONTHS.get(month.checked_sub(1)?)?;
            (1..=31)
                .contains(&day)
                .then(|| date(month, day, Some(&c[3])))
        }),
    ]
}

/// Half of the day, the full stop after it, and whether the text ends there.
const HALF: &str = r"([ap]\.?m)\b(\.?)(\s*$)?";

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule(r"\b(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})\b", slashes),
        rule(
            &format!(r"\b{MONTH} (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?\b"),
            |c| {
                Some(date(
                    month(&c[1])?,
                    c[2].parse().ok()?,
                    c.get(3).map(|y| y.as_str()),
                ))
            },
        ),
        rule(
            &format!(r"\b(\d{{1,2}})(?:st|nd|rd|th)? of {MONTH}(?:,? (\d{{4}}))?\b"),
            |c| {
                let day = ordinal(c[1].parse().ok()?);
                let year = c.get(3).and_then(|y| y.as_str().parse().ok()).map(year);
                let year = year.map(|year| format!(", {year}")).unwrap_or_default();
                Some(format!("{day} of {}{year}", month(&c[2])?))
            },
        ),
        rule(
            &format!(r"\b(\d{{1,2}})(?:st|nd|rd|th|\.)? {MONTH}(?:,? (\d{{4}}))?\b"),
            |c| {
                Some(date(
                    month(&c[2])?,
                    c[1].parse().ok()?,
                    c.get(3).map(|y| y.as_str()),
                ))
            },
        ),
        rule(&format!(r"\b{MONTH},? (\d{{4}})\b"), |c| {
            Some(format!("{} {}", month(&c[1])?, year(c[2].parse().ok()?)))
        }),
        rule(
            &format!(r"(?i)\b(\d{{1,2}}):([0-5]\d)(?::([0-5]\d))?\s?{HALF}"),
            |c| clock(c, &half(c, 4)),
        ),
        rule(
            &format!(r"(?i)\b(1[0-2]|0?[1-9])\s?[-–]\s?(1[0-2]|0?[1-9])\s?{HALF}"),
            |c| {
                let hour = |n| Some(cardinal(c.get(n)?.as_str().parse().ok()?));
                Some(format!("{} to {}{}", hour(1)?, hour(2)?, half(c, 3)))
            },
        ),
        rule(&format!(r"(?i)\b(1[0-2]|0?[1-9])\s?{HALF}"), |c| {
            Some(format!("{}{}", cardinal(c[1].parse().ok()?), half(c, 2)))
        }),
        rule(r"\b([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?\b", |c| {
            clock(c, "")
        }),
        rule(r"(?:\b|')((?:1[1-9]|20)?\d0)(?:'|)s\b", |c| {
            let n: u64 = c[1].parse().ok()?;
            let words = if n >= 1000 { year(n) } else { cardinal(n) };
            Some(plural(&words))
        }),
        rule(
            r"\b((?:1[5-9]|20)\d\d)\s?[-–—/]\s?((?:1[5-9]|20)\d\d)\b",
            |c| {
                Some(format!(
                    "{} to {}",
                    year(c[1].parse().ok()?),
                    year(c[2].parse().ok()?)
                ))
            },
        ),
    ]
}

/// A year on its own, when no unit or sign has claimed the number.
pub(super) fn lone_year() -> Rule {
    rule(
        r"(^|[^\d$€£¥#.,:+*/^-])((?:19|20)\d\d)($|[^\d,.%:°€£+*/^-]|[,.:]\s|[,.:]$)",
        |c| Some(format!("{}{}{}", &c[1], year(c[2].parse().ok()?), &c[3])),
    )
}

fn month(name: &str) -> Option<&'static str> {
    let short = name.get(..3)?;
    MONTHS.into_iter().find(|month| month.starts_with(short))
}

fn date(month: &str, day: u64, in_year: Option<&str>) -> String {
    let spoken = format!("{month} {}", ordinal(day));
    match in_year.and_then(|text| text.parse().ok()) {
        Some(n) => format!("{spoken}, {}", year(n)),
        None => spoken,
    }
}

fn iso(c: &Captures<'_>) -> Option<String> {
    let (month, day): (usize, u64) = (c[2].parse().ok()?, c[3].parse().ok()?);
    let name = MONTHS.get(month.checked_sub(1)?)?;
    let spoken = date(name, day, Some(&c[1]));
    match (c.get(4), c.get(5)) {
        (Some(hour), Some(minute)) => Some(format!(
            "{spoken}, at {}",
            time(hour.as_str(), minute.as_str())?
        )),
        _ => Some(spoken),
    }
}

/// Month first, as in the United States, unless that cannot be.
fn slashes(c: &Captures<'_>) -> Option<String> {
    let (a, b): (usize, usize) = (c[1].parse().ok()?, c[2].parse().ok()?);
    let (month, day) = if a > 12 { (b, a) } else { (a, b) };
    let name = MONTHS.get(month.checked_sub(1)?)?;
    let in_year = if c[3].len() == 2 {
        format!("20{}", &c[3])
    } else {
        c[3].to_owned()
    };
    (1..=31)
        .contains(&day)
        .then(|| date(name, day as u64, Some(&in_year)))
}

fn clock(c: &Captures<'_>, half: &str) -> Option<String> {
    let spoken = match (&c[1], &c[2], half) {
        ("12", "00", "") => "noon".to_owned(),
        ("00" | "0" | "24", "00", "") => "midnight".to_owned(),
        (hour, "00", half) if !half.is_empty() => cardinal(hour.parse().ok()?),
        (hour, minute, _) => time(hour, minute)?,
    };
    let seconds: Option<u64> = c.get(3).and_then(|text| text.as_str().parse().ok());
    let seconds = seconds
        .map(|n| format!(" and {} seconds", cardinal(n)))
        .unwrap_or_default();
    Some(format!("{spoken}{seconds}{half}"))
}

fn time(hour: &str, minute: &str) -> Option<String> {
    let (hour, minutes): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    Some(match minutes {
        0 if (1..=12).contains(&hour) => format!("{} o'clock", cardinal(hour)),
        0 => format!("{} hundred", cardinal(hour)),
        1..=9 => format!("{} oh {}", cardinal(hour), cardinal(minutes)),
        _ => format!("{} {}", cardinal(hour), cardinal(minutes)),
    })
}

/// From the groups of [`HALF`], of which `at` is the first. The full stop of "p.m." is its own,
/// unless the text ends there; that of "PM." is the sentence's.
fn half(c: &Captures<'_>, at: usize) -> String {
    let text = &c[at];
    let name = if text.starts_with(['a', 'A']) {
        "A M"
    } else {
        "P M"
    };
    let own = text.contains('.') && c.get(at + 2).is_none();
    format!(" {name}{}", if own { "" } else { &c[at + 1] })
}
