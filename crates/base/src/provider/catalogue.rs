//! OpenAI's models by name: Sidetone's defaults, and when OpenAI shuts a model down. Each name stands here once.
//!
//! Source: OpenAI's pages "deprecations" and "pricing", read 2026-11-28.

/// The default models on OpenAI's own server. Other servers have names of their own.
pub mod default {
    /// Speech to text, one utterance at a time.
    pub const STT: &str = "gpt-transcribe";
    /// Speech to text while it is spoken, over a socket.
    pub const STT_LIVE: &str = "gpt-live-transcribe";
    /// The language model, at `reasoning_effort` "none".
    pub const LLM: &str = "gpt-6-luna";
    /// Text to speech, over the Realtime socket.
    pub const TTS: &str = "gpt-realtime-2.1-mini";
}

/// The default models on other servers that speak OpenAI's protocol: names that most of them map to a model of their
/// own.
pub mod compatible {
    /// Speech to text.
    pub const STT: &str = "gpt-4o-mini-transcribe";
    /// The language model.
    pub const LLM: &str = "gpt-4o-mini";
    /// Text to speech.
    pub const TTS: &str = "gpt-4o-mini-tts";
}

/// A model that OpenAI shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Its name.
    pub model: &'static str,
    /// The shutdown date, as `YYYY-MM-DD`.
    pub on: &'static str,
    /// The suggested replacement.
    pub instead: &'static str,
}

const fn ends(model: &'static str, on: &'static str, instead: &'static str) -> Ending {
    Ending { model, on, instead }
}

/// The models for voice agents whose shutdown OpenAI has announced.
pub const ENDINGS: [Ending; 19] = [
    ends("gpt-5", "2026-12-11", "gpt-6-sol"),
    ends("gpt-5-mini", "2026-12-11", default::LLM),
    ends("gpt-5-nano", "2026-12-11", default::LLM),
    ends("o3", "2026-12-11", "gpt-6-sol"),
    ends("tts-1", "2027-01-06", default::TTS),
    ends("tts-1-hd", "2027-01-06", default::TTS),
    ends(compatible::TTS, "2027-01-06", default::TTS),
    ends("gpt-4o", "2027-01-14", "gpt-6-sol"),
    ends(compatible::LLM, "2027-01-14", default::LLM),
    ends("gpt-4.1", "2027-01-14", "gpt-6-sol"),
    ends("gpt-4.1-mini", "2027-01-14", default::LLM),
    ends("gpt-realtime", "2027-01-20", "gpt-realtime-2.1"),
    ends("gpt-realtime-mini", "2027-01-20", default::TTS),
    ends("gpt-audio-mini", "2027-01-20", default::TTS),
    ends("whisper-1", "2027-02-26", default::STT),
    ends("gpt-4o-transcribe", "2027-02-26", default::STT),
    ends(compatible::STT, "2027-02-26", default::STT),
    ends("gpt-5.1", "2027-04-01", "gpt-6-sol"),
    ends("gpt-5.4-nano", "2027-04-01", default::LLM),
];

/// When `model` is shut down, if OpenAI has announced it. A dated name ("gpt-4o-2024-11-20") ends with its model.
pub fn ending(model: &str) -> Option<&'static Ending> {
    let is_date = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let is_it = |ending: &&Ending| {
        let rest = model.strip_prefix(ending.model);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("-20") && is_date(rest))
    };
    ENDINGS.iter().find(is_it)
}

#[cfg(test)]
mod tests;
