//! E-mail addresses, web addresses, and numbers of machines.

use regex::Captures;

use super::super::numbers::{digits, number};
use super::{Rule, rule};

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule(r"\b([\w.+-]+)@((?:[\w-]+\.)+[A-Za-z]{2,})\b", |c| {
            Some(format!("{} at {}", symbols(&c[1]), host(&c[2])))
        }),
        rule(r"\b(?i:https?|wss?|ftp)://([^\s/?#]+)([^\s]*)", url),
        rule(
            r"\b(?i:www\.)((?:[\w-]+\.)+[A-Za-z]{2,})([/?#][^\s]*)?",
            url,
        ),
        rule(
            r"\b((?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|ai|app|co|info|me|tv|uk|de|ch|at|fr|eu|ca|us|in|jp|au|nz|nl|es|it))(/[^\s]*)?(?:$|\b)",
            url,
        ),
        rule(r"\b(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\b", |c| {
            let parts: Vec<String> = (1..=4).map(|n| number(&c[n])).collect();
            Some(parts.join(" dot "))
        }),
    ]
}

fn url(found: &Captures<'_>) -> Option<String> {
    let path = found.get(2).map_or("", |path| path.as_str());
    let marks = path.len()
        - path
            .trim_end_matches(['.', ',', ';', ':', '!', '?', ')'])
            .len();
    let (path, marks) = path.split_at(path.len() - marks);
    let address = found[1].trim_start_matches("www.");
    let (address, more) = match address.trim_end_matches(['.', ',', '!', ')']) {
        trimmed if path.is_empty() => address.split_at(trimmed.len()),
        _ => (address, ""),
    };
    let mut said = host(address);
    // Longer paths say nothing to the ear.
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() <= 2
        && parts
            .iter()
            .all(|p| p.len() <= 20 && !p.contains(['?', '=', '%', '#']))
    {
        for part in parts {
            said += &format!(" slash {}", symbols(part));
        }
    }
    Some(said + more + marks)
}

fn host(address: &str) -> String {
    let (name, port) = address.split_once(':').unwrap_or((address, ""));
    let name: Vec<String> = name.split('.').map(symbols).collect();
    let port = if port.is_empty() {
        String::new()
    } else {
        format!(" port {}", number(port))
    };
    name.join(" dot ") + &port
}

/// "jane.doe-99" is "jane dot doe dash nine nine".
fn symbols(text: &str) -> String {
    let mut said = String::new();
    for c in text.chars() {
        match c {
            '.' => said += " dot ",
            '_' => said += " underscore ",
            '-' => said += " dash ",
            '+' => said += " plus ",
            '~' => said += " tilde ",
            '0'..='9' => said += &format!(" {} ", digits(&c.to_string())),
            _ => said.push(c),
        }
    }
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}
