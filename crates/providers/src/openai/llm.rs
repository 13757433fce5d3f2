//! The language model, read while it writes: by [`chat`] completions, which all servers support, or by the
//! [`responses`] API.

pub(in crate::openai) mod answer;
mod calls;
mod chat;
mod history;
mod markup;
mod message;
mod responses;
mod wire;

use sidetone_base::provider::{LlmApi, LlmOptions};
use std::time::Instant;

use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::dialect::Dialect;
use super::error::{ProviderError, Stage};
use super::family::{self, Thinking};
use super::http::{Http, Provider, Settings, SettingsError};
use super::retry::with_retries;
use answer::AnswerReader;
pub use message::{Message, Role};
use sidetone_base::clock;

/// Fields that a request cannot do without, in both APIs.
const NEEDED: [&str; 5] = ["model", "messages", "input", "stream", "tools"];
/// At OpenAI, that nothing is stored is not optional; other servers may not know the field.
const NEEDED_AT_OPENAI: [&str; 6] = ["model", "messages", "input", "stream", "tools", "store"];

/// Continues a conversation. Clones share the connections.
#[derive(Clone)]
pub struct Llm {
    provider: Provider,
    api: LlmApi,
    options: LlmOptions,
    keeps_schemas: bool,
}

/// Input to the model.
#[derive(Clone, PartialEq, Default)]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools offered to the model.
    pub tools: Vec<Tool>,
    /// Whether it may call them now.
    pub may_call: bool,
    /// JSON Schema of the whole answer, for servers that are known to keep to one.
    pub schema: Option<Value>,
    /// Most tokens of this answer. Overrides [`LlmOptions::max_tokens`].
    pub max_tokens: Option<u32>,
}

/// A tool offered to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// When to call it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// A piece of an answer.
#[derive(Clone, PartialEq)]
pub enum Delta {
    /// The next words, split anywhere; never empty.
    Text(String),
    /// The model writes a tool call; more of it has arrived.
    Calling,
    /// A whole tool call, at the answer's end. Truncated arguments are passed on as they are: whoever runs the call
    /// tells the model that they are not JSON.
    ToolCall(ToolCall),
    /// Fields of the message that led to its calls; they are sent back with it.
    Opaque(Opaque),
    /// The model has ended its answer. Only usage follows.
    Finished(FinishReason),
    /// What the answer cost, if the provider reports it.
    Usage(Usage),
}

/// Shows the size, never the words: they are personal data.
impl std::fmt::Debug for Delta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} chars)", text.chars().count()),
            Self::Calling => f.write_str("Calling"),
            Self::ToolCall(call) => write!(f, "ToolCall({})", call.name),
            Self::Opaque(fields) => write!(f, "Opaque({} fields)", fields.len()),
            Self::Finished(reason) => write!(f, "Finished({reason:?})"),
            Self::Usage(usage) => write!(f, "{usage:?}"),
        }
    }
}

/// Data that only the provider understands: kept, and sent back unread.
pub type Opaque = serde_json::Map<String, serde_json::Value>;

/// The model wants a tool called.
#[derive(Clone, PartialEq, Default)]
pub struct ToolCall {
    /// Names the call in its result.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// JSON text, as the model wrote it: it may be invalid.
    pub arguments: String,
    /// Further fields of the call, such as a signature; they are sent back with it.
    pub opaque: Opaque,
}

/// Names the tool, never its arguments.
impl std::fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ToolCall({})", self.name)
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had nothing to add.
    Stop,
    /// The token limit was reached.
    Length,
    /// The model waits for the results of tools.
    ToolCalls,
    /// The provider's filter withheld the rest.
    ContentFilter,
    /// Another reason.
    Other,
}

/// Token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens read, including those from the provider's cache.
    pub prompt_tokens: u32,
    /// Those of them that were read from the provider's cache.
    pub cached_tokens: u32,
    /// Tokens written.
    pub completion_tokens: u32,
}

impl Llm {
    /// Creates a client of one provider.
    ///
    /// # Errors
    /// If the settings cannot be used; the message names the field.
    pub fn new(http: &Http, settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            provider: Provider::new(Stage::Llm, http, settings)?,
            api: LlmApi::default(),
            options: LlmOptions::default(),
            keeps_schemas: false,
        })
    }

    /// The same client over another protocol.
    pub fn with_api(self, api: LlmApi) -> Self {
        Self { api, ..self }
    }

    /// The same client with these options.
    pub fn with_options(self, options: LlmOptions) -> Self {
        Self { options, ..self }
    }

    /// The same client of a server that keeps to schemas, where `keeps`. Others are not asked to: a
    /// refusal that names no field would cost their later requests more than the schema.
    pub fn that_keeps_schemas(self, keeps: bool) -> Self {
        Self {
            keeps_schemas: keeps,
            ..self
        }
    }

    /// The same client with this number of retries.
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.provider.retries = retries;
        self
    }

    /// Opens a connection ahead of the first request.
    pub async fn prewarm(&self) {
        self.provider.prewarm().await;
    }

    /// The answer as it is written. Dropping the stream cancels the request. Until the first piece, failures are
    /// retried up to `deadline`; after an error the stream ends.
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
        let api = self.api();
        let path = match api {
            LlmApi::Chat => "/chat/completions",
            LlmApi::Responses => "/responses",
        };
        let needed = match provider.is_openai() {
            true => &NEEDED_AT_OPENAI[..],
            false => &NEEDED[..],
        };
        let now = clock::now();
        let (first, answer) = with_retries(
            provider.retries,
            deadline,
            || provider.out_of_time(now, deadline),
            async || {
                let fields = |dialect: &Dialect| self.fields(api, &request, dialect);
                let (response, asked) = provider
                    .ask(fields, needed, |fields| provider.post(path).json(fields))
                    .await?;
                let mut answer =
                    AnswerReader::new(provider.clone(), api, &request, response, asked)?;
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

    /// At OpenAI, models that always reason call tools in the Responses API only.
    fn api(&self) -> LlmApi {
        let is_responses_only =
            self.provider.is_openai() && family::thinking(&self.provider.model) == Thinking::Always;
        if is_responses_only {
            LlmApi::Responses
        } else {
            self.api
        }
    }

    /// The request's fields.
    fn fields(&self, api: LlmApi, request: &ChatRequest, dialect: &Dialect) -> Value {
        let Self {
            provider, options, ..
        } = self;
        let mut fields = match api {
            LlmApi::Chat => chat::body(request, dialect.history()),
            LlmApi::Responses => responses::body(request, dialect.history()),
        };
        let thinking = family::thinking(&provider.model);
        fields.insert("model".into(), provider.model.clone().into());
        // On other servers, models with these names follow those servers' rules.
        let least = thinking.least().filter(|_| provider.is_openai());
        let effort = options.reasoning_effort.as_deref().or(least);
        if let Some(most) = request.max_tokens.or(options.max_tokens) {
            let name = match api {
                LlmApi::Responses => "max_output_tokens",
                LlmApi::Chat if provider.is_openai() => "max_completion_tokens",
                LlmApi::Chat => "max_tokens",
            };
            fields.insert(name.into(), most.into());
        }
        if let (Some(schema), true, LlmApi::Chat) = (&request.schema, self.keeps_schemas, api) {
            let format = json!({ "name": "answer", "schema": schema });
            let format = json!({ "type": "json_schema", "json_schema": format });
            fields.insert("response_format".into(), format);
        }
        if let Some(temperature) = options.temperature {
            // As configured: 0.2, not 0.20000000298.
            let text = temperature.to_string();
            let number = serde_json::from_str(&text).unwrap_or_else(|_| temperature.into());
            fields.insert("temperature".into(), number);
        }
        if let Some(effort) = effort {
            match api {
                LlmApi::Chat => fields.insert("reasoning_effort".into(), effort.into()),
                LlmApi::Responses => {
                    if effort != "none" {
                        let include = json!(["reasoning.encrypted_content"]);
                        fields.insert("include".into(), include);
                    }
                    fields.insert("reasoning".into(), json!({ "effort": effort }))
                }
            };
        }
        for (name, value) in &options.extra_body {
            if !NEEDED.contains(&name.as_str()) {
                fields.insert(name.clone(), value.clone());
            }
        }
        let effort = effort.map(str::to_owned);
        thinking.restrict(effort.as_deref(), &mut fields);
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests;
