//! The tools of a request, and which of them may be called.

use serde::Deserialize;
use serde_json::Value;

use crate::http::error::ApiError;
use crate::llm::{Calls, Message, Role, Schema, Tool};

/// Maximum tools in a request; their descriptions must fit into the model's memory.
const MOST: usize = 64;

/// An element of `tools`.
#[derive(Deserialize)]
pub(super) struct Offered {
    #[serde(rename = "type", default)]
    kind: String,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    description: Option<String>,
    parameters: Option<Value>,
}

/// `tool_choice`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Choice {
    Word(String),
    Named { function: Named },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
}

/// Returns the tools that the model reads about, and the calls that the answer to `messages` may make: each tool once
/// per turn. A model that cannot choose among tools (`chooses` is false) reads about tools only if it must call one.
pub(super) fn read(
    offered: Vec<Offered>,
    choice: Option<Choice>,
    messages: &[Message],
    chooses: bool,
) -> Result<(Vec<Tool>, Option<Calls>), ApiError> {
    let (tools, calls) = read_all(offered, choice, messages)?;
    match chooses || calls.as_ref().is_some_and(|calls| calls.needed) {
        true => Ok((tools, calls)),
        false => Ok((Vec::new(), None)),
    }
}

fn read_all(
    offered: Vec<Offered>,
    choice: Option<Choice>,
    messages: &[Message],
) -> Result<(Vec<Tool>, Option<Calls>), ApiError> {
    if offered.len() > MOST {
        let message = format!("{} tools are too many; {MOST} at most", offered.len());
        return Err(ApiError::invalid("tools", message));
    }
    let mut tools = Vec::with_capacity(offered.len());
    for (n, Offered { kind, function }) in offered.into_iter().enumerate() {
        let Some(function) = function else {
            let message = format!("a tool of type {kind:?} cannot be called; send functions");
            return Err(ApiError::invalid(format!("tools[{n}]"), message));
        };
        tools.push(Tool {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters: function.parameters.unwrap_or_default(),
        });
    }
    let (only, needed) = match choice {
        None => (None, false),
        Some(Choice::Named { function }) => (Some(function.name), true),
        Some(Choice::Word(word)) if word == "auto" => (None, false),
        Some(Choice::Word(word)) if word == "none" => return Ok((tools, None)),
        Some(Choice::Word(word)) if word == "required" => (None, true),
        Some(Choice::Word(_) | Choice::Other(_)) => {
            let message = "write \"auto\", \"none\", \"required\" or the function to call";
            return Err(ApiError::invalid("tool_choice", message));
        }
    };
    // Seeing a call's result does not stop a model of this size from making the same call again.
    let last = messages
        .iter()
        .rposition(|message| message.role == Role::User);
    let since = &messages[last.map_or(0, |last| last + 1)..];
    let made = |name: &str| {
        let mut calls = since.iter().flat_map(|message| &message.calls);
        calls.any(|call| call.name == name)
    };
    let is_wanted = |tool: &&Tool| match &only {
        Some(only) => *only == tool.name,
        None => needed || !made(&tool.name),
    };
    let wanted: Vec<&Tool> = tools.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        return match needed {
            false => Ok((tools, None)),
            true => Err(ApiError::invalid("tool_choice", "there is no such tool")),
        };
    }
    let calls = wanted
        .iter()
        .map(|tool| (tool.name.as_str(), &tool.parameters));
    let schema = Schema::call(calls).map_err(|(n, problem)| {
        let param = format!("tools[{n}].function.parameters");
        ApiError::invalid(param, format!("{}: {problem}", wanted[n].name))
    })?;
    let calls = Calls {
        schema: schema.into(),
        needed,
    };
    Ok((tools, Some(calls)))
}
