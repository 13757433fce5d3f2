//! What a configuration file says about a provider: its address, how its key is sent, which protocol it speaks, and
//! the default models. Values only: configuration creates them, the protocols' clients act on them, and neither
//! imports the other.

mod address;
pub mod catalogue;

use serde_json::{Map, Value};

pub use address::{Address, is_openai};

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// `api-key: …`, for Azure.
    ApiKey,
}

/// The protocol by which a language model is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LlmApi {
    /// `POST /chat/completions`
    #[default]
    Chat,
    /// `POST /responses`
    Responses,
}

/// An operator's requirements for the model's replies.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LlmOptions {
    /// How long it may think: "none", "minimal", "low" and so on. `None` for the least that the model is known to
    /// support.
    pub reasoning_effort: Option<String>,
    /// 0 to 2. `None` for the model's own default.
    pub temperature: Option<f32>,
    /// The most tokens of a reply. `None` for the model's own limit.
    pub max_tokens: Option<u32>,
    /// Additional fields of the request.
    pub extra_body: Map<String, Value>,
}

/// Hints that help a model to transcribe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SttHints {
    /// What the conversation is about.
    pub prompt: Option<String>,
    /// Names and terms that may occur.
    pub keywords: Vec<String>,
}

impl SttHints {
    /// All hints in one prompt, for models that accept no keywords. `None` if there are none.
    pub fn in_words(&self) -> Option<String> {
        let keywords = (!self.keywords.is_empty()).then(|| self.keywords.join(", "));
        let parts: Vec<&str> = [self.prompt.as_deref(), keywords.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// How a speech provider is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TtsProtocol {
    /// `POST /audio/speech`, one request per sentence.
    Speech,
    /// `/realtime`, one WebSocket for many sentences.
    Realtime,
}

/// OpenAI's voices, in the order in which they are listed to people: first the six that the speech endpoint began
/// with, which most compatible servers map to one of their own, then later ones.
pub const VOICES: [&str; 13] = [
    "alloy", "echo", "fable", "onyx", "nova", "shimmer", "ash", "ballad", "coral", "sage", "verse",
    "marin", "cedar",
];
