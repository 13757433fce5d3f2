//! Parses calls that a model wrote into its text, in the forms that model families use: JSON with the tool's name
//! inside or before it, parameters in tags, and Python syntax.

use serde_json::{Map, Value};

use super::super::Tool;
use super::super::calls::Piece;

/// Names for the tool's name in JSON.
const NAMES: [&str; 6] = [
    "name",
    "tool",
    "tool_name",
    "function",
    "action",
    "recipient_name",
];
/// Names for a list of calls in JSON.
const LISTS: [&str; 2] = ["tool_calls", "tool_uses"];
const ARGUMENTS: [&str; 7] = [
    "action_input",
    "arguments",
    "parameters",
    "args",
    "input",
    "tool_input",
    "params",
];

/// The calls of `tools` in a block that `tag` began, and the text after the last of them.
pub(super) fn calls<'a>(tag: &str, body: &'a str, tools: &[Tool]) -> (Vec<Piece>, &'a str) {
    let quoted = body.replace(ESCAPE, QUOTE);
    if quoted.contains(QUOTE) || tag == "<|tool_call>" {
        let calls = in_json(tag, &as_json(&quoted), tools).0;
        if !calls.is_empty() {
            return (calls, "");
        }
    }
    let (calls, rest) = in_json(tag, body, tools);
    if !calls.is_empty() {
        return (calls, rest);
    }
    // What some models put before the names of their tags says nothing.
    let [bare_tag, bare] = [tag, body].map(|text| {
        PREFIXES
            .iter()
            .fold(text.to_owned(), |text, prefix| text.replace(prefix, ""))
    });
    let calls = in_tags(&bare_tag, &bare, tools);
    if !calls.is_empty() {
        return (calls, "");
    }
    let (calls, rest) = in_python(body, tools);
    if !calls.is_empty() {
        return (calls, rest);
    }
    // Only its name: it takes no arguments.
    let alone = named(attribute(tag).unwrap_or(body.trim()), tools);
    let alone = alone.filter(|_| attribute(tag).is_none() || body.trim().is_empty());
    (
        alone
            .map(|tool| piece(tool, Map::new().into()))
            .into_iter()
            .collect(),
        "",
    )
}

fn piece(tool: &Tool, arguments: Value) -> Piece {
    Piece {
        name: tool.name.clone(),
        arguments,
        ..Piece::default()
    }
}

/// The tool with this name, which some models write with a prefix or a number.
fn named<'t>(name: &str, tools: &'t [Tool]) -> Option<&'t Tool> {
    let name = name.trim().trim_matches(['"', '\'']);
    let name = name.strip_prefix("functions.").unwrap_or(name);
    tools.iter().find(|tool| tool.name == name)
}

fn in_json<'a>(tag: &str, body: &'a str, tools: &[Tool]) -> (Vec<Piece>, &'a str) {
    let (mut calls, mut done, mut from) = (Vec::new(), 0, 0);
    while let Some(at) = body[from..].find(['{', '[']) {
        let at = from + at;
        let mut values = serde_json::Deserializer::from_str(&body[at..]).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else {
            from = at + 1;
            continue;
        };
        let end = at + values.byte_offset();
        let before = calls.len();
        inside(&value, tools, &mut calls);
        if calls.len() == before && value.is_object() {
            // The name precedes its arguments, in the tag or after it.
            let found = last_named(&body[done..at], tools);
            let found = found.or_else(|| last_named(tag, tools).filter(|_| done == 0));
            calls.extend(found.map(|tool| piece(tool, value)));
        }
        from = end;
        done = if calls.len() > before { end } else { done };
    }
    (calls, &body[done..])
}

fn inside(value: &Value, tools: &[Tool], calls: &mut Vec<Piece>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| inside(one, tools, calls)),
        Value::Object(call) => {
            if let Some(list) = LISTS.iter().find_map(|key| call.get(*key)) {
                return inside(list, tools, calls);
            }
            // `{"look": {"day": "Friday"}}`
            if let (1, Some((name, arguments @ Value::Object(_)))) =
                (call.len(), call.iter().next())
                && let Some(tool) = named(name, tools)
            {
                return calls.push(piece(tool, arguments.clone()));
            }
            let nested = ["function", "function_call"].iter();
            let nested = nested.filter_map(|key| call.get(*key)?.as_object()).next();
            let call = nested.unwrap_or(call);
            let name = NAMES.iter().find_map(|key| call.get(*key)?.as_str());
            let Some(tool) = name.and_then(|name| named(name, tools)) else {
                return;
            };
            let arguments = ARGUMENTS.iter().find_map(|key| call.get(*key));
            calls.push(piece(
                tool,
                arguments.cloned().unwrap_or_else(|| Map::new().into()),
            ));
        }
        _ => {}
    }
}

/// The tool whose name comes last in `text` as a separate word.
fn last_named<'t>(text: &str, tools: &'t [Tool]) -> Option<&'t Tool> {
    let is_part = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let at = |tool: &Tool| {
        let found = text.rmatch_indices(&tool.name).map(|(at, _)| at);
        found
            .filter(|at| !text[..*at].ends_with(is_part))
            .find(|at| !text[at + tool.name.len()..].starts_with(is_part))
    };
    let found = tools.iter().filter_map(|tool| Some((at(tool)?, tool)));
    found.max_by_key(|(at, _)| *at).map(|(_, tool)| tool)
}

/// Gemma's quotation marks, and those of its smallest models.
const QUOTE: &str = "<|\"|>";
const ESCAPE: &str = "<escape>";
/// What some models put before the names of their tags.
const PREFIXES: [&str; 3] = ["｜DSML｜", "antml:", "steptml:"];

/// Gemma's `{day:<|"|>Friday<|"|>}` as JSON: keys have no quotation marks there, and texts have their own.
fn as_json(body: &str) -> String {
    let mut json = String::new();
    for (n, part) in body.split(QUOTE).enumerate() {
        if n % 2 == 1 {
            json += &Value::from(part).to_string();
            continue;
        }
        let mut rest = part;
        while let Some(at) = rest.find(['{', ',']) {
            let (before, after) = rest.split_at(at + 1);
            json += before;
            let key = after.trim_start();
            let length = key.find(|c: char| !c.is_alphanumeric() && c != '_');
            let length = length.filter(|length| *length > 0 && key[*length..].starts_with(':'));
            rest = match length {
                Some(length) => {
                    json += &Value::from(&key[..length]).to_string();
                    &key[length..]
                }
                None => after,
            };
        }
        json += rest;
    }
    json
}

/// `look` of `<function=look>` and `<invoke name="look">`.
fn attribute(tag: &str) -> Option<&str> {
    let (_, value) = tag.split_once('=')?;
    Some(value_of(value.trim_end_matches('>')))
}

/// The value that follows an attribute's `=`.
fn value_of(text: &str) -> &str {
    let text = text.trim();
    let quoted = |quote: char| text.strip_prefix(quote)?.split(quote).next();
    let quoted = quoted('"').or_else(|| quoted('\''));
    quoted.unwrap_or_else(|| text.split_whitespace().next().unwrap_or_default())
}

/// `<function=look><parameter=day>Friday</parameter></function>` and the like.
fn in_tags(tag: &str, body: &str, tools: &[Tool]) -> Vec<Piece> {
    let mut calls = Vec::new();
    let mut begin = |tool: Option<&Tool>, text: &str| {
        let Some(tool) = tool else {
            return;
        };
        let arguments = parameters(text, tool);
        if !arguments.is_empty() {
            calls.push(piece(tool, arguments.into()));
        }
    };
    let inner = ["<function=", "<function name=", "<invoke name="];
    let Some(opener) = inner.into_iter().find(|opener| body.contains(opener)) else {
        let name = attribute(tag).unwrap_or_else(|| body.split('<').next().unwrap_or_default());
        begin(named(name, tools), body);
        return calls;
    };
    for part in body.split(opener).skip(1) {
        if let Some((name, rest)) = part.split_once('>') {
            begin(named(value_of(name), tools), rest);
        }
    }
    calls
}

fn parameters(text: &str, tool: &Tool) -> Map<String, Value> {
    let mut found = Map::new();
    let mut put = |name: &str, value: &str| {
        let name = value_of(name);
        found.insert(
            name.to_owned(),
            typed(value, &tool.parameters["properties"][name]),
        );
    };
    for opener in ["<parameter=", "<parameter name=", "<param name="] {
        for part in text.split(opener).skip(1) {
            if let Some((name, rest)) = part.split_once('>') {
                put(name, rest.split("</param").next().unwrap_or_default());
            }
        }
    }
    for part in text.split("<arg_key>").skip(1) {
        let value = part.split_once("<arg_value>").map(|(_, value)| value);
        if let (Some(name), Some(value)) = (part.split("</arg_key>").next(), value) {
            put(name, value.split("</arg_value>").next().unwrap_or_default());
        }
    }
    found
}

/// Text in a tag has no type; the tool's schema gives one.
fn typed(text: &str, schema: &Value) -> Value {
    let text = text.trim();
    let as_text = || Value::from(text);
    if schema["type"] == "string" {
        return as_text();
    }
    serde_json::from_str(text).unwrap_or_else(|_| as_text())
}

/// `look(day="Friday")`, several in a row, in a list or not.
fn in_python<'a>(body: &'a str, tools: &[Tool]) -> (Vec<Piece>, &'a str) {
    let (mut calls, mut rest) = (Vec::new(), body);
    while let Some(at) = rest.find('(') {
        let tool = last_named(&rest[..at], tools);
        let tool = tool.filter(|tool| {
            let head = rest[..at].trim_end().trim_end_matches(".call");
            head.ends_with(&tool.name)
        });
        let parsed = tool.and_then(|tool| Some((tool, keywords(&rest[at + 1..])?)));
        match parsed {
            Some((tool, (arguments, after))) => {
                calls.push(piece(tool, arguments.into()));
                rest = after;
            }
            None => rest = &rest[at + 1..],
        }
    }
    let rest = if calls.is_empty() { body } else { rest };
    (calls, rest.trim_start_matches([']', ';']))
}

/// `day="Friday", people=2)`, and what follows.
fn keywords(mut rest: &str) -> Option<(Map<String, Value>, &str)> {
    let mut found = Map::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\n']);
        if let Some(after) = rest.strip_prefix(')') {
            return Some((found, after));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = literal(after.trim_start())?;
        found.insert(name.trim().to_owned(), value);
        rest = after;
    }
}

fn literal(text: &str) -> Option<(Value, &str)> {
    let words = [
        ("True", Value::from(true)),
        ("False", false.into()),
        ("None", Value::Null),
    ];
    for (word, value) in words {
        if let Some(rest) = text.strip_prefix(word) {
            return Some((value, rest));
        }
    }
    if let Some(rest) = text.strip_prefix('\'') {
        let (inner, rest) = rest.split_once('\'')?;
        return Some((inner.into(), rest));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Some((value, &text[values.byte_offset()..])),
        // A number directly before a bracket is still a number.
        _ => {
            let end = text.find([',', ')'])?;
            let value = serde_json::from_str(text[..end].trim()).ok()?;
            Some((value, &text[end..]))
        }
    }
}
