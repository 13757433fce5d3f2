//! `POST /v1/chat/completions`.
//!
//! `max_tokens: 0` is an extension of the protocol: the messages are read and remembered without an answer, so that a
//! conversation that begins with them is answered sooner.

mod request;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::error::ApiError;
use super::now;
use crate::llm::{Call, ChatEvent, FinishReason, Usage};
use crate::{Failure, Loaded};
use request::Request;

pub(super) async fn complete(
    State(models): State<Loaded>,
    request: Result<Json<Request>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(request) = request?;
    let (streamed, with_usage) = (request.is_streamed(), request.wants_usage());
    let events = models.llm.chat(request.chat(models.llm.chooses_tools())?)?;
    let answer = Completion {
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

fn reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Calls => "tool_calls",
    }
}

/// A whole tool call, as an element of `tool_calls`.
fn call(call: &Call) -> Value {
    json!({
        "id": format!("call_{}", uuid::Uuid::new_v4().simple()),
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments.to_string()},
    })
}

fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    })
}

/// What all parts of one response have in common.
struct Completion {
    id: String,
    created: u64,
    model: &'static str,
}

impl Completion {
    async fn whole(self, mut events: mpsc::Receiver<ChatEvent>) -> Result<Response, ApiError> {
        let (mut content, mut calls) = (String::new(), Vec::new());
        loop {
            match events.recv().await {
                Some(ChatEvent::Text(text)) => content.push_str(&text),
                Some(ChatEvent::Call(made)) => calls.push(call(&made)),
                Some(ChatEvent::Done {
                    reason: end,
                    usage: used,
                }) => {
                    let mut message =
                        json!({"role": "assistant", "content": content, "refusal": null});
                    if !calls.is_empty() {
                        message["tool_calls"] = calls.into();
                        if message["content"] == "" {
                            message["content"] = Value::Null;
                        }
                    }
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
        let rest = stream::unfold(Some((self, events, 0)), move |state| async move {
            let (answer, mut events, made) = state?;
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
                    (answer.event(choice), Some((answer, events, made)))
                }
                ChatEvent::Call(whole) => {
                    let mut call = call(&whole);
                    call["index"] = made.into();
                    let choice = json!([{
                        "index": 0,
                        "delta": {"tool_calls": [call]},
                        "logprobs": null,
                        "finish_reason": null,
                    }]);
                    (answer.event(choice), Some((answer, events, made + 1)))
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
                // the status is sent already, so the error becomes an event, as in OpenAI's API
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
