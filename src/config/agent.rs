//! An agent's configuration: one TOML file in `agent-config/`, parsed once, raw to valid.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::turn;

/// Everything that makes one agent: voice, prompt, and the numbers of its manners.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentConfig {
    /// The file's name without its ending.
    pub name: String,
    /// The voice of all its speech.
    pub voice: Voice,
    /// System prompt; `{{variables}}` are filled in by [`AgentConfig::for_call`].
    pub system_prompt: String,
    /// Said when the caller joins; empty: the agent waits to be spoken to.
    pub greeting: String,
    /// Said when a stage fails.
    pub apology: String,
    /// BCP 47 language of the conversation, a hint for STT; none: STT detects it.
    pub language: Option<String>,
    /// Values for `{{variables}}` that a call does not set.
    pub variables: BTreeMap<String, String>,
    /// Voice activity detection.
    pub vad: VadConfig,
    /// Endpointing, interruption and speculation.
    pub turn: turn::Config,
    /// Deadlines of a call's stages and of the call itself.
    pub limits: Limits,
}

/// When sound is speech.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VadConfig {
    /// Probability from which a frame starts speech, 0 to 1.
    pub threshold: f32,
    /// Probability below which a frame may end speech; under `threshold`.
    pub deactivation_threshold: f32,
    /// Speech must last this long to count.
    pub min_speech: Duration,
    /// Silence must last this long to end speech.
    pub silence_duration: Duration,
    /// Audio kept from before speech starts, for STT.
    pub prefix_padding: Duration,
}

/// Deadlines: nothing in a call waits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transcript of an utterance, retries included.
    pub stt: Duration,
    /// First token of the model, and each next one.
    pub llm: Duration,
    /// First audio of a sentence, and each next piece.
    pub tts: Duration,
    /// A caller who vanished may come back for this long.
    pub reconnect_grace: Duration,
    /// How long to wait for the first caller.
    pub wait_for_caller: Duration,
    /// The longest call.
    pub max_duration: Duration,
}

/// The six voices of the OpenAI speech API that every deployment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Voice {
    /// The default.
    #[default]
    Alloy,
    /// "echo".
    Echo,
    /// "fable".
    Fable,
    /// "onyx".
    Onyx,
    /// "nova".
    Nova,
    /// "shimmer".
    Shimmer,
}

impl Voice {
    /// All of them, in the order they are listed to people.
    pub const ALL: [Self; 6] = [
        Self::Alloy,
        Self::Echo,
        Self::Fable,
        Self::Onyx,
        Self::Nova,
        Self::Shimmer,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alloy => "alloy",
            Self::Echo => "echo",
            Self::Fable => "fable",
            Self::Onyx => "onyx",
            Self::Nova => "nova",
            Self::Shimmer => "shimmer",
        }
    }
}

impl std::fmt::Display for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Voice {
    type Err = UnknownVoice;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|voice| voice.as_str() == name);
        found.ok_or_else(|| UnknownVoice(name.to_owned()))
    }
}

/// A voice nobody has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown voice {0:?}; use one of alloy, echo, fable, onyx, nova, shimmer")]
pub struct UnknownVoice(pub String);

/// What one call changes about its agent (the dispatch's metadata).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    /// Another voice.
    pub voice: Option<Voice>,
    /// Another system prompt; its `{{variables}}` are filled in too.
    pub system_prompt: Option<String>,
    /// Values for `{{variables}}`.
    pub variables: BTreeMap<String, String>,
}

/// What is wrong with an agent's configuration, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// Line in it, from 1, where there is one to name.
    pub line: Option<usize>,
    /// Names the key, the value and the fix.
    pub message: String,
}

impl AgentConfig {
    /// Reads and checks a file and the prompt file it names (relative to the file's folder).
    ///
    /// # Errors
    /// The file or its prompt cannot be read, is no TOML, has an unknown key, or a value out of
    /// its range. The first problem is reported.
    pub fn load(_path: &Path) -> Result<Self, ConfigError> {
        unreachable!("being written")
    }

    /// The agent of one call: overrides applied, `{{variables}}` filled in.
    ///
    /// # Errors
    /// A variable has no value.
    pub fn for_call(&self, _overrides: &Overrides) -> Result<Self, ConfigError> {
        unreachable!("being written")
    }
}
