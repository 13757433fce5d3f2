//! What a file may say of a provider: where it is, how its key is sent, which protocol it speaks, what
//! it is asked for where nothing else is said. Values only: configuration makes them, the protocols'
//! clients act on them, and neither imports the other.

mod address;
pub mod catalogue;

use serde_json::{Map, Value};

pub use address::{Address, is_openai};

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// `api-key: …`, as Azure wants it.
    ApiKey,
}

/// The protocol that a model is asked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LlmApi {
    /// `POST /chat/completions`
    #[default]
    Chat,
    /// `POST /responses`
    Responses,
}

/// What an operator wants of the model, beyond its answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LlmOptions {
    /// How long it may think: "none", "minimal", "low" and so on; none: the least that is known of
    /// the model.
    pub reasoning_effort: Option<String>,
    /// 0 to 2; the model's own default when `None`.
    pub temperature: Option<f32>,
    /// Most tokens of the answer; the model's own limit when `None`.
    pub max_tokens: Option<u32>,
    /// Further fields of the request.
    pub extra_body: Map<String, Value>,
}

/// What helps a model to hear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SttHints {
    /// What the conversation is about.
    pub prompt: Option<String>,
    /// Names and terms that may be said.
    pub keywords: Vec<String>,
}

impl SttHints {
    /// All in one prompt, for models that take no keywords; none when there is nothing to say.
    pub fn in_words(&self) -> Option<String> {
        let keywords = (!self.keywords.is_empty()).then(|| self.keywords.join(", "));
        let parts: Vec<&str> = [self.prompt.as_deref(), keywords.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// How a provider of speech is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TtsProtocol {
    /// `POST /audio/speech`, a request a sentence.
    Speech,
    /// `/realtime`, a WebSocket for many sentences.
    Realtime,
}

/// OpenAI's voices, in the order in which they are listed to people: the six that the speech
/// endpoint began with and that most compatible servers map to one of theirs, then later ones.
pub const VOICES: [&str; 13] = [
    "alloy", "echo", "fable", "onyx", "nova", "shimmer", "ash", "ballad", "coral", "sage", "verse",
    "marin", "cedar",
];
