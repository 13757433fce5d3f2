//! The only interface to providers: speech to text, language model and text to speech over the OpenAI protocol, at a
//! base URL that the operator chooses for each stage.
//!
//! async-openai's client is not used: it buffers speech to the end, drops `Retry-After`, retries on its own, holds
//! answers in an unbounded queue and logs bodies that it cannot parse, which are what somebody said. Answers are read
//! leniently, because compatible servers leave out what OpenAI's types require; requests are strict, and what a
//! provider refuses of them is learned (`dialect`).

mod ask;
mod dialect;
mod error;
mod family;
#[doc(hidden)]
pub mod fuzz;
mod http;
mod llm;
mod models;
mod realtime;
mod refusal;
mod retry;
mod said;
mod socket;
mod spoken;
mod sse;
mod stt;
mod tts;

pub use error::{ErrorKind, ProviderError, Stage};
pub use http::{ApiKey, Http, Settings, SettingsError};
pub use llm::{
    ChatRequest, Delta, FinishReason, Llm, Message, Opaque, Role, Tool, ToolCall, Usage,
};
pub use models::{Listed, Models};
pub use realtime::Hearing;
pub use retry::RETRIES;
pub use stt::{Stt, Transcript};
pub use tts::{Reworded, Speech, SpeechSockets, Spoken, Tts, stand_in, voices};

#[cfg(test)]
mod tests;
