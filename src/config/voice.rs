//! The voices an agent can have.

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
