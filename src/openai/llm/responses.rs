//! The Responses API: <https://platform.openai.com/docs/api-reference/responses/create>. Nothing is
//! stored by the provider (`store: false`): the conversation goes along with each request.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ChatRequest, Delta, Fault, FinishReason, Opaque, ToolCall, Usage};

/// What is asked of `model`.
pub(super) fn body(model: &str, request: ChatRequest) -> serde_json::Result<Value> {
    let mut input = Vec::new();
    for message in &request.messages {
        items(serde_json::to_value(message)?, &mut input);
    }
    let mut body = json!({
        "model": model,
        "input": input,
        "stream": true,
        "store": false,
    });
    if !request.tools.is_empty() {
        let tools = serde_json::to_value(&request.tools)?;
        let tools = tools.as_array().into_iter().flatten();
        body["tools"] = tools.map(flat).collect();
        if !request.may_call {
            body["tool_choice"] = "none".into();
        }
    }
    if let Some(most) = request.max_tokens {
        body["max_output_tokens"] = most.into();
    }
    if let Some(temperature) = request.temperature {
        body["temperature"] = temperature.into();
    }
    Ok(body)
}

/// The input items of a chat message: its words, and each call of a tool for itself.
fn items(mut message: Value, input: &mut Vec<Value>) {
    if message["role"] == "tool" {
        input.push(json!({
            "type": "function_call_output",
            "call_id": message["tool_call_id"],
            "output": message["content"],
        }));
        return;
    }
    let content = message["content"].take();
    if content.as_str().is_some_and(|text| !text.is_empty()) {
        input.push(json!({ "role": message["role"], "content": content }));
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        input.push(json!({
            "type": "function_call",
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"],
        }));
    }
}

/// A tool, as this API writes it. Its schema is the agent's own: not held to OpenAI's strict subset,
/// which is the default here.
fn flat(tool: &Value) -> Value {
    let function = &tool["function"];
    json!({
        "type": "function",
        "name": function["name"],
        "description": function["description"],
        "parameters": function["parameters"],
        "strict": function["strict"].as_bool().unwrap_or(false),
    })
}

/// Reads events.
#[derive(Default)]
pub(super) struct Reader {
    has_called: bool,
    /// The answer is over.
    pub(super) finished: bool,
}

/// An event, as far as it is used. Those of other types are let pass.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    delta: Option<Value>,
    #[serde(default)]
    item: Option<Item>,
    #[serde(default)]
    response: Option<Outcome>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    call_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    incomplete_details: Option<Incomplete>,
    #[serde(default)]
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
struct Incomplete {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: u32,
    #[serde(default)]
    output_tokens: u32,
}

impl Reader {
    pub(super) fn take(&mut self, event: &str, ready: &mut VecDeque<Delta>) -> Result<(), Fault> {
        // Some servers end with what chat completions end with.
        if event == "[DONE]" {
            return Ok(());
        }
        let event: Event = serde_json::from_str(event).map_err(|_| Fault::Garbage)?;
        match event.kind.as_str() {
            // A refusal is what the model says to the caller.
            "response.output_text.delta" | "response.refusal.delta" => {
                let text = event.delta.as_ref().and_then(Value::as_str);
                let text = text.filter(|text| !text.is_empty());
                ready.extend(text.map(|text| Delta::Text(text.to_owned())));
            }
            "response.output_item.done" => {
                if let Some(item) = event.item.filter(|item| item.kind == "function_call") {
                    self.has_called = true;
                    ready.push_back(Delta::ToolCall(ToolCall {
                        id: item.call_id,
                        name: item.name,
                        arguments: item.arguments,
                        opaque: Opaque::new(),
                    }));
                }
            }
            "response.completed" | "response.incomplete" => self.finish(event.response, ready),
            "response.failed" | "error" => return Err(Fault::Server),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, outcome: Option<Outcome>, ready: &mut VecDeque<Delta>) {
        self.finished = true;
        let (incomplete, usage) =
            outcome.map_or((None, None), |all| (all.incomplete_details, all.usage));
        let reason = incomplete.map(|details| details.reason);
        ready.push_back(Delta::Finished(match reason.as_deref() {
            Some("max_output_tokens") => FinishReason::Length,
            Some("content_filter") => FinishReason::ContentFilter,
            Some(_) => FinishReason::Other,
            None if self.has_called => FinishReason::ToolCalls,
            None => FinishReason::Stop,
        }));
        ready.extend(usage.map(|tokens| {
            Delta::Usage(Usage {
                prompt_tokens: tokens.input_tokens,
                cached_tokens: 0,
                completion_tokens: tokens.output_tokens,
            })
        }));
    }
}
