//! The six voices.

use std::str::FromStr;

/// OpenAI's six classic voice names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Voice {
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

impl Voice {
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

impl FromStr for Voice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|voice| voice.name() == name)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|voice| voice.name()).collect();
                format!("'{name}' is not a voice; use one of {}", names.join(", "))
            })
    }
}
