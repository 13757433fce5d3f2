//! The six voices.

/// OpenAI's six classic voice names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalVoice {
    /// Medium, even. The default.
    Alloy,
    /// The recorded speaker as he is.
    Echo,
    /// Light, quick, story-like.
    Fable,
    /// Deep and slow.
    Onyx,
    /// Bright.
    Nova,
    /// The highest and brightest.
    Shimmer,
}

/// How a voice is made from the one recorded speaker.
///
/// `shift` moves pitch and formants together, as a smaller or larger speaker
/// would: the model speaks slower by that factor and its output is played
/// faster. That keeps the words' pace and gives six voices that can be told
/// apart; they are one person's manner of speaking all the same.
pub(crate) struct Timbre {
    /// Factor on all frequencies.
    pub(crate) shift: f64,
    /// Factor on the duration of everything.
    pub(crate) pace: f32,
}

impl LocalVoice {
    /// Every voice, in OpenAI's order.
    pub const ALL: [Self; 6] = [
        Self::Alloy,
        Self::Echo,
        Self::Fable,
        Self::Onyx,
        Self::Nova,
        Self::Shimmer,
    ];

    /// The name used in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alloy => "alloy",
            Self::Echo => "echo",
            Self::Fable => "fable",
            Self::Onyx => "onyx",
            Self::Nova => "nova",
            Self::Shimmer => "shimmer",
        }
    }

    /// Steps of about two semitones: neighbours differ clearly, and the
    /// outermost are still understood (the round trip test measures that).
    pub(crate) fn timbre(self) -> Timbre {
        let (shift, pace) = match self {
            Self::Onyx => (0.84, 1.08),
            Self::Echo => (0.95, 1.0),
            Self::Alloy => (1.07, 1.0),
            Self::Fable => (1.19, 0.94),
            Self::Nova => (1.32, 1.0),
            Self::Shimmer => (1.46, 1.05),
        };
        Timbre { shift, pace }
    }
}

impl LocalVoice {
    /// Who speaks when `name` is asked for: OpenAI's later voices have one that is like them, and a
    /// name that nobody knows has the default.
    pub fn of(name: &str) -> Self {
        match name {
            "alloy" => Self::Alloy,
            "echo" | "ash" => Self::Echo,
            "fable" | "verse" | "ballad" => Self::Fable,
            "onyx" | "cedar" => Self::Onyx,
            "nova" | "marin" | "sage" => Self::Nova,
            "shimmer" | "coral" => Self::Shimmer,
            _ => {
                tracing::info!(
                    voice = name,
                    "unknown voice; the local models speak as alloy"
                );
                Self::Alloy
            }
        }
    }
}

#[cfg(test)]
mod tests;
