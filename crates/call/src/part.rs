//! The parts of a call, by name.

/// A part of the call, for errors and latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Speech to text.
    Stt,
    /// The language model.
    Llm,
    /// Text to speech.
    Tts,
    /// A tool.
    Tool,
    /// The room.
    Transport,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 5] = [Self::Stt, Self::Llm, Self::Tts, Self::Tool, Self::Transport];

    /// Short name, as stored and logged.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stt => "stt",
            Self::Llm => "llm",
            Self::Tts => "tts",
            Self::Tool => "tool",
            Self::Transport => "transport",
        }
    }
}
