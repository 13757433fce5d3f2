//! `/v1/chat/completions`, streamed as server-sent events and whole.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{Answer, ToolCall, tokens};
use super::dialect::Dialect;
use super::failure::body;
use super::{Endpoint, Shared};

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

pub(super) async fn completions(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let begun = shared.begin(Endpoint::Chat, &headers, request.clone(), Bytes::new());
    let (mut running, failure) = match begun.await {
        Ok(begun) => begun,
        Err(response) => return response,
    };
    let prompt = request["messages"][0]["content"].as_str();
    let prompt = prompt.unwrap_or_default();
    let (mut answer, timing, dialect) = {
        let mut state = shared.state();
        let mut known = state.answers_to.iter();
        let known = known.find(|(words, _)| prompt.contains(words));
        let known = known.map(|(_, answer)| answer.clone());
        let known = known.or_else(|| state.mind.as_ref().and_then(|mind| mind(&request)));
        let answer = known.unwrap_or_else(|| state.answers.take());
        (answer, state.timing, state.dialect)
    };
    if !answer.raw.is_empty() {
        let is_json = answer.raw[0].trim_start().starts_with('{');
        let media = if is_json {
            "application/json"
        } else {
            "text/event-stream"
        };
        let pieces = answer
            .raw
            .into_iter()
            .map(|piece| (Duration::ZERO, piece.into()));
        let body = body(pieces.collect(), failure, running);
        return ([(header::CONTENT_TYPE, media)], body).into_response();
    }
    answer.text = answer.text.replace("{system prompt}", prompt);
    let tokens = tokens(&answer.text);
    let usage = json!({
        "prompt_tokens": 10, "completion_tokens": tokens.len(), "total_tokens": 10 + tokens.len(),
    });
    let finish = if answer.tool_calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    };

    if request["stream"] != true || dialect == Dialect::NotStreamed {
        let words = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        tokio::time::sleep(timing.first_token + timing.token * words).await;
        running.finish();
        let calls: Vec<_> = answer.tool_calls.iter().map(whole_call).collect();
        let mut message = json!({ "role": "assistant", "content": answer.text });
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        return Json(json!({
            "id": "chatcmpl-fake", "object": "chat.completion", "created": 0,
            "model": request["model"], "usage": usage,
            "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        }))
        .into_response();
    }

    if dialect != Dialect::OpenAi {
        let events = dialect.events(&answer, &request["model"]).into_iter();
        let events = events.enumerate().map(|(index, event)| {
            let delay = if index == 0 {
                timing.first_token
            } else {
                timing.token
            };
            (delay, event.into())
        });
        let body = body(events.collect(), failure, running);
        return ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response();
    }

    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        event(&request, json!([choice]), Value::Null)
    };
    // The role comes with the first token, because real models send nothing before it.
    let mut pieces = vec![(
        timing.first_token,
        chunk(json!({ "role": "assistant", "content": "" }), Value::Null),
    )];
    for (index, token) in tokens.iter().enumerate() {
        let delay = if index == 0 {
            Duration::ZERO
        } else {
            timing.token
        };
        pieces.push((delay, chunk(json!({ "content": token }), Value::Null)));
    }
    for (index, call) in answer.tool_calls.iter().enumerate() {
        let middle = call.arguments.len() / 2;
        let middle = (middle..)
            .find(|&at| call.arguments.is_char_boundary(at))
            .unwrap_or(0);
        let (head, tail) = call.arguments.split_at(middle);
        let first = json!({
            "index": index, "id": call.id, "type": "function",
            "function": { "name": call.name, "arguments": head },
        });
        let second = json!({ "index": index, "function": { "arguments": tail } });
        for part in [first, second] {
            pieces.push((
                timing.token,
                chunk(json!({ "tool_calls": [part] }), Value::Null),
            ));
        }
    }
    pieces.push((Duration::ZERO, chunk(json!({}), finish.into())));
    if request["stream_options"]["include_usage"] == true {
        pieces.push((Duration::ZERO, event(&request, json!([]), usage)));
    }
    pieces.push((Duration::ZERO, Bytes::from_static(b"data: [DONE]\n\n")));
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        body(pieces, failure, running),
    )
        .into_response()
}

fn event(request: &Value, choices: Value, usage: Value) -> Bytes {
    let chunk = json!({
        "id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 0,
        "model": request["model"], "choices": choices, "usage": usage,
    });
    format!("data: {chunk}\n\n").into()
}

fn whole_call(call: &ToolCall) -> Value {
    json!({
        "id": call.id, "type": "function",
        "function": { "name": call.name, "arguments": call.arguments },
    })
}

#[cfg(test)]
mod tests;
