//! Calls that a model writes into its text as JSON, without any mark before them.

use super::Found;
use super::tags::Marker;

/// The first key of a call, or of a list of calls.
const KEYS: [&str; 10] = [
    "name",
    "tool",
    "tool_name",
    "function",
    "function_call",
    "action",
    "type",
    "recipient_name",
    "tool_calls",
    "tool_uses",
];

/// Where JSON begins that may be a call, or a list of them.
pub(super) fn find(text: &str) -> Found {
    for (at, opener) in text.match_indices(['{', '[']) {
        let inside = text[at + 1..].trim_start();
        let object = match opener {
            "{" => inside,
            _ if inside.is_empty() => return Found::Maybe(at),
            _ => match inside.strip_prefix('{') {
                Some(object) => object.trim_start(),
                None => continue,
            },
        };
        if object.is_empty() {
            return Found::Maybe(at);
        }
        let Some(key) = object.strip_prefix('"') else {
            continue;
        };
        let is_known = |known: &&str| {
            let rest = key.strip_prefix(*known);
            rest.is_some_and(|rest| rest.starts_with('"'))
        };
        if KEYS.iter().any(is_known) {
            return Found::Marker(at, at, Marker::Json);
        }
        if KEYS.iter().any(|known| known.starts_with(key)) {
            return Found::Maybe(at);
        }
    }
    Found::Nothing
}
