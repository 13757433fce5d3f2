//! `POST /v1/chat/completions`.
//!
//! `max_tokens: 0` is an addition to the protocol: the messages are read and
//! remembered and nothing is said, so that a conversation which begins with them
//! answers sooner.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::error::ApiError;
use super::now;
use crate::llm::{Chat, ChatEvent, FinishReason, Message, Role, Sampling, Usage};
use crate::{Failure, Loaded};

#[derive(Deserialize)]
pub(super) struct Request {
    messages: Option<Vec<IncomingMessage>>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
    n: Option<u32>,
    tools: Option<Vec<Value>>,
    response_format: Option<Value>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

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
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

pub(super) async fn complete(
    State(models): State<Loaded>,
    request: Result<Json<Request>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(request) = request?;
    let streamed = request.stream;
    let with_usage = request
        .stream_options
        .as_ref()
        .is_some_and(|options| options.include_usage);
    let chat = chat(request)?;
    let events = models.llm.chat(chat)?;
    let answer = Answer {
        id: format!("chatcmpl-{}", uuid::Uuid::new_v4().simple()),
        created: now(),
        model: models.llm_name(),
    };
    if streamed {
        Ok(answer.stream(events, with_usage))
    } else {
        answer.whole(events).await
    }
}

/// Checks a request and takes from it what the model needs.
fn chat(request: Request) -> Result<Chat, ApiError> {
    let incoming = request.messages.unwrap_or_default();
    if incoming.is_empty() {
        return Err(ApiError::invalid(
            "messages",
            "`messages` is missing or empty",
        ));
    }
    if request.tools.is_some_and(|tools| !tools.is_empty()) {
        let message = "the local model does not call tools; leave `tools` out";
        return Err(ApiError::invalid("tools", message));
    }
    if request.n.is_some_and(|n| n != 1) {
        return Err(ApiError::invalid("n", "one answer is given; leave `n` out"));
    }
    if let Some(format) = request.response_format
        && format["type"] != "text"
    {
        let message = "the local model writes text only; leave `response_format` out";
        return Err(ApiError::invalid("response_format", message));
    }
    let between = |param, value: Option<f32>, low: f32, high: f32, default| match value {
        None => Ok(default),
        Some(value) if (low..=high).contains(&value) => Ok(value),
        Some(value) => Err(ApiError::invalid(
            param,
            format!("{value} is not between {low} and {high}"),
        )),
    };
    let default = Sampling::default();
    let sampling = Sampling {
        temperature: between(
            "temperature",
            request.temperature,
            0.0,
            2.0,
            default.temperature,
        )?,
        top_p: between("top_p", request.top_p, 0.0, 1.0, default.top_p)?,
        frequency_penalty: between(
            "frequency_penalty",
            request.frequency_penalty,
            -2.0,
            2.0,
            0.0,
        )?,
        presence_penalty: between("presence_penalty", request.presence_penalty, -2.0, 2.0, 0.0)?,
        seed: request.seed.map(i64::cast_unsigned),
    };
    let stop = match request.stop {
        None => Vec::new(),
        Some(OneOrMany::One(stop)) => vec![stop],
        Some(OneOrMany::Many(stops)) => stops,
    };
    if stop.len() > 4 || stop.iter().any(String::is_empty) {
        return Err(ApiError::invalid(
            "stop",
            "up to four strings that are not empty",
        ));
    }
    let messages = incoming
        .into_iter()
        .enumerate()
        .map(|(n, message)| {
            Ok(Message {
                role: message.role,
                content: text(n, message.content)?,
            })
        })
        .collect::<Result<_, ApiError>>()?;
    let max_tokens = request.max_completion_tokens.or(request.max_tokens);
    Ok(Chat {
        messages,
        max_tokens,
        sampling,
        stop,
    })
}

fn text(n: usize, content: Option<Content>) -> Result<String, ApiError> {
    let parts = match content {
        None => return Ok(String::new()),
        Some(Content::Text(text)) => return Ok(text),
        Some(Content::Parts(parts)) => parts,
    };
    parts
        .into_iter()
        .map(|part| match (part.kind.as_str(), part.text) {
            ("text", Some(text)) => Ok(text),
            (kind, _) => {
                let message = format!("a part of type '{kind}' cannot be read; send text");
                Err(ApiError::invalid(format!("messages[{n}].content"), message))
            }
        })
        .collect()
}

fn reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
    }
}

fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    })
}

/// What all parts of one answer have in common.
struct Answer {
    id: String,
    created: u64,
    model: &'static str,
}

impl Answer {
    async fn whole(self, mut events: mpsc::Receiver<ChatEvent>) -> Result<Response, ApiError> {
        let mut content = String::new();
        loop {
            match events.recv().await {
                Some(ChatEvent::Text(text)) => content.push_str(&text),
                Some(ChatEvent::Done {
                    reason: end,
                    usage: used,
                }) => {
                    let message = json!({"role": "assistant", "content": content, "refusal": null});
                    let choice = json!({
                        "index": 0,
                        "message": message,
                        "logprobs": null,
                        "finish_reason": reason(end),
                    });
                    return Ok(Json(json!({
                        "id": self.id,
                        "object": "chat.completion",
                        "created": self.created,
                        "model": self.model,
                        "choices": [choice],
                        "usage": usage(used),
                    }))
                    .into_response());
                }
                Some(ChatEvent::Failed(failure)) => return Err(failure.into()),
                None => return Err(Failure::Gone("llm").into()),
            }
        }
    }

    fn stream(self, events: mpsc::Receiver<ChatEvent>, with_usage: bool) -> Response {
        let role = self.event(json!([{
            "index": 0,
            "delta": {"role": "assistant", "content": ""},
            "logprobs": null,
            "finish_reason": null,
        }]));
        let rest = stream::unfold(Some((self, events)), move |state| async move {
            let (answer, mut events) = state?;
            let event = events
                .recv()
                .await
                .unwrap_or(ChatEvent::Failed(Failure::Gone("llm")));
            Some(match event {
                ChatEvent::Text(text) => {
                    let choice = json!([{
                        "index": 0,
                        "delta": {"content": text},
                        "logprobs": null,
                        "finish_reason": null,
                    }]);
                    (answer.event(choice), Some((answer, events)))
                }
                ChatEvent::Done {
                    reason: end,
                    usage: used,
                } => {
                    let mut last = answer.event(json!([{
                        "index": 0,
                        "delta": {},
                        "logprobs": null,
                        "finish_reason": reason(end),
                    }]));
                    if with_usage {
                        let mut chunk = answer.chunk(json!([]));
                        chunk["usage"] = usage(used);
                        last.push_str(&sse(&chunk));
                    }
                    last.push_str("data: [DONE]\n\n");
                    (last, None)
                }
                // the status is sent already: the error is an event, as OpenAI's
                ChatEvent::Failed(failure) => {
                    let error = json!({"message": failure.to_string(), "type": "server_error"});
                    (sse(&json!({"error": error})), None)
                }
            })
        });
        use futures::StreamExt;
        let events = stream::once(async { role })
            .chain(rest)
            .map(|event| Ok::<_, std::convert::Infallible>(Bytes::from(event)));
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        (headers, Body::from_stream(events)).into_response()
    }

    fn event(&self, choices: Value) -> String {
        sse(&self.chunk(choices))
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }
}

fn sse(data: &Value) -> String {
    format!("data: {data}\n\n")
}
