//! Chat completions: <https://platform.openai.com/docs/api-reference/chat/create>, and other servers' variants. Events
//! are read as JSON of any shape, because types differ between servers.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::super::dialect::{Beginning, History, Opening};
use super::super::refusal::Refusal;
use super::calls::{Calls, Piece, new_id};
use super::markup::Markup;
use super::wire::Ending;
use super::wire::{OPAQUE_LIMIT, REASONING, parameters, usage_of};
use super::{ChatRequest, Delta, FinishReason, Message, Opaque, Role, ToolCall, Usage, history};

/// Message fields that only the provider understands and wants back with the calls they led to: DeepSeek's reasoning,
/// OpenRouter's, Google's signatures, and Claude's thoughts as LiteLLM sends them.
const OPAQUE: [&str; 4] = [
    "reasoning_content",
    "reasoning_details",
    "extra_content",
    "thinking_blocks",
];
/// Most pieces in such a list, since each new one is compared with those before it.
const DETAILS: usize = 4_096;

/// The fields for history and tools.
pub(super) fn body(request: &ChatRequest, demands: History) -> Map<String, Value> {
    let messages = history::arranged(request.messages.clone(), demands);
    let mut body = Map::new();
    body.insert(
        "messages".into(),
        messages.into_iter().map(message).collect(),
    );
    body.insert("stream".into(), true.into());
    body.insert("stream_options".into(), json!({ "include_usage": true }));
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({ "type": "function", "function": {
                "name": history::name(&tool.name),
                "description": tool.description,
                "parameters": parameters(&tool.parameters),
            } })
        });
        body.insert("tools".into(), tools.collect());
        // Some servers reject a tool choice without tools.
        if !request.may_call {
            body.insert("tool_choice".into(), "none".into());
        }
    }
    body
}

fn message(message: Message) -> Value {
    let Message {
        role,
        text,
        calls,
        opaque,
        answers,
    } = message;
    let mut out = match role {
        Role::Tool => json!({ "role": "tool", "tool_call_id": answers, "content": text }),
        _ => json!({ "role": role.as_str(), "content": text }),
    };
    if !calls.is_empty() {
        if out["content"] == "" {
            out["content"] = Value::Null;
        }
        out["tool_calls"] = calls.into_iter().map(call).collect();
    }
    if role == Role::Assistant {
        merge(&mut out, opaque);
    }
    out
}

/// The opaque fields of a call are sent back both beside its fields and inside.
fn call(call: ToolCall) -> Value {
    let mut opaque = call.opaque;
    opaque.remove(REASONING);
    let inside = opaque.remove("function");
    let mut out = json!({
        "id": call.id, "type": "function",
        "function": { "name": call.name, "arguments": call.arguments },
    });
    if let Some(Value::Object(inside)) = inside {
        merge(&mut out["function"], inside);
    }
    merge(&mut out, opaque);
    out
}

fn merge(out: &mut Value, opaque: Opaque) {
    for (name, value) in opaque {
        if out.get(&name).is_none() {
            out[name] = value;
        }
    }
}

/// Reads events.
pub(super) struct Reader {
    markup: Markup,
    calls: Calls,
    /// Calls in the text count.
    may_call: bool,
    /// Calls came in deltas: a whole message at the end only repeats them.
    has_deltas: bool,
    has_text: bool,
    /// The text ends as sentences do.
    ends_sentence: bool,
    opaque: Opaque,
    opaque_bytes: usize,
    usage: Option<Usage>,
    /// The choice that is read.
    index: Option<i64>,
    /// Why the model ended, once it has said so.
    reason: Option<FinishReason>,
    /// How far that can be believed.
    ending: Ending,
    /// `[DONE]` has arrived.
    pub(super) done: bool,
    /// This server says when an answer is complete: without that, it broke off.
    pub(super) marks_end: bool,
}

impl Reader {
    pub(super) fn new(request: &ChatRequest, opening: Opening) -> Self {
        Self {
            markup: Markup::new(request.tools.clone(), opening),
            calls: Calls::default(),
            may_call: request.may_call,
            has_deltas: false,
            has_text: false,
            ends_sentence: false,
            opaque: Opaque::new(),
            opaque_bytes: 0,
            usage: None,
            index: None,
            reason: None,
            ending: Ending::Open,
            done: false,
            marks_end: false,
        }
    }

    /// The model has said why it ended.
    fn has_finished(&self) -> bool {
        self.reason.is_some()
    }

    /// See [`Ending`].
    pub(super) fn ending(&self) -> Ending {
        match self.ending {
            // Nothing was said yet: a reason so early is mostly no reason.
            Ending::Likely if !self.has_text && self.calls.is_empty() => Ending::Open,
            ending => ending,
        }
    }

    /// Takes an event, or a whole completion.
    ///
    /// # Errors
    /// The error that the event reports.
    pub(super) fn event(
        &mut self,
        event: &Value,
        ready: &mut VecDeque<Delta>,
    ) -> Result<(), Refusal> {
        let choices = event["choices"].as_array();
        if reports_error(event, choices) && self.ending != Ending::Certain {
            return Err(Refusal::of(event).unwrap_or_default());
        }
        for usage in [&event["usage"], &event["x_groq"]["usage"]] {
            self.usage = usage_of(usage).or(self.usage);
        }
        for choice in choices.into_iter().flatten() {
            let index = choice["index"].as_i64();
            if *self.index.get_or_insert(index.unwrap_or(0)) != index.unwrap_or(0) {
                continue;
            }
            self.usage = usage_of(&choice["usage"]).or(self.usage);
            let brings = brings_more(choice);
            if brings {
                self.ending = self.ending.continued();
            }
            self.delta(&choice["delta"], ready);
            if !choice["message"].is_null() {
                self.message(&choice["message"], ready);
            } else if let Some(text) = choice["text"].as_str() {
                self.text(text, ready);
            }
            let reason = choice["finish_reason"].as_str();
            if let Some(reason) = reason.filter(|reason| !matches!(*reason, "" | "null")) {
                if reason == "error" {
                    return Err(Refusal::of(choice).unwrap_or_default());
                }
                self.reason = Some(reason_of(reason));
                self.ending = self.ending.reasoned(brings);
            }
        }
        Ok(())
    }

    fn delta(&mut self, delta: &Value, ready: &mut VecDeque<Delta>) {
        self.content(&delta["content"], ready);
        // A refusal is spoken to the caller.
        self.content(&delta["refusal"], ready);
        for (name, value) in delta.as_object().into_iter().flatten() {
            self.keep(name, value);
        }
        let calls = delta["tool_calls"].as_array().into_iter().flatten();
        // Some servers send the same call in both forms.
        let legacy = Some(&delta["function_call"])
            .filter(|call| call.is_object() && calls.clone().next().is_none());
        for piece in calls.chain(legacy).filter_map(Piece::read) {
            self.has_deltas = true;
            if self.calls.push(piece) && ready.back() != Some(&Delta::Calling) {
                ready.push_back(Delta::Calling);
            }
        }
    }

    /// A whole message in place of deltas, or after them.
    fn message(&mut self, message: &Value, ready: &mut VecDeque<Delta>) {
        let mut message = message.clone();
        if self.has_text {
            message["content"] = Value::Null;
            message["refusal"] = Value::Null;
        }
        if self.has_deltas {
            message["tool_calls"] = Value::Null;
            message["function_call"] = Value::Null;
        }
        self.delta(&message, ready);
    }

    /// Text, or a list of parts; thoughts among them are not spoken.
    fn content(&mut self, content: &Value, ready: &mut VecDeque<Delta>) {
        match content {
            Value::String(text) => self.text(text, ready),
            Value::Array(parts) => {
                for part in parts {
                    let kind = part["type"].as_str().unwrap_or("text");
                    if let (Some(text), "text" | "output_text") = (part["text"].as_str(), kind) {
                        self.text(text, ready);
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, ready: &mut VecDeque<Delta>) {
        self.has_text |= !text.is_empty();
        self.ends_sentence = ends_sentence(text, self.ends_sentence);
        let said = self.markup.push(text);
        ready.extend((!said.is_empty()).then_some(Delta::Text(said)));
    }

    fn keep(&mut self, name: &str, value: &Value) {
        if !OPAQUE.contains(&name) || value.is_null() {
            return;
        }
        self.opaque_bytes += value.to_string().len();
        if self.opaque_bytes > OPAQUE_LIMIT {
            return;
        }
        match (self.opaque.get_mut(name), value) {
            (Some(Value::String(all)), Value::String(more)) => all.push_str(more),
            (Some(Value::Array(all)), Value::Array(more)) => {
                more.iter().for_each(|one| detail(all, one))
            }
            (Some(Value::Object(all)), Value::Object(more)) => all.extend(more.clone()),
            _ => drop(self.opaque.insert(name.to_owned(), value.clone())),
        }
    }

    /// Whether the server has said that the answer is complete.
    pub(super) fn is_marked(&self) -> bool {
        self.done || self.has_finished()
    }

    /// The answer is over, by `[DONE]` or the connection's end. Returns whether it was complete. Of servers that never
    /// say so, one whose last sentence is whole is.
    pub(super) fn end(&mut self, ready: &mut VecDeque<Delta>) -> bool {
        let is_cut = self.reason == Some(FinishReason::Length);
        let rest = self.markup.finish(is_cut);
        ready.extend((!rest.is_empty()).then_some(Delta::Text(rest)));
        let leaked = std::mem::take(&mut self.markup.calls);
        if self.may_call {
            self.calls.add_leaked(leaked);
        }
        let takes_none = |name: &str| self.markup.takes_none(name);
        let is_whole = match self.calls.is_empty() {
            true => self.ends_sentence && !self.marks_end,
            false => self.calls.are_whole(takes_none),
        };
        if !self.is_marked() && !is_whole {
            return false;
        }
        let calls = self.calls.take(new_id);
        if !calls.is_empty() && !self.opaque.is_empty() {
            ready.push_back(Delta::Opaque(std::mem::take(&mut self.opaque)));
        }
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

/// Whether a text whose last piece is `more` ends as sentences do; `before` says so of what came before it. Quotation
/// marks, brackets, emoji and spaces may follow.
fn ends_sentence(more: &str, before: bool) -> bool {
    let weighs = |c: &char| c.is_alphanumeric() || ",;:-–—，、；：".contains(*c);
    let ends = |c: &char| ".!?…。！？．｡।॥؟۔։။።".contains(*c);
    let last = more.chars().rev().find(|c| weighs(c) || ends(c));
    last.map_or(before, |c| ends(&c))
}

/// Merges a piece of a list into the element that it belongs to.
fn detail(all: &mut Vec<Value>, more: &Value) {
    // Claude's thoughts have no numbers: a signature ends one.
    let is_thought = more["type"] == "thinking" && more.get("index").is_none();
    let last = all.len().saturating_sub(1);
    let same = |(at, one): &(usize, &mut Value)| {
        let goes_on =
            is_thought && *at == last && one["signature"].as_str().is_none_or(str::is_empty);
        let is_numbered = more.get("index").is_some() && one["index"] == more["index"];
        one["type"] == more["type"] && (goes_on || is_numbered)
    };
    let found = all.iter_mut().enumerate().find(same).map(|(_, one)| one);
    let (Some(Value::Object(known)), Value::Object(fields)) = (found, more) else {
        if all.len() < DETAILS {
            all.push(more.clone());
        }
        return;
    };
    for (name, value) in fields {
        match (known.get_mut(name), value) {
            (Some(Value::String(text)), Value::String(more))
                if matches!(name.as_str(), "text" | "summary" | "data" | "thinking") =>
            {
                text.push_str(more);
            }
            (_, Value::Null) => {}
            _ => drop(known.insert(name.clone(), value.clone())),
        }
    }
}

/// Whether an error is reported in place of an answer. `{"error":null}` and `{"error":{}}` do not count.
fn reports_error(event: &Value, choices: Option<&Vec<Value>>) -> bool {
    match &event["error"] {
        Value::Null | Value::Bool(false) => {}
        Value::String(text) if text.is_empty() => {}
        Value::Object(error) if error.is_empty() => {}
        _ => return true,
    }
    let is_answer = choices.is_some() || event.get("usage").is_some() || event.get("id").is_some();
    !is_answer
        && (event["object"] == "error"
            || event["type"] == "error"
            || event.get("detail").is_some()
            || event.get("message").is_some())
}

/// Whether a choice has anything of the answer beside the reason for its end.
fn brings_more(choice: &Value) -> bool {
    let is_something = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
        _ => true,
    };
    let of_answer = |(name, value): (&String, &Value)| {
        !matches!(name.as_str(), "role" | "name" | "annotations") && is_something(value)
    };
    let parts = [&choice["delta"], &choice["message"]].into_iter();
    let mut fields = parts.filter_map(Value::as_object).flatten();
    fields.any(of_answer) || is_something(&choice["text"])
}

fn reason_of(reason: &str) -> FinishReason {
    match reason {
        "stop" | "eos" | "end_turn" | "stop_sequence" => FinishReason::Stop,
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

#[cfg(test)]
mod tests;
