//! What a call asks of models and of tools' servers. The one seam between a call and its
//! providers.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::future::ready;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::Value;

use super::part::Part;
pub use crate::tools::mcp::Served;
use sidetone_base::audio::Pcm;
use sidetone_config::request::HttpRequest;
use sidetone_config::tools::{McpTool, Tool};
use sidetone_config::transfer::Target;
pub use sidetone_providers::openai::{Hearing, Message, Opaque, Reworded, Role, ToolCall, Usage};

/// Whom a call asks, already configured (URL, key, model, voice, timeouts, retries): each part can
/// be another's, and all may be one's. Dropping a future or stream of theirs cancels the request.
///
/// Traits, so that whole calls run on a paused clock with in-process fakes: real sockets and
/// simulated time do not mix.
#[derive(Clone)]
pub struct Providers {
    /// Hears.
    pub stt: Arc<dyn Stt>,
    /// Thinks.
    pub llm: Arc<dyn Llm>,
    /// Speaks.
    pub tts: Arc<dyn Tts>,
    /// Does.
    pub tools: Arc<dyn Tools>,
}

impl<P: Stt + Llm + Tts + Tools> From<Arc<P>> for Providers {
    fn from(all: Arc<P>) -> Self {
        Self {
            stt: Arc::clone(&all) as _,
            llm: Arc::clone(&all) as _,
            tts: Arc::clone(&all) as _,
            tools: all,
        }
    }
}

/// Speech to text.
pub trait Stt: Send + Sync + 'static {
    /// The words of an utterance; empty when nothing was said.
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>>;
    /// Hears the caller speak, where words come as they are spoken and not from whole utterances.
    fn hear(&self) -> Option<Hearing> {
        None
    }
    /// This was given to what [`Stt::hear`] answered.
    fn heard(&self, _audio: &Pcm<16_000>) {}
}

/// The language model.
pub trait Llm: Send + Sync + 'static {
    /// The answer, in pieces as the model writes them.
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>>;
}

/// Text to speech.
pub trait Tts: Send + Sync + 'static {
    /// `text` in the call's voice, in pieces as they come.
    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>>;
    /// As [`Tts::speak`], by the speaker whom the listener knows, where there are several
    /// and that one is well. The stream ends without an error only when all of the text was said.
    fn speak_as(
        &self,
        text: String,
        _known: Option<SpeakerId>,
    ) -> BoxStream<'static, Result<Spoken, ProviderError>> {
        let mut begins = true;
        let by_the_one = move |piece: Result<_, _>| {
            piece.map(|audio| Spoken {
                by: SpeakerId(0),
                begins: std::mem::take(&mut begins),
                audio,
                said: None,
            })
        };
        self.speak(text).map(by_the_one).boxed()
    }
    /// A set phrase, whole; made once for all calls in this voice where it can be kept.
    fn phrase(&self, text: String) -> BoxFuture<'static, Result<Pcm<24_000>, ProviderError>> {
        let mut pieces = self.speak(text);
        async move {
            let mut whole = Pcm::default();
            while let Some(piece) = pieces.next().await {
                whole.append(&piece?);
            }
            Ok(whole)
        }
        .boxed()
    }
}

/// A piece of a text's speech.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// Who says it.
    pub by: SpeakerId,
    /// The text begins here, or begins anew: what came of it before is void. The first piece
    /// always begins.
    pub begins: bool,
    /// More of its sound; may be empty where `said` is not.
    pub audio: Pcm<24_000>,
    /// What the sound says, all of it, where it is known to be other words than the text.
    pub said: Option<Reworded>,
}

/// Servers of tools, and persons.
pub trait Tools: Send + Sync + 'static {
    /// What a tool's server answers, in words for the model, within the request's timeout.
    fn call_tool(
        &self,
        request: HttpRequest,
        values: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>>;
    /// What the agent's MCP servers have; waits a moment for those that are being connected.
    fn served(&self) -> BoxFuture<'static, Served> {
        ready(Served::default()).boxed()
    }
    /// What a tool of an MCP server answers, in words for the model, within the tool's timeout.
    fn call_served(
        &self,
        tool: McpTool,
        _arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        ready(Err(format!("there is no server {}", tool.server))).boxed()
    }
    /// Calls a person, and ends when that person is with the caller, or has not come in `ring`. The person hears the
    /// briefing first, where the target is warm.
    fn put_through(
        &self,
        _to: Target,
        _ring: Duration,
        _briefing: Briefing,
    ) -> BoxFuture<'static, Result<String, String>> {
        ready(Err("this call cannot be transferred to a person".into())).boxed()
    }
}

/// What a person is told who is called to take a call over. Nobody is asked to make it before it is polled.
pub type Briefing = BoxFuture<'static, Result<Briefed, String>>;

/// A briefing, ready to be heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Briefed {
    /// The words of the summary; empty where there is none.
    pub words: String,
    /// The summary.
    pub summary: Pcm<48_000>,
    /// The question that a key answers ([`sidetone_config::transfer::TAKE`]); it may be asked again.
    pub question: Pcm<48_000>,
}

/// Puts callers through to persons.
pub trait Operator: Send + Sync + 'static {
    /// See [`Tools::put_through`].
    fn put_through(
        &self,
        to: Target,
        ring: Duration,
        briefing: Briefing,
    ) -> BoxFuture<'static, Result<String, String>>;
}

/// One of the providers that can speak, each with a voice of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpeakerId(pub usize);

/// What the model is given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// What the model may know of.
    pub tools: Vec<Tool>,
    /// Whether it may call them now.
    pub may_call: bool,
    /// JSON Schema of the whole answer. A wish: only models that are known to keep to one are held
    /// to it, and the messages say it, too.
    pub schema: Option<Value>,
}

/// A piece of the model's answer.
#[derive(Clone, PartialEq)]
pub enum Piece {
    /// The next words.
    Text(String),
    /// The model writes a call, which comes when it is whole.
    Calling,
    /// A whole call of a tool.
    Call(ToolCall),
    /// Fields of the assistant's message that only its provider understands (signatures,
    /// reasoning): they go back with the message, unread.
    Opaque(Opaque),
    /// What the answer took, where the provider says so.
    Usage(Usage),
}

/// Whose fault a failure is, and so what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// This request cannot be answered as it is; another may well be. Says nothing of the
    /// provider's health.
    Refused,
    /// The conversation is longer than the model takes: a shorter one can be answered.
    TooLong,
    /// The provider wants to be left alone for a while.
    Limited,
    /// The provider does not work: whoever asks it next fails, too.
    Sick,
}

/// A provider failed after the retries that made sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", stage.as_str())]
pub struct ProviderError {
    /// Which stage.
    pub stage: Part,
    /// Whose fault it is.
    pub fault: Fault,
    /// Cause, without secrets and without words of the conversation.
    pub message: String,
    /// How long a provider that is [`Fault::Limited`] wants to be left alone, where it says so.
    pub retry_after: Option<Duration>,
}

impl ProviderError {
    /// This request is at fault, or what came of it.
    pub fn refused(stage: Part, message: impl Into<String>) -> Self {
        Self {
            fault: Fault::Refused,
            ..Self::new(stage, message)
        }
    }

    /// The provider is at fault.
    pub fn new(stage: Part, message: impl Into<String>) -> Self {
        Self {
            stage,
            fault: Fault::Sick,
            message: message.into(),
            retry_after: None,
        }
    }
}
