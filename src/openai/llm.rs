//! The language model, read as it is written: by [`chat`] completions, which all servers know, or by
//! the [`responses`] API.

mod chat;
mod responses;

use std::collections::VecDeque;
use std::time::Instant;

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
    api: Api,
}

/// The protocol that a model is asked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Api {
    /// `POST /chat/completions`
    #[default]
    Chat,
    /// `POST /responses`
    Responses,
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

/// What only a provider understands of what it said: kept, and given back unread.
pub type Opaque = serde_json::Map<String, serde_json::Value>;

/// The model wants a tool called.
#[derive(Clone, PartialEq, Default)]
pub struct ToolCall {
    /// Names the call in its result.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text, as the model wrote it: it may not be valid.
    pub arguments: String,
    /// Further fields of the call, such as a signature; they travel back with it.
    pub opaque: Opaque,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Usage {
    /// Read, those from the provider's cache among them.
    #[serde(default)]
    pub prompt_tokens: u32,
    /// Of these, read from the provider's cache.
    #[serde(default)]
    pub cached_tokens: u32,
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
            api: Api::default(),
        })
    }

    /// The same client, asking for another model.
    pub fn with_model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.provider.model);
        self
    }

    /// The same client, asking by another protocol.
    pub fn with_api(self, api: Api) -> Self {
        Self { api, ..self }
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
        let (path, body) = match self.api {
            Api::Chat => ("/chat/completions", chat::body(&provider.model, request)),
            Api::Responses => ("/responses", responses::body(&provider.model, request)),
        };
        let body = body.map_err(|_| provider.garbage("a request that is no JSON"))?;
        let now = clock::now();
        let (first, answer) = with_retries(
            provider.retries,
            deadline,
            || provider.out_of_time(now, deadline),
            async || {
                let response = provider.send(provider.post(path).json(&body)).await?;
                if let Some(media @ ("text/html" | "application/json")) =
                    media_type(&response).as_deref()
                {
                    return Err(provider.garbage(&format!("{media} in place of an event stream")));
                }
                let mut answer = Answer::new(provider.clone(), self.api, response);
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
    reader: Reader,
}

/// Makes of events what the model says.
enum Reader {
    Chat(chat::Reader),
    Responses(responses::Reader),
}

/// Why an event is no part of an answer.
enum Fault {
    /// It is none of the protocol's.
    Garbage,
    /// The server says that it has failed.
    Server,
}

impl Answer {
    fn new(provider: Provider, api: Api, response: Response) -> Self {
        let reader = match api {
            Api::Chat => Reader::Chat(chat::Reader::default()),
            Api::Responses => Reader::Responses(responses::Reader::default()),
        };
        Self {
            provider,
            response,
            events: sse::Decoder::default(),
            ready: VecDeque::new(),
            reader,
        }
    }

    /// `None` at the end of a complete answer.
    async fn next(&mut self) -> Result<Option<Delta>, ProviderError> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            let (finished, done) = match &self.reader {
                Reader::Chat(reader) => (reader.finished, reader.done),
                Reader::Responses(reader) => (reader.finished, reader.finished),
            };
            if done {
                return Ok(None);
            }
            let Some(bytes) = self.provider.piece(&mut self.response).await? else {
                // Some servers do not send `[DONE]`, but all say why they finished.
                let Provider { stage, host, .. } = &self.provider;
                return if finished {
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
        let taken = match &mut self.reader {
            Reader::Chat(reader) => reader.take(event, &mut self.ready),
            Reader::Responses(reader) => reader.take(event, &mut self.ready),
        };
        taken.map_err(|fault| match fault {
            Fault::Garbage => self
                .provider
                .garbage("an event that is no part of an answer"),
            Fault::Server => ProviderError::server(self.provider.stage, &self.provider.host),
        })
    }
}
