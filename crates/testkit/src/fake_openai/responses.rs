//! `/v1/responses`, streamed. Answers scripted for chat completions are used here, too.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::tokens;
use super::failure::body;
use super::{Endpoint, Shared};

pub(super) async fn responses(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let begun = shared.begin(Endpoint::Responses, &headers, request, Bytes::new());
    let (running, failure) = match begun.await {
        Ok(begun) => begun,
        Err(response) => return response,
    };
    let (answer, timing) = {
        let mut state = shared.state();
        (state.answers.take(), state.timing)
    };
    let tokens = tokens(&answer.text);
    let usage = json!({ "input_tokens": 10, "output_tokens": tokens.len() });
    let mut pieces = vec![(
        timing.first_token,
        event(&json!({ "type": "response.created", "response": { "status": "in_progress" } })),
    )];
    for (index, token) in tokens.iter().enumerate() {
        let delay = if index == 0 {
            Duration::ZERO
        } else {
            timing.token
        };
        let delta = json!({ "type": "response.output_text.delta", "delta": token });
        pieces.push((delay, event(&delta)));
    }
    for call in &answer.tool_calls {
        let item = json!({
            "type": "function_call", "id": "fc_1", "call_id": call.id, "name": call.name,
            "arguments": call.arguments, "status": "completed",
        });
        let done = json!({ "type": "response.output_item.done", "item": item });
        pieces.push((timing.token, event(&done)));
    }
    let response = json!({ "status": "completed", "usage": usage });
    let end = json!({ "type": "response.completed", "response": response });
    pieces.push((Duration::ZERO, event(&end)));
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        body(pieces, failure, running),
    )
        .into_response()
}

/// As OpenAI sends it: the type is also the event's name.
fn event(data: &Value) -> Bytes {
    let kind = data["type"].as_str().unwrap_or_default();
    format!("event: {kind}\ndata: {data}\n\n").into()
}
