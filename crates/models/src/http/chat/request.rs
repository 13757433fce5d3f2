//! Reads a chat request.
//!
//! Clients send anything that OpenAI accepts. Fields that only request additional features (reasoning, storage) are
//! ignored. Everything that would silently change an answer's meaning is refused: pictures, several answers, numbers
//! out of range, schemas that cannot be enforced.

mod tools;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::error::ApiError;
use crate::llm::{Call, Chat, Form, Message, Role, Sampling, Schema};
use tools::{Choice, Offered};

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
    tools: Option<Vec<Offered>>,
    tool_choice: Option<Choice>,
    response_format: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
struct IncomingMessage {
    role: Role,
    content: Option<Content>,
    tool_calls: Option<Vec<IncomingCall>>,
}

#[derive(Deserialize)]
struct IncomingCall {
    function: IncomingFunction,
}

#[derive(Deserialize)]
struct IncomingFunction {
    name: String,
    /// An object, usually as JSON text.
    #[serde(default)]
    arguments: Value,
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
    /// Whether the answer is to be streamed.
    pub(super) fn is_streamed(&self) -> bool {
        self.stream == Some(true)
    }

    /// Whether a streamed answer is to end with its usage.
    pub(super) fn wants_usage(&self) -> bool {
        let options = self.stream_options.as_ref();
        options.is_some_and(|options| options.include_usage == Some(true))
    }

    /// Checks the request and extracts what the model needs; `chooses_tools` says whether the model can choose among
    /// tools.
    pub(super) fn chat(self, chooses_tools: bool) -> Result<Chat, ApiError> {
        let sampling = self.sampling()?;
        if self.n.is_some_and(|n| n != 1) {
            return Err(ApiError::invalid(
                "n",
                "only one answer is supported; leave `n` out",
            ));
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
        let offered = self.tools.unwrap_or_default();
        let messages = messages(self.messages.unwrap_or_default())?;
        let (tools, calls) = tools::read(offered, self.tool_choice, &messages, chooses_tools)?;
        let json = self.response_format.as_ref().map(schema_of).transpose()?;
        Ok(Chat {
            messages,
            form: Form {
                calls,
                knows_tools: !tools.is_empty(),
                json: json.flatten().map(Into::into),
            },
            tools,
            max_tokens: max_tokens.and_then(|most| usize::try_from(most).ok()),
            sampling,
            stop,
        })
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

/// The schema that `response_format` requires; `None` means plain text.
fn schema_of(format: &Value) -> Result<Option<Schema>, ApiError> {
    match format["type"].as_str() {
        Some("json_object") => Ok(Some(Schema::object())),
        Some("json_schema") => {
            let schema = &format["json_schema"]["schema"];
            let schema = match schema {
                Value::Null => Ok(Schema::object()),
                schema => Schema::read(schema),
            };
            let param = "response_format.json_schema.schema";
            let bad =
                |problem: crate::llm::BadSchema| ApiError::invalid(param, problem.to_string());
            schema.map(Some).map_err(bad)
        }
        _ => Ok(None),
    }
}

fn messages(incoming: Vec<IncomingMessage>) -> Result<Vec<Message>, ApiError> {
    if incoming.is_empty() {
        let message = "`messages` is missing or empty";
        return Err(ApiError::invalid("messages", message));
    }
    let each = incoming.into_iter().enumerate();
    each.map(|(n, message)| {
        let calls = message.tool_calls.unwrap_or_default().into_iter();
        let calls = calls.map(|IncomingCall { function }| Call {
            name: function.name,
            // arguments that were cut off were not understood at the time either
            arguments: match function.arguments {
                Value::String(text) => serde_json::from_str(&text).unwrap_or_else(|_| json!({})),
                arguments => arguments,
            },
        });
        Ok(Message {
            role: message.role,
            content: text(n, message.content)?,
            calls: calls.collect(),
        })
    })
    .collect()
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
