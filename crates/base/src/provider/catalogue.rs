//! OpenAI's models by name: what Sidetone asks for where nothing else is said, and when OpenAI
//! ends a model. Each name stands here once.
//!
//! Source: OpenAI's page "deprecations" and the prices' page, read 2026-11-28.

/// What OpenAI's own server is asked for. Other servers keep the names they know.
pub mod default {
    /// Speech to text, an utterance at a time.
    pub const STT: &str = "gpt-transcribe";
    /// Speech to text as it is spoken, over a socket.
    pub const STT_LIVE: &str = "gpt-live-transcribe";
    /// The language model, at `reasoning_effort` "none".
    pub const LLM: &str = "gpt-6-luna";
    /// Text to speech, over the Realtime socket.
    pub const TTS: &str = "gpt-realtime-2.1-mini";
}

/// What other servers that speak OpenAI's protocol are asked for where nothing is named: the names
/// that most of them map to a model of their own.
pub mod compatible {
    /// Speech to text.
    pub const STT: &str = "gpt-4o-mini-transcribe";
    /// The language model.
    pub const LLM: &str = "gpt-4o-mini";
    /// Text to speech.
    pub const TTS: &str = "gpt-4o-mini-tts";
}

/// A model that OpenAI ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Its name.
    pub model: &'static str,
    /// The day, as `YYYY-MM-DD`.
    pub on: &'static str,
    /// What we suggest in its place.
    pub instead: &'static str,
}

const fn ends(model: &'static str, on: &'static str, instead: &'static str) -> Ending {
    Ending { model, on, instead }
}

/// The models of voice agents that OpenAI has said to end.
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

/// When `model` ends, if OpenAI has said so. A dated name ("gpt-4o-2024-11-20") ends with its model.
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
