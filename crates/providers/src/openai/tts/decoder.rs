//! Turns a body of speech, as it arrives, into samples at 24 kHz, and refuses anything else before any of it is played.
//! PURE.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::super::sse;
use super::kind::{Kind, Label};
use sidetone_base::audio::Pcm;
use sidetone_base::audio::resampler::{Converter, from_f32};
use sidetone_base::audio::wav::{self, Layout};

/// Most bytes before a WAV file's audio (tags may be there), and of an error.
const HEAD: usize = 64 << 10;
/// Samples per second of a call's speech.
const RATE: u32 = 24_000;
/// Some servers leave out the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a body is not a sentence's speech, or only part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::openai) enum Fault {
    /// It is audio that cannot be played; completes "sent ...".
    NotSpeech(String),
    /// It is not audio; completes "sent ...".
    Foreign(&'static str),
    /// The server reports a failure, in these words.
    Reported(Vec<u8>),
    /// It ends before the length that it announced.
    Cut,
}

impl Fault {
    fn other(what: &str) -> Self {
        Self::NotSpeech(what.to_owned())
    }
}

/// See the module's documentation.
pub(in crate::openai) struct Decoder {
    label: Label,
    state: State,
    /// Server-sent events do not nest.
    is_inner: bool,
}

enum State {
    /// Too few bytes so far to tell what it is.
    Beginning(Vec<u8>),
    WavHead(Vec<u8>),
    Sound(Box<Sound>),
    Events(Box<Events>),
    Json(Vec<u8>),
}

struct Events {
    lines: sse::Decoder,
    sound: Decoder,
    /// The server has said that nothing more comes.
    over: bool,
}

impl Decoder {
    /// For a body with this label.
    pub(in crate::openai) fn new(label: Label) -> Self {
        Self {
            label,
            state: State::Beginning(Vec::new()),
            is_inner: false,
        }
    }

    /// The samples that `bytes` complete, possibly none.
    ///
    /// # Errors
    /// The body is not speech.
    pub(in crate::openai) fn push(&mut self, bytes: &[u8]) -> Result<Pcm<24_000>, Fault> {
        match &mut self.state {
            State::Beginning(head) => {
                head.extend_from_slice(bytes);
                match self.label.kind(head, false) {
                    Some(kind) => self.begin(kind),
                    None => Ok(Pcm::default()),
                }
            }
            State::WavHead(head) => {
                head.extend_from_slice(bytes);
                self.wav()
            }
            State::Sound(sound) => Ok(sound.push(bytes)),
            State::Events(events) => events.push(bytes),
            State::Json(body) => {
                body.extend_from_slice(bytes);
                if body.len() > HEAD {
                    return Err(Fault::Foreign("a long JSON document"));
                }
                Ok(Pcm::default())
            }
        }
    }

    /// The samples that were still waiting at the body's end.
    ///
    /// # Errors
    /// The body is not speech, or incomplete.
    pub(in crate::openai) fn finish(&mut self) -> Result<Pcm<24_000>, Fault> {
        let mut samples = Pcm::default();
        if let State::Beginning(head) = &self.state {
            if head.is_empty() {
                return Ok(samples);
            }
            if let Some(kind) = self.label.kind(head, true) {
                samples = self.begin(kind)?;
            }
        }
        match &mut self.state {
            State::Beginning(_) => {}
            State::WavHead(_) => return Err(Fault::Cut),
            State::Sound(sound) => samples.append(&sound.finish()?),
            State::Events(events) => samples.append(&events.finish()?),
            State::Json(body) => return Err(reported(body)),
        }
        Ok(samples)
    }

    /// Whether nothing more is to come, whatever the connection does.
    pub(in crate::openai) fn is_over(&self) -> bool {
        matches!(&self.state, State::Events(events) if events.over)
    }

    fn begin(&mut self, kind: Kind) -> Result<Pcm<24_000>, Fault> {
        let State::Beginning(head) = &mut self.state else {
            return Ok(Pcm::default());
        };
        let head = std::mem::take(head);
        let Label { rate, channels, .. } = self.label;
        match kind {
            Kind::Samples => {
                let layout = if self.label.big_endian {
                    Layout::s16be(rate, channels)
                } else {
                    Layout::s16le(rate, channels)
                };
                self.state = State::Sound(Box::new(Sound::new(layout, None)));
                self.push(&head)
            }
            Kind::Wav => {
                self.state = State::WavHead(head);
                self.wav()
            }
            Kind::Events if !self.is_inner => {
                let sound = Self {
                    is_inner: true,
                    ..Self::new(self.label.clone().in_events())
                };
                self.state = State::Events(Box::new(Events {
                    lines: sse::Decoder::default(),
                    sound,
                    over: false,
                }));
                self.push(&head)
            }
            Kind::Json => {
                self.state = State::Json(head);
                Ok(Pcm::default())
            }
            Kind::Events => Err(Fault::Foreign("events within events")),
            Kind::Other(what) => Err(Fault::other(what)),
            Kind::Foreign(what) => Err(Fault::Foreign(what)),
        }
    }

    fn wav(&mut self) -> Result<Pcm<24_000>, Fault> {
        let State::WavHead(bytes) = &mut self.state else {
            return Ok(Pcm::default());
        };
        let head = wav::head(bytes);
        let head = head.map_err(|what| Fault::NotSpeech(format!("a WAV file that {what}")))?;
        let Some(head) = head else {
            if bytes.len() > HEAD {
                return Err(Fault::other("a WAV file without sound in its first 64 KiB"));
            }
            return Ok(Pcm::default());
        };
        let rest = bytes.split_off(head.at);
        self.state = State::Sound(Box::new(Sound::new(head.layout, head.length)));
        self.push(&rest)
    }
}

/// The message of a JSON document in place of speech.
fn reported(body: &[u8]) -> Fault {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_error = ["error", "detail", "message", "errors"]
        .iter()
        .any(|key| !document[key].is_null());
    if is_error {
        Fault::Reported(body.to_vec())
    } else {
        Fault::Foreign("a JSON document")
    }
}

impl Events {
    fn push(&mut self, bytes: &[u8]) -> Result<Pcm<24_000>, Fault> {
        let mut events = Vec::new();
        let malformed = |_| Fault::Foreign("events that cannot be read");
        self.lines.push(bytes, &mut events).map_err(malformed)?;
        let mut samples = Pcm::default();
        for event in events.iter().filter(|event| !event.trim().is_empty()) {
            if self.over {
                break;
            }
            samples.append(&self.event(event)?);
        }
        Ok(samples)
    }

    /// Some servers leave out the line that ends the last event.
    fn finish(&mut self) -> Result<Pcm<24_000>, Fault> {
        let mut samples = Pcm::default();
        for event in self.lines.finish() {
            if !self.over && !event.trim().is_empty() {
                samples.append(&self.event(&event)?);
            }
        }
        samples.append(&self.sound.finish()?);
        Ok(samples)
    }

    fn event(&mut self, data: &str) -> Result<Pcm<24_000>, Fault> {
        if data.trim() == "[DONE]" {
            self.over = true;
            return Ok(Pcm::default());
        }
        let event: Value = match serde_json::from_str(data) {
            Ok(event) => event,
            Err(_) if data.trim_start().starts_with(['{', '[']) => {
                return Err(Fault::Foreign("events that are not those of speech"));
            }
            // Keep-alives of all kinds.
            Err(_) => return Ok(Pcm::default()),
        };
        let kind = event["type"].as_str().unwrap_or_default();
        let is_error = match &event["error"] {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Object(error) => !error.is_empty(),
            _ => true,
        };
        if is_error || kind == "error" {
            return Err(Fault::Reported(data.as_bytes().to_vec()));
        }
        if kind.contains("transcript") || kind.contains("text") {
            return Ok(Pcm::default());
        }
        self.over = kind.ends_with("audio.done") || kind.ends_with("audio_output.done");
        let audio = ["audio", "delta", "data"]
            .iter()
            .find_map(|key| event[key].as_str());
        let Some(audio) = audio.filter(|_| !self.over) else {
            return Ok(Pcm::default());
        };
        let bytes = BASE64
            .decode(audio)
            .map_err(|_| Fault::other("events whose sound is not base64"))?;
        self.sound.push(&bytes)
    }
}

/// Samples of any layout, on their way to 24 kHz.
struct Sound {
    layout: Layout,
    /// Bytes still to come. `None` if unknown.
    left: Option<usize>,
    /// The beginning of a sample.
    rest: Vec<u8>,
    converter: Converter,
    /// The resampler's delay, still to be dropped.
    skip: usize,
    /// Samples in and out.
    taken: u64,
    given: u64,
}

impl Sound {
    fn new(layout: Layout, length: Option<usize>) -> Self {
        let converter = Converter::new(layout.rate, RATE);
        Self {
            layout,
            left: length,
            rest: Vec::new(),
            skip: converter.delay(),
            converter,
            taken: 0,
            given: 0,
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Pcm<24_000> {
        let bytes = &bytes[..self.left.map_or(bytes.len(), |left| left.min(bytes.len()))];
        self.left = self.left.map(|left| left - bytes.len());
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() - self.rest.len() % self.layout.frame();
        let samples = self.layout.mono(&self.rest[..whole]);
        self.rest.drain(..whole);
        self.taken += samples.len() as u64;
        let converted = self.converter.push(samples);
        self.give(converted)
    }

    fn give(&mut self, mut samples: Vec<f32>) -> Pcm<24_000> {
        let skipped = self.skip.min(samples.len());
        samples.drain(..skipped);
        self.skip -= skipped;
        self.given += samples.len() as u64;
        from_f32(samples)
    }

    fn finish(&mut self) -> Result<Pcm<24_000>, Fault> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(Fault::Cut);
        }
        let all = (self.taken * u64::from(RATE)).div_ceil(u64::from(self.layout.rate));
        let missing = all.saturating_sub(self.given) as usize;
        let mut tail = self.converter.flush();
        tail.truncate(self.skip + missing);
        Ok(self.give(tail))
    }
}

#[cfg(test)]
mod tests;
