//! The meaning of a client's events. PURE: knows neither socket nor model.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::audio::Resampler;
use crate::stt::INPUT_RATE;

/// The rate of `audio/pcm`, the only supported format.
const RATE: u32 = 24_000;
/// The protocol refuses to transcribe less than 100 ms.
const LEAST: usize = INPUT_RATE / 10;
/// A client that never commits can fill this much, 120 s; further audio is refused.
const MOST: usize = 120 * INPUT_RATE;

/// A client's audio that is not committed yet, and how to transcribe it.
pub(super) struct Session {
    id: String,
    model: &'static str,
    /// `None` detects the language of each stretch.
    language: Option<String>,
    /// Samples at [`INPUT_RATE`].
    buffer: Vec<f32>,
    resampler: Resampler,
    /// Samples put into the resampler since the last stretch, at [`RATE`].
    taken: usize,
    previous: Option<String>,
}

/// How to respond to an event.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Nothing,
    /// Send this to the client.
    Tell(Value),
    /// Send this to the client, and transcribe the audio as this item.
    Transcribe(Value, Stretch),
}

/// A committed stretch of audio.
#[derive(Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) item: String,
    pub(super) samples: Vec<f32>,
    pub(super) language: Option<String>,
}

/// Why an event cannot be followed, as sent in the `error` event. The session continues.
#[derive(Debug, PartialEq)]
pub(super) struct Refused {
    code: &'static str,
    param: Option<&'static str>,
    message: String,
    event_id: Option<String>,
}

impl Refused {
    fn field(param: &'static str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param),
            ..Self::new("invalid_value", message)
        }
    }

    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            param: None,
            message: message.into(),
            event_id: None,
        }
    }

    pub(super) fn event(self) -> Value {
        let Self {
            code,
            param,
            message,
            event_id,
        } = self;
        event(json!({ "type": "error", "error": {
            "type": "invalid_request_error", "code": code, "message": message, "param": param,
            "event_id": event_id,
        }}))
    }
}

/// A server event, with an id.
pub(super) fn event(mut event: Value) -> Value {
    event["event_id"] = format!("event_{}", uuid::Uuid::new_v4().simple()).into();
    event
}

impl Session {
    pub(super) fn new(model: &'static str) -> Result<Self, String> {
        Ok(Self {
            id: format!("sess_{}", uuid::Uuid::new_v4().simple()),
            model,
            language: None,
            buffer: Vec::new(),
            resampler: resampler()?,
            taken: 0,
            previous: None,
        })
    }

    /// The current settings, as sent in `session.created` and `session.updated`.
    pub(super) fn describe(&self, kind: &str) -> Value {
        event(json!({ "type": kind, "session": {
            "type": "transcription", "object": "realtime.transcription_session", "id": self.id,
            "audio": { "input": {
                "format": { "type": "audio/pcm", "rate": RATE },
                "transcription": { "model": self.model, "language": self.language },
                "turn_detection": null, "noise_reduction": null,
            }},
        }}))
    }

    /// Handles a client's event. `knows` tells whether the model knows a language.
    pub(super) fn take(
        &mut self,
        text: &str,
        knows: impl Fn(&str) -> bool,
    ) -> Result<Reply, Refused> {
        let event: Value = serde_json::from_str(text)
            .map_err(|_| Refused::new("invalid_json", "the event is not JSON"))?;
        let id = event["event_id"].as_str().map(str::to_owned);
        self.obey(&event, knows).map_err(|refused| Refused {
            event_id: id,
            ..refused
        })
    }

    fn obey(&mut self, event: &Value, knows: impl Fn(&str) -> bool) -> Result<Reply, Refused> {
        match event["type"].as_str() {
            Some("session.update") => self.update(&event["session"], knows),
            Some("input_audio_buffer.append") => self.append(&event["audio"]),
            Some("input_audio_buffer.commit") => self.commit(),
            Some("input_audio_buffer.clear") => {
                self.clear()?;
                Ok(Reply::Tell(self::event(
                    json!({ "type": "input_audio_buffer.cleared" }),
                )))
            }
            Some(other) => Err(Refused::field(
                "type",
                format!(
                    "there is no event '{other}' here; use session.update, \
                     input_audio_buffer.append, .commit or .clear"
                ),
            )),
            None => Err(Refused::field("type", "the event has no type")),
        }
    }

    fn update(&mut self, session: &Value, knows: impl Fn(&str) -> bool) -> Result<Reply, Refused> {
        let kind = session["type"].as_str();
        if kind != Some("transcription") {
            let message = "session.type must be 'transcription': nothing else is supported";
            return Err(Refused::field("session.type", message));
        }
        let input = &session["audio"]["input"];
        let format = &input["format"];
        if !format.is_null() && (format["type"] != "audio/pcm" || format["rate"] != RATE) {
            let message = "the format must be {\"type\": \"audio/pcm\", \"rate\": 24000}: \
                           16-bit little-endian mono";
            return Err(Refused::field("session.audio.input.format", message));
        }
        if !input["turn_detection"].is_null() {
            let message = "turn_detection must be null: commit each stretch of speech yourself";
            return Err(Refused::field(
                "session.audio.input.turn_detection",
                message,
            ));
        }
        match &input["transcription"]["language"] {
            Value::Null => {}
            Value::String(language) if knows(language) => self.language = Some(language.clone()),
            other => {
                let message = format!("{} does not know the language {other}", self.model);
                let param = "session.audio.input.transcription.language";
                return Err(Refused::field(param, message));
            }
        }
        Ok(Reply::Tell(self.describe("session.updated")))
    }

    fn append(&mut self, audio: &Value) -> Result<Reply, Refused> {
        let bytes = audio.as_str().and_then(|a| BASE64_STANDARD.decode(a).ok());
        let Some(bytes) = bytes.filter(|bytes| bytes.len() % 2 == 0) else {
            let message = "audio must be 16-bit samples in base64";
            return Err(Refused::field("audio", message));
        };
        let samples: Vec<f32> = bytes
            .chunks_exact(2)
            .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
            .collect();
        if self.buffer.len() + samples.len() * INPUT_RATE / RATE as usize > MOST {
            let message = "120 s of audio wait already: commit or clear them first";
            return Err(Refused::new("input_audio_buffer_full", message));
        }
        self.taken += samples.len();
        let converted = self.resampler.push(&samples).map_err(broken)?;
        self.buffer.extend(converted);
        Ok(Reply::Nothing)
    }

    fn commit(&mut self) -> Result<Reply, Refused> {
        let ms = self.taken as f32 * 1000.0 / RATE as f32;
        if self.taken < LEAST * RATE as usize / INPUT_RATE {
            let message = format!("expected at least 100 ms of audio, the buffer has {ms:.0} ms");
            return Err(Refused::new("input_audio_buffer_commit_empty", message));
        }
        self.buffer.extend(self.resampler.finish().map_err(broken)?);
        let samples = std::mem::take(&mut self.buffer);
        self.clear()?;
        let item = format!("item_{}", uuid::Uuid::new_v4().simple());
        let previous = self.previous.replace(item.clone());
        let committed = event(json!({
            "type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": previous,
        }));
        let language = self.language.clone();
        let stretch = Stretch {
            item,
            samples,
            language,
        };
        Ok(Reply::Transcribe(committed, stretch))
    }

    fn clear(&mut self) -> Result<(), Refused> {
        self.buffer.clear();
        self.taken = 0;
        self.resampler = resampler().map_err(broken)?;
        Ok(())
    }
}

fn resampler() -> Result<Resampler, String> {
    Resampler::new(INPUT_RATE as f64 / f64::from(RATE))
}

/// The filter failed, which does not happen for any input; the client is told nevertheless.
fn broken(cause: String) -> Refused {
    Refused::new("server_error", cause)
}

#[cfg(test)]
mod tests;
