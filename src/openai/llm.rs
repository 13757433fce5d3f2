//! The language model: `POST /chat/completions`, read as it is written.

use std::collections::VecDeque;
use std::time::Instant;

use async_openai::types::chat::{
    ChatCompletionStreamOptions, ChatCompletionToolChoiceOption, CreateChatCompletionRequest,
    ToolChoiceOptions,
};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use reqwest::Response;
use serde::Deserialize;

use super::error::{ProviderError, Stage};
use super::http::{Http, Provider, Settings, SettingsError, media_type};
use super::retry::with_retries;
use super::{Message, Tool, sse};
use crate::clock;

/// Continues a conversation. Cloning shares the connections.
#[derive(Clone)]
pub struct Llm {
    provider: Provider,
}

/// What the model is given.
#[derive(Clone, PartialEq, Default)]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// What the model knows of.
    pub tools: Vec<Tool>,
    /// Whether it may call them now.
    pub may_call: bool,
    /// Most tokens of the answer; the model's own limit when `None`.
    pub max_tokens: Option<u32>,
    /// 0 to 2; the model's own default when `None`.
    pub temperature: Option<f32>,
}

/// A piece of an answer.
#[derive(Clone, PartialEq)]
pub enum Delta {
    /// The next words, cut anywhere; never empty.
    Text(String),
    /// A whole call of a tool, when its arguments are complete.
    ToolCall(ToolCall),
    /// The model has ended its answer. Only usage comes after this.
    Finished(FinishReason),
    /// What the answer took, where the provider tells.
    Usage(Usage),
}

/// Says how much there is, never the words: they are personal data.
impl std::fmt::Debug for Delta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} chars)", text.chars().count()),
            Self::ToolCall(call) => write!(f, "ToolCall({})", call.name),
            Self::Finished(reason) => write!(f, "Finished({reason:?})"),
            Self::Usage(usage) => write!(f, "{usage:?}"),
        }
    }
}

/// The model wants a tool called.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Names the call in its result.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text, as the model wrote it: it may not be valid.
    pub arguments: String,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had said all.
    Stop,
    /// The token limit was reached.
    Length,
    /// It waits for the results of tools.
    ToolCalls,
    /// The provider's filter held the rest back.
    ContentFilter,
    /// Another reason.
    Other,
}

/// Tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Read.
    #[serde(default)]
    pub prompt_tokens: u32,
    /// Written.
    #[serde(default)]
    pub completion_tokens: u32,
}

impl Llm {
    /// A client of one provider.
    ///
    /// # Errors
    /// When the settings cannot be used; the message names the field.
    pub fn new(http: &Http, settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            provider: Provider::new(Stage::Llm, http, settings)?,
        })
    }

    /// The same client, asking for another model.
    pub fn with_model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.provider.model);
        self
    }

    /// The same client, which tries again only this often.
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.provider.retries = retries;
        self
    }

    /// Opens a connection ahead of the first request.
    pub async fn prewarm(&self) {
        self.provider.prewarm().await;
    }

    /// The answer as it is written. Dropping the stream cancels the request. Up to the first
    /// piece failures are retried, until `deadline`; the stream ends after an error.
    pub fn stream(
        &self,
        request: ChatRequest,
        deadline: Instant,
    ) -> impl Stream<Item = Result<Delta, ProviderError>> + Send + use<> {
        let llm = self.clone();
        let opened = async move { llm.open(request, deadline).await };
        stream::once(opened).try_flatten()
    }

    async fn open(
        self,
        request: ChatRequest,
        deadline: Instant,
    ) -> Result<impl Stream<Item = Result<Delta, ProviderError>> + Send, ProviderError> {
        let provider = &self.provider;
        #[expect(
            deprecated,
            reason = "servers other than OpenAI's know only `max_tokens`"
        )]
        let request = CreateChatCompletionRequest {
            model: provider.model.clone(),
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
        let now = clock::now();
        let (first, answer) = with_retries(
            provider.retries,
            deadline,
            || provider.out_of_time(now, deadline),
            async || {
                let response = provider
                    .send(provider.post("/chat/completions").json(&request))
                    .await?;
                if let Some(media @ ("text/html" | "application/json")) =
                    media_type(&response).as_deref()
                {
                    return Err(provider.garbage(&format!("{media} in place of an event stream")));
                }
                let mut answer = Answer::new(provider.clone(), response);
                let first = answer.next().await?;
                Ok((first, answer))
            },
        )
        .await?;
        let rest = stream::try_unfold(answer, async |mut answer| {
            Ok(answer.next().await?.map(|delta| (delta, answer)))
        });
        Ok(stream::iter(first.map(Ok)).chain(rest))
    }
}

/// An answer being read.
struct Answer {
    provider: Provider,
    response: Response,
    events: sse::Decoder,
    ready: VecDeque<Delta>,
    tool_calls: Vec<ToolCall>,
    finished: bool,
    done: bool,
}

impl Answer {
    fn new(provider: Provider, response: Response) -> Self {
        Self {
            provider,
            response,
            events: sse::Decoder::default(),
            ready: VecDeque::new(),
            tool_calls: Vec::new(),
            finished: false,
            done: false,
        }
    }

    /// `None` at the end of a complete answer.
    async fn next(&mut self) -> Result<Option<Delta>, ProviderError> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            if self.done {
                return Ok(None);
            }
            let Some(bytes) = self.provider.piece(&mut self.response).await? else {
                // Some servers do not send `[DONE]`, but all say why they finished.
                let Provider { stage, host, .. } = &self.provider;
                return if self.finished {
                    Ok(None)
                } else {
                    Err(ProviderError::broken_off(*stage, host))
                };
            };
            let mut events = Vec::new();
            self.events
                .push(&bytes, &mut events)
                .map_err(|_| self.provider.garbage("an endless or unreadable event"))?;
            for event in events {
                self.take(&event)?;
            }
        }
    }

    fn take(&mut self, event: &str) -> Result<(), ProviderError> {
        if event == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(event).map_err(|_| {
            self.provider
                .garbage("an event that is no chunk of an answer")
        })?;
        if chunk.error.is_some() {
            return Err(ProviderError::server(
                self.provider.stage,
                &self.provider.host,
            ));
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
            self.ready
                .extend(texts.filter(|text| !text.is_empty()).map(Delta::Text));
            for call in delta.tool_calls.into_iter().flatten() {
                self.add_to_tool_call(call);
            }
            if let Some(reason) = choice.finish_reason {
                self.finish(&reason);
            }
        }
        self.ready.extend(chunk.usage.map(Delta::Usage));
        Ok(())
    }

    /// The first chunk of a call has its id and name, the others more of its arguments.
    fn add_to_tool_call(&mut self, chunk: ToolCallChunk) {
        let function = chunk.function.unwrap_or_default();
        let begins = chunk
            .index
            .is_none_or(|index| index >= self.tool_calls.len());
        if begins {
            let (id, name) = (String::new(), String::new());
            self.tool_calls.push(ToolCall {
                id,
                name,
                arguments: String::new(),
            });
        }
        let last = self.tool_calls.len() - 1;
        let call = &mut self.tool_calls[chunk.index.map_or(last, |index| index.min(last))];
        call.id += &chunk.id.unwrap_or_default();
        call.name += &function.name.unwrap_or_default();
        call.arguments += &function.arguments.unwrap_or_default();
    }

    fn finish(&mut self, reason: &str) {
        self.finished = true;
        self.ready
            .extend(self.tool_calls.drain(..).map(Delta::ToolCall));
        self.ready.push_back(Delta::Finished(match reason {
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
