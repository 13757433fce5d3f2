//! Words that are written short.

use std::sync::LazyLock;

use regex::Regex;

use super::{Rule, rule};

/// Spelled letter by letter although a vowel would let them be read as a word.
const SPELLED: &[&str] = &[
    "ABC", "AC", "AI", "API", "ATM", "AWS", "BBC", "CEO", "CFO", "CIA", "COO", "CPU", "CTO", "DC",
    "DIY", "DOB", "ETA", "EU", "EV", "FAQ", "FBI", "FYI", "GPU", "HIV", "HR", "HTML", "IBM", "ID",
    "IDE", "IP", "IQ", "ISBN", "ISP", "IRS", "IVR", "LA", "LED", "LLC", "MBA", "NBA", "OS", "PA",
    "PIN", "POS", "QA", "QR", "RFID", "RSVP", "SEO", "SIP", "SLA", "SUV", "UAE", "UI", "UK", "UN",
    "UPS", "URL", "US", "USA", "USB", "UX", "VAT", "VIP", "VOIP", "XML", "IOS", "EDT", "EST",
    "UTC", "IT",
];
/// Read as words although they look like letters.
const READ: &[&str] = &["PSST", "SHH", "HMM", "MM", "MMM", "TSK", "BRR"];

/// Written form, with its full stop where it has one, and spoken form.
const WORDS: &[(&str, &str)] = &[
    (r"Dr\.", "Doctor"),
    (r"Mr\.", "Mister"),
    (r"Mrs\.", "Missus"),
    (r"Ms\.", "Miz"),
    (r"Prof\.", "Professor"),
    (r"Rev\.", "Reverend"),
    (r"Gen\.", "General"),
    (r"Sgt\.", "Sergeant"),
    (r"Capt\.", "Captain"),
    (r"Lt\.", "Lieutenant"),
    (r"Gov\.", "Governor"),
    (r"Sen\.", "Senator"),
    (r"Jr\.", "Junior"),
    (r"Sr\.", "Senior"),
    (r"Inc\.", "Incorporated"),
    (r"Ltd\.", "Limited"),
    (r"Corp\.", "Corporation"),
    (r"Ave\.", "Avenue"),
    (r"Blvd\.", "Boulevard"),
    (r"Rd\.", "Road"),
    (r"Mt\.", "Mount"),
    (r"Apt\.", "apartment"),
    (r"apt\.", "apartment"),
    (r"[Dd]ept\.", "department"),
    (r"[Aa]pprox\.", "approximately"),
    (r"[Ee]st\.", "established"),
    (r"[Mm]ax\.", "maximum"),
    (r"[Mm]in\.", "minimum"),
    (r"[Ee]xt\.", "extension"),
    (r"[Ff]ig\.", "figure"),
    (r"[Vv]ol\.", "volume"),
    (r"[Tt]el\.", "telephone"),
    (r"vs\.?", "versus"),
    (r"e\.g\.,?", "for example,"),
    (r"E\.g\.,?", "For example,"),
    (r"i\.e\.,?", "that is,"),
    (r"I\.e\.,?", "That is,"),
    (r"et al\.", "and others"),
    (r"a\.k\.a\.|aka", "also known as"),
    (r"w/o", "without"),
    (r"N/A|n/a", "not applicable"),
    (r"Mon\.", "Monday"),
    (r"Tues?\.", "Tuesday"),
    (r"Wed\.", "Wednesday"),
    (r"Thu(?:rs?)?\.", "Thursday"),
    (r"Fri\.", "Friday"),
    (r"Jan\.", "January"),
    (r"Feb\.", "February"),
    (r"Aug\.", "August"),
    (r"Sept?\.", "September"),
    (r"Oct\.", "October"),
    (r"Nov\.", "November"),
    (r"Dec\.", "December"),
];

pub(super) fn rules() -> Vec<Rule> {
    // A full stop that also ends the sentence is not lost.
    let words = WORDS
        .iter()
        .map(|(written, _)| format!("(?:{written})"))
        .collect::<Vec<_>>();
    vec![
        rule(r"\betc\.?(\s*$|\s+[A-Z])", |c| {
            Some(format!("et cetera.{}", &c[1]))
        }),
        rule(r"\betc\b\.?", |_| Some("et cetera".into())),
        rule(r"\bSt\.\s+([A-Z])", |c| Some(format!("Saint {}", &c[1]))),
        rule(r"\bSt\.(\s*$)?", |c| {
            Some(format!("Street{}", end(c.get(1).is_some())))
        }),
        rule(r"\bw/\s?(\w)", |c| {
            if &c[1] == "o" {
                None
            } else {
                Some(format!("with {}", &c[1]))
            }
        }),
        rule(&format!(r"\b({})(\s*$)?", words.join("|")), |c| {
            let spoken = spoken(&c[1])?;
            let ended = c.get(2).is_some() && c[1].ends_with('.') && !spoken.ends_with(',');
            Some(format!("{spoken}{}", end(ended)))
        }),
        // U.S., D.C., Ph.D.
        rule(r"\bPh\.?D\b\.?", |_| Some("P H D".into())),
        rule(r"\b([A-Z])\.([A-Z])\.(?:([A-Z])\.)?(\s*$)?", |c| {
            let third = c
                .get(3)
                .map(|letter| format!(" {}", letter.as_str()))
                .unwrap_or_default();
            Some(format!(
                "{} {}{third}{}",
                &c[1],
                &c[2],
                end(c.get(4).is_some())
            ))
        }),
        rule(r"\b([A-Z][A-Z]{1,5})('?s)?\b", |c| {
            let word = &c[1];
            let consonants = !word.contains(['A', 'E', 'I', 'O', 'U', 'Y']);
            let spell = SPELLED.contains(&word) || (consonants && !READ.contains(&word));
            let letters: Vec<String> = word.chars().map(String::from).collect();
            let plural = c.get(2).map_or("", |_| "'s");
            spell.then(|| letters.join(" ") + plural)
        }),
    ]
}

fn end(ended: bool) -> &'static str {
    if ended { "." } else { "" }
}

/// Compiles the patterns, if that is still to be done.
pub(super) fn prepare() {
    LazyLock::force(&PATTERNS);
}

static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let whole = |written: &str| Regex::new(&format!("^(?:{written})$"));
    WORDS
        .iter()
        .map(|(written, spoken)| {
            (
                whole(written).expect("a constant pattern that the tests compile"),
                *spoken,
            )
        })
        .collect()
});

fn spoken(word: &str) -> Option<&'static str> {
    PATTERNS
        .iter()
        .find(|(pattern, _)| pattern.is_match(word))
        .map(|(_, spoken)| *spoken)
}
