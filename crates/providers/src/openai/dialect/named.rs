//! Finds the fields of a request that its refusal names.

use serde_json::Value;

use super::super::refusal::Refusal;

/// Fields that the protocol's objects cannot do without.
const ESSENTIAL: [&str; 11] = [
    "role",
    "content",
    "type",
    "function",
    "name",
    "arguments",
    "parameters",
    "tool_calls",
    "model",
    "text",
    "call_id",
];
/// Fields that a provider may demand although they were not sent.
const MISSED: [&str; 1] = ["reasoning_effort"];
/// How deep nested objects and lists are searched.
const DEPTH: usize = 6;

/// The paths of the named fields that can be left out, most certain first: those that the body points to, then those
/// mentioned in its message.
pub(super) fn fields(refusal: &Refusal, fields: &Value, needed: &[&str]) -> Vec<String> {
    let mut known = Vec::new();
    paths(fields, "", 0, needed, &mut known);
    let message = refusal.message.to_lowercase();
    let mut named: Vec<String> = Vec::new();
    for path in &refusal.paths {
        // `tools.*.function.strict` and its parents, `stream_options.include_usage` and `stream_options`; a form's list
        // has brackets that an error leaves out.
        let is_it = |known: &&(String, String)| {
            known.0.trim_end_matches("[]") == path.trim_end_matches("[]")
        };
        let found = known.iter().filter(is_it).map(|(path, _)| path.clone());
        named.extend(found);
        let parent = known.iter().filter(|(known, _)| {
            path.strip_prefix(known.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
        });
        named.extend(parent.map(|(path, _)| path.clone()));
    }
    let mut said: Vec<(usize, String)> = Vec::new();
    for (path, value) in &known {
        let name = path
            .rsplit('.')
            .next()
            .unwrap_or(path)
            .trim_end_matches("[]");
        let by_name = position(&message, name);
        // "response_format 'verbose_json' is not compatible": a value that is not an ordinary word.
        let by_value = value
            .contains('_')
            .then(|| position(&message, value))
            .flatten();
        said.extend(by_name.or(by_value).map(|at| (at, path.clone())));
    }
    // The first field that is named is the wrong one; the others are offered as alternatives.
    said.sort_by_key(|(at, _)| *at);
    named.extend(said.into_iter().map(|(_, path)| path));
    for missed in MISSED {
        let is_named =
            refusal.paths.iter().any(|path| path == missed) || position(&message, missed).is_some();
        if is_named && fields.get(missed).is_none() {
            named.push(missed.to_owned());
        }
    }
    named
}

/// Collects every field that can be left out, with its value if that is text. The schema of a tool belongs to its
/// author and is not searched.
fn paths(value: &Value, at: &str, depth: usize, needed: &[&str], into: &mut Vec<(String, String)>) {
    if depth > DEPTH {
        return;
    }
    match value {
        Value::Array(all) => {
            for one in all {
                paths(one, &format!("{at}*."), depth + 1, needed, into);
            }
        }
        Value::Object(all) => {
            for (name, value) in all {
                let path = format!("{at}{name}");
                let is_needed = depth == 0 && needed.contains(&name.as_str());
                // Content that is present is what somebody said; `null` content can be replaced by "".
                let is_essential = depth > 0 && ESSENTIAL.contains(&name.as_str());
                let is_null_content = name == "content" && value.is_null();
                if (!is_needed && !is_essential || is_null_content)
                    && !into.iter().any(|(known, _)| *known == path)
                {
                    let text = value.as_str().unwrap_or_default().to_lowercase();
                    into.push((path.clone(), text));
                }
                if name != "parameters" {
                    paths(value, &format!("{path}."), depth + 1, needed, into);
                }
            }
        }
        _ => {}
    }
}

/// The position of `word` in `text` as a separate word. Both are in lower case.
pub(super) fn position(text: &str, word: &str) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let stands_alone = |at: &usize| {
        !text[..*at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
    };
    text.match_indices(word)
        .map(|(at, _)| at)
        .find(stands_alone)
}
