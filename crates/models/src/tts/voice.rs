//! The six voices, and the people who speak them.

/// OpenAI's six classic voice names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalVoice {
    /// A woman, even and friendly. The default.
    Alloy,
    /// A man.
    Echo,
    /// A man; a British man if his weights are there.
    Fable,
    /// A man with a low voice.
    Onyx,
    /// A woman with a bright voice.
    Nova,
    /// A woman with a soft voice; a British woman if her weights are there.
    Shimmer,
}

/// A person whose voice a network has learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Person {
    /// An American woman. Her weights are in hibari's own package.
    Heart,
    /// An American woman.
    Kore,
    /// A British woman.
    Emma,
    /// An American man.
    Fenrir,
    /// A British man.
    Fable,
    /// An American man, from Piper.
    Joe,
}

impl Person {
    /// All people.
    pub(crate) const ALL: [Self; 6] = [
        Self::Heart,
        Self::Kore,
        Self::Emma,
        Self::Fenrir,
        Self::Fable,
        Self::Joe,
    ];

    /// The name of the person's weights in the manifest.
    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::Heart => "hibari-heart",
            Self::Kore => "hibari-kore",
            Self::Emma => "hibari-emma",
            Self::Fenrir => "hibari-fenrir",
            Self::Fable => "hibari-fable",
            Self::Joe => "piper-en_US-joe",
        }
    }

    /// Whether the pronunciation is British.
    pub(crate) fn is_british(self) -> bool {
        matches!(self, Self::Emma | Self::Fable)
    }
}

/// Who speaks a voice, and how the voice is changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Role {
    pub(crate) person: Person,
    /// Factor on all frequencies, as of a smaller or larger speaker: played faster, and spoken more slowly to match.
    pub(crate) size: f64,
    /// Factor on the melody alone. Piper's network generates the melody itself and has no such factor.
    pub(crate) pitch: f32,
    /// Factor on all durations.
    pub(crate) pace: f32,
    /// Factor on the amplitude, so that all voices speak at -20 dB, as measured by `examples/voices`.
    pub(crate) gain: f32,
}

impl Role {
    const fn own(person: Person) -> Self {
        let gain = match person {
            Person::Joe => 1.4,
            _ => 1.55,
        };
        Self::like(person, 1.0, 1.0, 1.0, gain)
    }

    const fn like(person: Person, size: f64, pitch: f32, pace: f32, gain: f32) -> Self {
        Self {
            person,
            size,
            pitch,
            pace,
            gain,
        }
    }
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

    /// Who speaks this voice, best first. The last one's weights come from a registry and are always there; a person
    /// who speaks several voices is changed in all but one.
    pub(crate) fn roles(self) -> &'static [Role] {
        use Person::{Emma, Fable, Fenrir, Heart, Joe, Kore};
        const ALLOY: [Role; 1] = [Role::own(Heart)];
        const ONYX: [Role; 1] = [Role::like(Joe, 0.84, 1.0, 1.08, 1.4)];
        const NOVA: [Role; 2] = [Role::own(Kore), Role::like(Heart, 1.08, 1.06, 0.96, 1.4)];
        const SHIMMER: [Role; 2] = [Role::own(Emma), Role::like(Heart, 0.94, 0.9, 1.05, 1.4)];
        const ECHO: [Role; 2] = [Role::own(Fenrir), Role::own(Joe)];
        const FABLE: [Role; 2] = [Role::own(Fable), Role::like(Joe, 1.19, 1.0, 0.94, 1.4)];
        match self {
            Self::Alloy => &ALLOY,
            Self::Onyx => &ONYX,
            Self::Nova => &NOVA,
            Self::Shimmer => &SHIMMER,
            Self::Echo => &ECHO,
            Self::Fable => &FABLE,
        }
    }

    /// The voice for `name` in a request: OpenAI's later voices are mapped to similar ones, and unknown names to the
    /// default.
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
