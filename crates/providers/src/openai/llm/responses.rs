//! The Responses API: <https://platform.openai.com/docs/api-reference/responses/create>. The provider stores nothing
//! (`store: false`): the conversation is sent with each request, and so are the encrypted thoughts that led to a call.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::super::dialect::{Beginning, History, Opening};
use super::super::refusal::Refusal;
use super::calls::{Calls, Piece, new_id};
use super::markup::Markup;
use super::wire::{OPAQUE_LIMIT, REASONING, parameters, usage_of};
use super::{ChatRequest, Delta, FinishReason, Message, Role, Usage, history};

/// The fields for history and tools.
pub(super) fn body(request: &ChatRequest, demands: History) -> Map<String, Value> {
    let mut input = Vec::new();
    for message in history::arranged(request.messages.clone(), demands) {
        items(message, &mut input);
    }
    let mut body = Map::new();
    body.insert("input".into(), input.into());
    body.insert("stream".into(), true.into());
    body.insert("store".into(), false.into());
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            // The schema is the agent's own and not held to OpenAI's strict subset, which is the default here.
            json!({
                "type": "function",
                "name": history::name(&tool.name),
                "description": tool.description,
                "parameters": parameters(&tool.parameters),
                "strict": false,
            })
        });
        body.insert("tools".into(), tools.collect());
        if !request.may_call {
            body.insert("tool_choice".into(), "none".into());
        }
    }
    body
}

/// The input items of a message: its words, and one item for each tool call.
fn items(message: Message, input: &mut Vec<Value>) {
    if message.role == Role::Tool {
        input.push(json!({
            "type": "function_call_output",
            "call_id": message.answers,
            "output": message.text,
        }));
        return;
    }
    if !message.text.is_empty() {
        input.push(json!({ "role": message.role.as_str(), "content": message.text }));
    }
    for mut call in message.calls {
        if let Some(Value::Array(reasoning)) = call.opaque.remove(REASONING) {
            input.extend(reasoning);
        }
        input.push(json!({
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }));
    }
}

/// Reads events.
pub(super) struct Reader {
    markup: Markup,
    calls: Calls,
    /// Calls in the text count.
    may_call: bool,
    reasoning: Vec<Value>,
    /// Total bytes of reasoning so far.
    reasoning_bytes: usize,
    has_text: bool,
    usage: Option<Usage>,
    reason: Option<FinishReason>,
    /// The end marker of chat completions, which some servers send here, too.
    pub(super) done: bool,
}

impl Reader {
    pub(super) fn new(request: &ChatRequest, opening: Opening) -> Self {
        Self {
            markup: Markup::new(request.tools.clone(), opening),
            calls: Calls::default(),
            may_call: request.may_call,
            reasoning: Vec::new(),
            reasoning_bytes: 0,
            has_text: false,
            usage: None,
            reason: None,
            done: false,
        }
    }

    /// The answer is over.
    pub(super) fn has_finished(&self) -> bool {
        self.reason.is_some()
    }

    /// Takes an event, or a whole response.
    ///
    /// # Errors
    /// The error that the event reports.
    pub(super) fn event(
        &mut self,
        event: &Value,
        ready: &mut VecDeque<Delta>,
    ) -> Result<(), Refusal> {
        match event["type"].as_str().unwrap_or_default() {
            // A refusal is spoken to the caller.
            "response.output_text.delta" | "response.refusal.delta" => {
                self.text(event["delta"].as_str().unwrap_or_default(), ready);
            }
            "response.function_call_arguments.delta" if ready.back() != Some(&Delta::Calling) => {
                ready.push_back(Delta::Calling);
            }
            "response.output_item.done" => self.item(&event["item"], &event["output_index"], ready),
            "response.completed" | "response.incomplete" => self.finish(&event["response"], ready),
            "response.failed" => {
                return Err(Refusal::of(&event["response"]).unwrap_or_default());
            }
            "error" => return Err(Refusal::of(event).unwrap_or_default()),
            "" if event["output"].is_array() => self.finish(event, ready),
            "" => {
                if let Some(refusal) = Refusal::of(event) {
                    return Err(refusal);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str, ready: &mut VecDeque<Delta>) {
        self.has_text |= !text.is_empty();
        let said = self.markup.push(text);
        ready.extend((!said.is_empty()).then_some(Delta::Text(said)));
    }

    fn item(&mut self, item: &Value, index: &Value, ready: &mut VecDeque<Delta>) {
        match item["type"].as_str().unwrap_or_default() {
            "reasoning" if item["encrypted_content"].is_string() => {
                self.reasoning_bytes += item.to_string().len();
                if self.reasoning_bytes <= OPAQUE_LIMIT {
                    self.reasoning.push(item.clone());
                }
            }
            "function_call" => {
                let id = ["call_id", "id"]
                    .into_iter()
                    .find_map(|key| item[key].as_str());
                let mut piece = Piece {
                    index: index.as_i64(),
                    id: id.unwrap_or_default().to_owned(),
                    name: item["name"].as_str().unwrap_or_default().to_owned(),
                    arguments: item["arguments"].clone(),
                    ..Piece::default()
                };
                if !self.reasoning.is_empty() {
                    let reasoning = std::mem::take(&mut self.reasoning);
                    piece.opaque.insert(REASONING.into(), reasoning.into());
                }
                self.calls.push(piece);
            }
            // Only if nothing was streamed.
            "message" if !self.has_text => {
                for part in item["content"].as_array().into_iter().flatten() {
                    let text = ["text", "refusal"]
                        .into_iter()
                        .find_map(|key| part[key].as_str());
                    self.text(text.unwrap_or_default(), ready);
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, response: &Value, ready: &mut VecDeque<Delta>) {
        if self.calls.is_empty() {
            // For a server that does not send items one by one.
            for (index, item) in response["output"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                self.item(item, &index.into(), ready);
            }
        }
        self.usage = usage_of(&response["usage"]).or(self.usage);
        self.reason = Some(match response["incomplete_details"]["reason"].as_str() {
            Some("max_output_tokens" | "max_tokens") => FinishReason::Length,
            Some("content_filter") => FinishReason::ContentFilter,
            Some(_) => FinishReason::Other,
            None => FinishReason::Stop,
        });
    }

    /// The answer is over. Returns whether it was complete.
    pub(super) fn end(&mut self, ready: &mut VecDeque<Delta>) -> bool {
        let rest = self
            .markup
            .finish(self.reason == Some(FinishReason::Length));
        ready.extend((!rest.is_empty()).then_some(Delta::Text(rest)));
        let leaked = std::mem::take(&mut self.markup.calls);
        if self.may_call {
            self.calls.add_leaked(leaked);
        }
        let takes_none = |name: &str| self.markup.takes_none(name);
        let has_end = self.done || self.has_finished();
        if !has_end && (self.calls.is_empty() || !self.calls.are_whole(takes_none)) {
            return false;
        }
        let calls = self.calls.take(new_id);
        let reason = match self.reason.unwrap_or(FinishReason::Stop) {
            FinishReason::Stop if !calls.is_empty() => FinishReason::ToolCalls,
            reason => reason,
        };
        ready.extend(calls.into_iter().map(Delta::ToolCall));
        ready.push_back(Delta::Finished(reason));
        ready.extend(self.usage.take().map(Delta::Usage));
        true
    }

    /// How the answer's text began, where that could be seen.
    pub(super) fn began(&self) -> Option<Beginning> {
        self.markup.began(self.reason == Some(FinishReason::Length))
    }
}
