//! The only provider seam: speech to text, language model and text to speech over the OpenAI
//! protocol, at a base URL of the operator's choice for each stage.
//!
//! Requests are built from async-openai's types. Its client is not used: it buffers speech to
//! the end, drops `Retry-After`, retries by itself, holds answers in an unbounded queue and
//! writes bodies it cannot parse (somebody's words) to the log. Answers are read leniently,
//! because compatible servers leave out what OpenAI's types require.

pub mod catalogue;
mod error;
mod http;
mod llm;
mod realtime;
mod retry;
mod socket;
mod sse;
mod stt;
mod tts;

pub use async_openai::types::chat::{
    ChatCompletionRequestMessage as Message, ChatCompletionTools as Tool,
};
pub use error::{ErrorKind, ProviderError, Stage};
pub use http::{ApiKey, Http, Settings, SettingsError};
pub use llm::{Api, ChatRequest, Delta, FinishReason, Llm, Opaque, ToolCall, Usage};
pub use realtime::Hearing;
pub use retry::RETRIES;
pub use stt::{Stt, Transcript};
pub use tts::{Protocol, Reworded, Speech, Spoken, Tts, VOICES, stand_in, voices};

#[cfg(test)]
mod tests;
