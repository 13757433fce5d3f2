//! Chat completions: <https://platform.openai.com/docs/api-reference/chat/create>.

use std::collections::VecDeque;

use async_openai::types::chat::{
    ChatCompletionStreamOptions, ChatCompletionToolChoiceOption, CreateChatCompletionRequest,
    ToolChoiceOptions,
};
use serde::Deserialize;
use serde_json::Value;

use super::{ChatRequest, Delta, Fault, FinishReason, ToolCall, Usage};

/// What is asked of `model`.
pub(super) fn body(model: &str, request: ChatRequest) -> serde_json::Result<Value> {
    #[expect(
        deprecated,
        reason = "servers other than OpenAI's know only `max_tokens`"
    )]
    let request = CreateChatCompletionRequest {
        model: model.to_owned(),
        messages: request.messages,
        // A choice without tools is an error to some servers.
        tool_choice: (!request.tools.is_empty() && !request.may_call).then_some(
            ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::None),
        ),
        tools: (!request.tools.is_empty()).then_some(request.tools),
        max_tokens: request.max_tokens,
        temperature: request.temperature,
        stream: Some(true),
        stream_options: Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        }),
        ..Default::default()
    };
    serde_json::to_value(request)
}

/// Reads chunks.
#[derive(Default)]
pub(super) struct Reader {
    tool_calls: Vec<ToolCall>,
    /// The model has said why it ended. Some servers send no `[DONE]` after that.
    pub(super) finished: bool,
    pub(super) done: bool,
}

impl Reader {
    pub(super) fn take(&mut self, event: &str, ready: &mut VecDeque<Delta>) -> Result<(), Fault> {
        if event == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(event).map_err(|_| Fault::Garbage)?;
        if chunk.error.is_some() {
            return Err(Fault::Server);
        }
        for choice in chunk
            .choices
            .into_iter()
            .flatten()
            .filter(|choice| choice.index == 0)
        {
            let delta = choice.delta.unwrap_or_default();
            // A refusal is what the model says to the caller.
            let texts = [delta.content, delta.refusal].into_iter().flatten();
            ready.extend(texts.filter(|text| !text.is_empty()).map(Delta::Text));
            for call in delta.tool_calls.into_iter().flatten() {
                self.add_to_tool_call(call);
            }
            if let Some(reason) = choice.finish_reason {
                self.finish(&reason, ready);
            }
        }
        ready.extend(chunk.usage.map(Delta::Usage));
        Ok(())
    }

    /// The first chunk of a call has its id and name, the others more of its arguments.
    fn add_to_tool_call(&mut self, chunk: ToolCallChunk) {
        let function = chunk.function.unwrap_or_default();
        let begins = chunk
            .index
            .is_none_or(|index| index >= self.tool_calls.len());
        if begins {
            self.tool_calls.push(ToolCall::default());
        }
        let last = self.tool_calls.len() - 1;
        let call = &mut self.tool_calls[chunk.index.map_or(last, |index| index.min(last))];
        call.id += &chunk.id.unwrap_or_default();
        call.name += &function.name.unwrap_or_default();
        call.arguments += &function.arguments.unwrap_or_default();
    }

    fn finish(&mut self, reason: &str, ready: &mut VecDeque<Delta>) {
        self.finished = true;
        ready.extend(self.tool_calls.drain(..).map(Delta::ToolCall));
        ready.push_back(Delta::Finished(match reason {
            "stop" => FinishReason::Stop,
            "length" => FinishReason::Length,
            "tool_calls" | "function_call" => FinishReason::ToolCalls,
            "content_filter" => FinishReason::ContentFilter,
            _ => FinishReason::Other,
        }));
    }
}

/// A chunk, as far as it is used.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u32,
    #[serde(default)]
    delta: Option<ChunkDelta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct ChunkDelta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCallChunk>>,
}

#[derive(Deserialize)]
struct ToolCallChunk {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionChunk>,
}

#[derive(Deserialize, Default)]
struct FunctionChunk {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}
