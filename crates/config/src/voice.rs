//! The voices that an agent can have: any that its provider has, by name.

/// A voice, by the speech provider's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Voice(String);

/// The most characters in a voice's name.
const LONGEST: usize = 64;

impl Voice {
    /// OpenAI's voices. If a provider lacks one of them, it uses a substitute: docs/speech-protocols.md.
    pub const KNOWN: [&str; 13] = sidetone_base::provider::VOICES;

    /// The name in requests.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of OpenAI's.
    pub fn is_known(&self) -> bool {
        Self::KNOWN.contains(&self.as_str())
    }
}

impl Default for Voice {
    /// The default of OpenAI's API.
    fn default() -> Self {
        Self(Self::KNOWN[0].to_owned())
    }
}

impl std::fmt::Display for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Voice {
    type Err = BadVoice;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_name = (1..=LONGEST).contains(&name.len()) && name.chars().all(allowed);
        let voice = is_name.then(|| Self(name.to_owned()));
        voice.ok_or_else(|| BadVoice(name.to_owned()))
    }
}

/// A text that cannot be the name of a voice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be a voice's name; write 1 to {LONGEST} letters, digits, \"-\", \"_\" and \".\", \
     such as \"{default}\"",
    default = Voice::KNOWN[0]
)]
pub struct BadVoice(pub String);

#[cfg(test)]
mod tests;
