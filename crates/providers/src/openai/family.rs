//! Differences between OpenAI's models: which fields each accepts. Names may carry a vendor ("openai/gpt-6-luna") and a
//! date.
//!
//! Source: developers.openai.com, read 2026-11-28, and livekit-agents' table of refused fields.

use serde_json::{Map, Value};

/// Refused by the newer models while they reason.
const WHILE_REASONING: [&str; 8] = [
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "stop",
];

fn plain(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

/// Language models, by how they reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// They answer at once, and always accept temperature and the like.
    Never,
    /// The `gpt-5` family: "minimal" is the lowest effort.
    Five,
    /// `gpt-5.6-*`, `gpt-6-luna`, `gpt-6-sol`: "none" is the lowest effort; tools require it to be set in chat
    /// completions.
    Six,
    /// `gpt-6.1-sol`, `gpt-6-astra`: "low" is the lowest effort; tools work in the Responses API only.
    Always,
}

/// How a language model reasons. Names of other providers' models say nothing about that.
pub(super) fn thinking(model: &str) -> Thinking {
    let model = plain(model);
    let is = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
    if is(&["gpt-6.1", "gpt-6-astra"]) {
        Thinking::Always
    } else if is(&["gpt-6", "gpt-5.6"]) {
        Thinking::Six
    } else if is(&["gpt-5"]) {
        Thinking::Five
    } else {
        Thinking::Never
    }
}

impl Thinking {
    /// The lowest effort, which a voice agent wants: while the model thinks, the caller hears silence.
    pub(super) const fn least(self) -> Option<&'static str> {
        match self {
            Self::Never => None,
            Self::Five => Some("minimal"),
            Self::Six => Some("none"),
            Self::Always => Some("low"),
        }
    }

    /// Removes what the model refuses at `effort`; if that is unset, the model reasons.
    pub(super) fn restrict(self, effort: Option<&str>, fields: &mut Map<String, Value>) {
        let refused: &[&str] = match self {
            Self::Never => &[],
            Self::Five => &WHILE_REASONING[..2],
            Self::Six | Self::Always if effort == Some("none") => &[],
            Self::Six | Self::Always => &WHILE_REASONING,
        };
        fields.retain(|name, _| !refused.contains(&name.as_str()));
    }
}

/// Speech-to-text models, by what they report and accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    /// Whisper and its relatives report certainty per segment.
    Whisper,
    /// `gpt-4o-*` report it per token.
    Tokens,
    /// `gpt-transcribe`, `gpt-live-transcribe` do not report it; languages and keywords are lists.
    Keywords,
    /// `gpt-realtime-whisper` accepts one language, and nothing else.
    Socket,
}

/// Which of these a speech-to-text model is.
pub(super) fn hearing(model: &str) -> Hearing {
    match plain(model) {
        model if model.starts_with("gpt-realtime-whisper") => Hearing::Socket,
        model if model.starts_with("gpt-transcribe") => Hearing::Keywords,
        model if model.starts_with("gpt-live-transcribe") => Hearing::Keywords,
        model if model.starts_with("gpt-") => Hearing::Tokens,
        _ => Hearing::Whisper,
    }
}

/// Whether a model transcribes over a socket only.
pub(super) fn is_socket_only(model: &str) -> bool {
    let model = plain(model);
    model.starts_with("gpt-live-transcribe") || model.starts_with("gpt-realtime")
}

#[cfg(test)]
mod tests;
