//! What strict servers refuse, and with which messages.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use serde_json::{Value, json};

/// A rule of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strict {
    /// An unknown field, or one with an unknown value: `stream_options`, or `response_format=verbose_json`.
    Field(&'static str),
    /// A field that must be present with this value: `reasoning_effort=none`.
    Needs(&'static str),
    /// User and assistant alternate, and the user begins.
    RolesAlternate,
    /// No system message after the beginning, and the last message is the user's or a tool's.
    UserLast,
    /// Arguments in the history are JSON objects, and each call has its result.
    WholeCalls,
    /// Calls in the history carry their `thought_signature`.
    ThoughtSignature,
    /// A conversation with more messages than this is too long.
    Longer(usize),
    /// Ids of calls have nine letters and digits.
    NineLetters,
    /// Extension fields of other providers are unknown.
    OwnFields,
    /// Schemas of tools have few keywords, as at Google's servers.
    FewKeywords,
    /// Each message that calls tools has its thoughts, as DeepSeek and Moonshot demand of their own.
    Thoughts,
}

/// What a refusal looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `{"error":{"message","param","code"}}`, 400.
    OpenAi,
    /// `{"error":"text"}`, 400.
    Text,
    /// FastAPI's list, 422.
    Details,
    /// `{"detail":"text"}`, 422.
    Detail,
    /// `{"message":"text"}`, 400.
    Message,
    /// A web page without a reason, 400.
    Html,
}

impl Style {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::OpenAi,
        Self::Text,
        Self::Details,
        Self::Detail,
        Self::Message,
        Self::Html,
    ];

    fn response(self, field: Option<&str>, code: Option<&str>, message: &str) -> Response {
        let (status, body) = match self {
            Self::OpenAi => (
                StatusCode::BAD_REQUEST,
                json!({ "error": { "message": message, "type": "invalid_request_error",
                                   "param": field, "code": code } }),
            ),
            Self::Text => (StatusCode::BAD_REQUEST, json!({ "error": message })),
            Self::Details => {
                let mut place = vec!["body"];
                place.extend(field);
                let details = json!([{ "type": "extra_forbidden", "loc": place, "msg": message }]);
                (
                    StatusCode::UNPROCESSABLE_ENTITY,
                    json!({ "detail": details }),
                )
            }
            Self::Detail => (
                StatusCode::UNPROCESSABLE_ENTITY,
                json!({ "detail": message }),
            ),
            Self::Message => (StatusCode::BAD_REQUEST, json!({ "message": message })),
            Self::Html => {
                let page = Html("<html><title>Bad Request</title></html>");
                return (StatusCode::BAD_REQUEST, page).into_response();
            }
        };
        (status, axum::Json(body)).into_response()
    }
}

impl Strict {
    /// The refusal of a request that breaks the rule.
    pub(super) fn refuses(&self, style: Style, request: &Value) -> Option<Response> {
        let refuse = |field, code, message: &str| Some(style.response(field, code, message));
        let split = |field: &'static str| match field.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (field, None),
        };
        let messages = request["messages"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let roles: Vec<&str> = messages.iter().filter_map(|m| m["role"].as_str()).collect();
        match self {
            Self::Field(field) => {
                let (name, value) = split(field);
                let sent = request.get(name)?;
                if value.is_some_and(|value| sent != value) {
                    return None;
                }
                let what = value.map_or(format!("Unsupported parameter: '{name}'"), |value| {
                    format!("{name} '{value}' is not compatible with this model")
                });
                refuse(Some(name), None, &what)
            }
            Self::Needs(field) => {
                let (name, value) = split(field);
                if request.get(name).and_then(Value::as_str) == value {
                    return None;
                }
                let message = format!("Function tools need '{name}' here");
                refuse(Some(name), None, &message)
            }
            Self::RolesAlternate => {
                let mut expected = "user";
                for role in roles.iter().skip_while(|role| **role == "system") {
                    match *role {
                        "tool" => expected = "assistant",
                        role if role == expected => {
                            expected = if role == "user" { "assistant" } else { "user" };
                        }
                        _ => {
                            let message = "Conversation roles must alternate user/assistant/user/assistant/...";
                            return refuse(None, None, message);
                        }
                    }
                }
                None
            }
            Self::UserLast => {
                let late = roles.iter().skip_while(|role| **role == "system");
                let is_late = late.clone().any(|role| *role == "system");
                let is_last = matches!(roles.last(), Some(&"user" | &"tool"));
                (is_late || !is_last)
                    .then(|| style.response(None, None, "the order of messages is not taken"))
            }
            Self::WholeCalls => {
                let mut open: Vec<&str> = Vec::new();
                let mut is_good = true;
                for message in messages {
                    if message["role"] == "tool" {
                        let id = message["tool_call_id"].as_str().unwrap_or_default();
                        let known = open.iter().position(|open| *open == id);
                        is_good &= known.is_some();
                        known.map(|at| open.remove(at));
                        continue;
                    }
                    is_good &= open.is_empty();
                    for call in message["tool_calls"].as_array().into_iter().flatten() {
                        let id = call["id"].as_str().unwrap_or_default();
                        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
                        let arguments: Option<Value> = serde_json::from_str(arguments).ok();
                        is_good &= !id.is_empty() && arguments.is_some_and(|a| a.is_object());
                        open.push(id);
                    }
                }
                (!is_good || !open.is_empty())
                    .then(|| style.response(None, None, "arguments must be a valid JSON object"))
            }
            Self::ThoughtSignature => {
                let calls = messages
                    .iter()
                    .filter_map(|message| message["tool_calls"].as_array());
                let is_signed =
                    |call: &Value| call["extra_content"]["google"]["thought_signature"] == "sig";
                (!calls.flatten().all(is_signed)).then(|| {
                    style.response(None, None, "Function call is missing a thought_signature")
                })
            }
            Self::Longer(most) => (messages.len() > *most).then(|| {
                let message = "This model's maximum context length is 4096 tokens.";
                style.response(Some("messages"), Some("context_length_exceeded"), message)
            }),
            Self::OwnFields => {
                let calls = messages
                    .iter()
                    .filter_map(|message| message["tool_calls"].as_array());
                let extra = calls
                    .flatten()
                    .any(|call| call.get("extra_content").is_some());
                extra.then(|| style.response(None, None, "Extra inputs are not permitted"))
            }
            Self::FewKeywords => {
                let tools = request["tools"].as_array().into_iter().flatten();
                let schemas = tools.map(|tool| tool["function"]["parameters"].to_string());
                let unknown = ["additionalProperties", "format", "$schema"];
                let found = schemas
                    .flat_map(|schema| unknown.map(|name| (schema.clone(), name)))
                    .find(|(schema, name)| schema.contains(&format!("\"{name}\":")))?;
                let message = format!(
                    "Invalid JSON payload received. Unknown name \"{}\" at \
                     'tools[0].function_declarations[0].parameters': Cannot find field.",
                    found.1
                );
                refuse(None, None, &message)
            }
            Self::Thoughts => {
                let has_thoughts = |message: &&Value| {
                    let thoughts = message["reasoning_content"].as_str();
                    thoughts.is_some_and(|thoughts| !thoughts.is_empty())
                };
                let mut calling = messages.iter().filter(|m| m["tool_calls"].is_array());
                let is_missing = !calling.all(|message| has_thoughts(&message));
                is_missing.then(|| {
                    let message = "thinking is enabled but reasoning_content is missing in \
                                   assistant tool call message at index 2";
                    style.response(None, None, message)
                })
            }
            Self::NineLetters => {
                let calls = messages
                    .iter()
                    .filter_map(|message| message["tool_calls"].as_array());
                let mut ids = calls.flatten().filter_map(|call| call["id"].as_str());
                let is_bad = |id: &str| {
                    id.len() != 9 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())
                };
                let bad = ids.find(|id| is_bad(id))?;
                let message = format!(
                    "Tool call id was {bad} but must be a-z, A-Z, 0-9, with a length of 9."
                );
                refuse(None, None, &message)
            }
        }
    }
}
