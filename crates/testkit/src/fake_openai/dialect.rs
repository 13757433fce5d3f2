//! How servers that call themselves compatible deviate from OpenAI's streams: each is a named mode, based on public bug
//! reports.

use serde_json::{Value, json};

use super::answer::{Answer, ToolCall, tokens};

/// How answers are streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// As OpenAI does.
    #[default]
    OpenAi,
    /// All calls have index 0.
    SameIndex,
    /// Calls are counted from 1, as by gateways that count the text as well.
    IndexFromOne,
    /// Indexes have gaps, and the calls' pieces alternate.
    Interleaved,
    /// Calls have neither index nor id, and arrive whole.
    NoIndexNoId,
    /// Ids are empty.
    EmptyId,
    /// Each piece has id and name.
    Repeated,
    /// The id comes with the last piece.
    LateId,
    /// Arguments are an object.
    ObjectArguments,
    /// `function_call` in place of `tool_calls`; one call only.
    LegacyFunctionCall,
    /// A whole message in one chunk.
    WholeMessage,
    /// One JSON body in place of a stream.
    NotStreamed,
    /// No `finish_reason`.
    NoFinish,
    /// `finish_reason` is "stop", whatever comes.
    WrongFinish,
    /// No `[DONE]`.
    NoDone,
    /// Thoughts are in `<think>` tags before the text.
    ThinkTags,
    /// Thoughts whose opening tag is in the server's prompt.
    ThinkEnd,
    /// Thoughts in `reasoning_content`.
    ReasoningContent,
    /// Thoughts in `reasoning`.
    Reasoning,
    /// Calls are written into the text, in `<tool_call>` tags.
    LeakedToolCall,
    /// Calls are written into the text, after `[TOOL_CALLS]`.
    LeakedMistral,
    /// Calls are written into the text, in `<function=…>` tags.
    LeakedLlama,
    /// Each call has a `thought_signature` beside its function.
    ThoughtSignature,
    /// Lines end with CRLF, between comments, without a space after "data:"; the first chunk has no choice, and each
    /// has usage.
    Noisy,
}

/// The thought that is sent.
pub const THOUGHT: &str = "The caller is impatient. I should look.";

impl Dialect {
    /// Modes that change how tool calls are streamed.
    pub const OF_CALLS: [Self; 15] = [
        Self::OpenAi,
        Self::SameIndex,
        Self::IndexFromOne,
        Self::Interleaved,
        Self::NoIndexNoId,
        Self::EmptyId,
        Self::Repeated,
        Self::LateId,
        Self::ObjectArguments,
        Self::WholeMessage,
        Self::NotStreamed,
        Self::NoFinish,
        Self::WrongFinish,
        Self::NoDone,
        Self::Noisy,
    ];

    /// Modes that write calls into the text.
    pub const LEAKING: [Self; 3] = [Self::LeakedToolCall, Self::LeakedMistral, Self::LeakedLlama];

    /// The answer as this server streams it, event by event, exactly as sent.
    pub(super) fn events(self, answer: &Answer, model: &Value) -> Vec<String> {
        let chunk = |choice: Value| {
            let mut chunk = json!({ "id": "chatcmpl-fake", "object": "chat.completion.chunk",
                                    "model": model, "choices": [choice] });
            if self == Self::Noisy {
                chunk["usage"] = json!({ "prompt_tokens": 1, "completion_tokens": 1 });
            }
            chunk
        };
        let delta =
            |delta: Value| chunk(json!({ "index": 0, "delta": delta, "finish_reason": null }));
        let mut events = Vec::new();
        if self == Self::Noisy {
            events
                .push(json!({ "id": "chatcmpl-fake", "choices": [], "prompt_filter_results": [] }));
        }
        if self == Self::WholeMessage {
            let calls: Vec<Value> = answer.tool_calls.iter().map(whole).collect();
            let message =
                json!({ "role": "assistant", "content": answer.text, "tool_calls": calls });
            events.push(chunk(
                json!({ "index": 0, "message": message, "finish_reason": "stop" }),
            ));
        } else {
            match self {
                Self::ReasoningContent => {
                    events.push(delta(json!({ "reasoning_content": THOUGHT })))
                }
                Self::Reasoning => events.push(delta(json!({ "reasoning": THOUGHT }))),
                _ => {}
            }
            let text = self.text(answer);
            events.extend(
                tokens(&text)
                    .into_iter()
                    .map(|token| delta(json!({ "content": token }))),
            );
            events.extend(self.calls(answer).into_iter().map(delta));
        }
        let has_calls = !answer.tool_calls.is_empty();
        let reason = match self {
            Self::WrongFinish => "stop",
            _ if has_calls => "tool_calls",
            _ => "stop",
        };
        if self != Self::NoFinish {
            events.push(chunk(
                json!({ "index": 0, "delta": {}, "finish_reason": reason }),
            ));
        }
        let mut lines: Vec<String> = events
            .iter()
            .map(|event| self.line(&event.to_string()))
            .collect();
        if self != Self::NoDone {
            lines.push(self.line("[DONE]"));
        }
        lines
    }

    fn line(self, data: &str) -> String {
        match self {
            Self::Noisy => format!(": keep-alive\r\n\r\nevent: message\r\ndata:{data}\r\n\r\n"),
            _ => format!("data: {data}\n\n"),
        }
    }

    fn text(self, answer: &Answer) -> String {
        let mut text = match self {
            Self::ThinkTags => format!("<think>\n{THOUGHT}\n</think>\n\n{}", answer.text),
            Self::ThinkEnd => format!("{THOUGHT}\n</think>\n\n{}", answer.text),
            _ => answer.text.clone(),
        };
        for call in &answer.tool_calls {
            let ToolCall {
                name, arguments, ..
            } = call;
            text += &match self {
                Self::LeakedToolCall => format!(
                    "<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>"
                ),
                Self::LeakedMistral => {
                    format!("[TOOL_CALLS] [{{\"name\": \"{name}\", \"arguments\": {arguments}}}]")
                }
                Self::LeakedLlama => format!("<function={name}>{arguments}</function><|eot_id|>"),
                _ => String::new(),
            };
        }
        text
    }

    /// The deltas of the calls.
    fn calls(self, answer: &Answer) -> Vec<Value> {
        if Self::LEAKING.contains(&self) {
            return Vec::new();
        }
        if self == Self::LegacyFunctionCall {
            let calls = answer.tool_calls.iter().take(1).flat_map(|call| {
                let (head, tail) = halves(&call.arguments);
                [
                    json!({ "name": call.name, "arguments": head }),
                    json!({ "arguments": tail }),
                ]
            });
            return calls.map(|call| json!({ "function_call": call })).collect();
        }
        let mut queues: Vec<Vec<Value>> = Vec::new();
        for (number, call) in answer.tool_calls.iter().enumerate() {
            queues.push(self.pieces(number, call));
        }
        let mut pieces: Vec<Value> = Vec::new();
        if self == Self::Interleaved {
            let longest = queues.iter().map(Vec::len).max().unwrap_or(0);
            for at in 0..longest {
                pieces.extend(queues.iter().filter_map(|queue| queue.get(at).cloned()));
            }
        } else {
            pieces = queues.concat();
        }
        pieces
            .into_iter()
            .map(|piece| json!({ "tool_calls": [piece] }))
            .collect()
    }

    fn pieces(self, number: usize, call: &ToolCall) -> Vec<Value> {
        let index = match self {
            Self::SameIndex => 0,
            Self::IndexFromOne => number + 1,
            Self::Interleaved => number * 3 + 2,
            _ => number,
        };
        let (head, tail) = halves(&call.arguments);
        let mut first = json!({ "index": index, "id": call.id, "type": "function",
                                "function": { "name": call.name, "arguments": head } });
        let mut second = json!({ "index": index, "function": { "arguments": tail } });
        match self {
            Self::NoIndexNoId => {
                return vec![
                    json!({ "function": { "name": call.name, "arguments": call.arguments } }),
                ];
            }
            Self::ObjectArguments => {
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
                first["function"]["arguments"] = arguments;
                return vec![first];
            }
            Self::EmptyId => first["id"] = "".into(),
            Self::Repeated => {
                second["id"] = call.id.clone().into();
                second["function"]["name"] = call.name.clone().into();
            }
            Self::LateId => {
                second["id"] = first["id"].take();
            }
            Self::ThoughtSignature => {
                first["extra_content"] = json!({ "google": { "thought_signature": "sig" } });
            }
            _ => {}
        }
        vec![first, second]
    }
}

fn whole(call: &ToolCall) -> Value {
    json!({ "id": call.id, "type": "function",
            "function": { "name": call.name, "arguments": call.arguments } })
}

fn halves(text: &str) -> (&str, &str) {
    let middle = text.len() / 2;
    let middle = (middle..)
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    text.split_at(middle)
}
