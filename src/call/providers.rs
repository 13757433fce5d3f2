//! The three things a call asks of models. The one seam between a call and its providers.

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::event::Stage;
use crate::audio::Pcm;

/// Speech to text, the language model and text to speech, already configured (URL, key, model,
/// voice, timeouts, retries). Dropping a future or stream cancels the request.
///
/// A trait, so that whole calls run on a paused clock with in-process fakes: real sockets and
/// simulated time do not mix.
pub trait Providers: Send + Sync + 'static {
    /// The words of an utterance; empty when nothing was said.
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>>;
    /// The answer to `messages`, in pieces as the model writes them.
    fn chat(&self, messages: Vec<Message>) -> BoxStream<'static, Result<String, ProviderError>>;
    /// `text` in the call's voice, in pieces as they come.
    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>>;
}

/// One message of the model's context.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What.
    pub text: String,
}

/// Says how much there is, never the words: they are personal data.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Message({:?}, {} chars)",
            self.role,
            self.text.chars().count()
        )
    }
}

/// Roles of the chat completions protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The prompt.
    System,
    /// The caller.
    User,
    /// The agent.
    Assistant,
}

/// A provider failed after the retries that made sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", stage.as_str())]
pub struct ProviderError {
    /// Which stage.
    pub stage: Stage,
    /// Cause, without secrets and without words of the conversation.
    pub message: String,
}
