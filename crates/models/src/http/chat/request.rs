//! Reads a chat request: what of it a small model can do, and what it is told of the rest.
//!
//! Clients send whatever OpenAI takes. A field that only asks for more than is here (tools,
//! JSON, reasoning, storage) is ignored, and the model is told in its prompt what it cannot do. Refused is what would change an answer's meaning
//! in silence: pictures, several answers, numbers out of range.

use serde::Deserialize;
use serde_json::Value;

use crate::http::error::ApiError;
use crate::llm::{Chat, Message, Role, Sampling};

/// At the end of the prompt, so that what was read of the prompt before stays remembered. Of eight
/// wordings that were tried on the 0.5B model, the one that changed no other answer: "you cannot"
/// made it refuse goodbyes. It does not keep a model of that size from promising a booking.
const NO_TOOLS: &str = "\n\nIn this call you only talk. Bookings, orders and look-ups are not \
                        possible here; say so when asked for one.";
/// A wish, not a promise: nothing makes the model keep to it.
const JSON_ONLY: &str = "\n\nAnswer with one JSON object and nothing else.";

#[derive(Deserialize)]
pub(in crate::http) struct Request {
    messages: Option<Vec<IncomingMessage>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    /// Some clients write -1 for "no limit".
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
    n: Option<u32>,
    tools: Option<Vec<Value>>,
    /// The older name of `tools`.
    functions: Option<Vec<Value>>,
    response_format: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// The calls of an assistant's message are not read: the model did not make them.
#[derive(Deserialize)]
struct IncomingMessage {
    role: Role,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Request {
    /// Whether the answer is to come as it is made.
    pub(super) fn is_streamed(&self) -> bool {
        self.stream == Some(true)
    }

    /// Whether a streamed answer is to end with its usage.
    pub(super) fn wants_usage(&self) -> bool {
        let options = self.stream_options.as_ref();
        options.is_some_and(|options| options.include_usage == Some(true))
    }

    /// Checks the request and takes from it what the model needs.
    pub(super) fn chat(self) -> Result<Chat, ApiError> {
        let notes = self.notes();
        let sampling = self.sampling()?;
        if self.n.is_some_and(|n| n != 1) {
            return Err(ApiError::invalid("n", "one answer is given; leave `n` out"));
        }
        let stop = match self.stop {
            None => Vec::new(),
            Some(OneOrMany::One(stop)) => vec![stop],
            Some(OneOrMany::Many(stops)) => stops,
        };
        if stop.len() > 4 || stop.iter().any(String::is_empty) {
            let message = "up to four strings that are not empty";
            return Err(ApiError::invalid("stop", message));
        }
        let max_tokens = self.max_completion_tokens.or(self.max_tokens);
        Ok(Chat {
            messages: messages(self.messages.unwrap_or_default(), &notes)?,
            max_tokens: max_tokens.and_then(|most| usize::try_from(most).ok()),
            sampling,
            stop,
        })
    }

    /// What the model is told of what it cannot do for this client.
    fn notes(&self) -> String {
        let any = |list: &Option<Vec<Value>>| list.as_ref().is_some_and(|list| !list.is_empty());
        let mut notes = String::new();
        if any(&self.tools) || any(&self.functions) {
            notes += NO_TOOLS;
        }
        let format = self.response_format.as_ref().map(|format| &format["type"]);
        if format.is_some_and(|kind| kind == "json_object" || kind == "json_schema") {
            notes += JSON_ONLY;
        }
        notes
    }

    fn sampling(&self) -> Result<Sampling, ApiError> {
        let between = |param, value: Option<f32>, low: f32, high: f32, default| match value {
            None => Ok(default),
            Some(value) if (low..=high).contains(&value) => Ok(value),
            Some(value) => Err(ApiError::invalid(
                param,
                format!("{value} is not between {low} and {high}"),
            )),
        };
        let usual = Sampling::default();
        let (frequency, presence) = (self.frequency_penalty, self.presence_penalty);
        Ok(Sampling {
            temperature: between("temperature", self.temperature, 0.0, 2.0, usual.temperature)?,
            top_p: between("top_p", self.top_p, 0.0, 1.0, usual.top_p)?,
            frequency_penalty: between("frequency_penalty", frequency, -2.0, 2.0, 0.0)?,
            presence_penalty: between("presence_penalty", presence, -2.0, 2.0, 0.0)?,
            seed: self.seed.map(i64::cast_unsigned),
        })
    }
}

/// The conversation, with `notes` at the end of its prompt.
fn messages(incoming: Vec<IncomingMessage>, notes: &str) -> Result<Vec<Message>, ApiError> {
    if incoming.is_empty() {
        let message = "`messages` is missing or empty";
        return Err(ApiError::invalid("messages", message));
    }
    let mut messages = Vec::with_capacity(incoming.len() + 1);
    for (n, IncomingMessage { role, content }) in incoming.into_iter().enumerate() {
        let content = text(n, content)?;
        // It only called tools; what came of them follows.
        if role == Role::Assistant && content.is_empty() {
            continue;
        }
        messages.push(Message { role, content });
    }
    if notes.is_empty() {
        return Ok(messages);
    }
    match messages.first_mut() {
        Some(first) if first.role == Role::System => first.content += notes,
        _ => {
            let content = notes.trim_start().to_owned();
            let role = Role::System;
            messages.insert(0, Message { role, content });
        }
    }
    Ok(messages)
}

fn text(n: usize, content: Option<Content>) -> Result<String, ApiError> {
    let parts = match content {
        None => return Ok(String::new()),
        Some(Content::Text(text)) => return Ok(text),
        Some(Content::Parts(parts)) => parts,
    };
    parts
        .into_iter()
        .map(|part| match (part.kind.as_str(), part.text, part.refusal) {
            ("text", Some(text), _) | ("refusal", _, Some(text)) => Ok(text),
            (kind, ..) => {
                let message = format!("a part of type '{kind}' cannot be read; send text");
                Err(ApiError::invalid(format!("messages[{n}].content"), message))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
