//! How a speech provider is requested, and the format of its sound: keys of `[tts]` and of `[providers.*]`.

use super::section::Section;
use sidetone_base::provider::TtsProtocol;

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpeechKeys {
    /// `None` to choose by the provider's address and model.
    pub protocol: Option<TtsProtocol>,
    /// The format to request. `None` for "pcm".
    pub response_format: Option<String>,
    /// The sample rate of raw samples, if the server does not state it. `None` for 24,000.
    pub sample_rate: Option<u32>,
}

impl SpeechKeys {
    /// Reads the keys; the protocol has the key `protocol`, such as "tts_protocol".
    pub fn read(section: &mut Section<'_>, protocol: &'static str) -> Self {
        let one_of = |section: &mut Section<'_>, key, names: [&'static str; 2]| {
            let text = section.choice(key, names.to_vec())?;
            if names.contains(&text.value.as_str()) {
                return Some(text.value);
            }
            let (full, value, [one, other]) = (section.full(key), &text.value, names);
            let message = format!("{full} = {value:?} must be {one:?} or {other:?}");
            section.complain(&text.place, message);
            None
        };
        let protocol = one_of(section, protocol, ["speech", "realtime"]);
        let response_format = one_of(section, "response_format", ["pcm", "wav"]);
        let has_rate = !section.lacks("sample_rate");
        let rate = section.count("sample_rate", 24_000, 4_000..=192_000);
        Self {
            protocol: protocol.map(|name| match name.as_str() {
                "realtime" => TtsProtocol::Realtime,
                _ => TtsProtocol::Speech,
            }),
            response_format,
            sample_rate: has_rate.then_some(rate as u32),
        }
    }
}
