//! `/v1/audio/transcriptions` and `/v1/audio/speech`.

use std::time::Duration;

use axum::Json;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::audio_dialects::{Answered, answer, paced};
use super::failure::body;
use super::{Endpoint, Shared};

/// The result of a transcription.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The words.
    pub text: String,
    /// How sure the model is that nobody spoke, 0 to 1.
    pub no_speech_prob: f32,
    /// Mean log-probability of the words.
    pub avg_logprob: f32,
}

impl Transcript {
    /// Words that the model is sure of.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            no_speech_prob: 0.01,
            avg_logprob: -0.2,
        }
    }
}

impl From<&str> for Transcript {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

pub(super) async fn transcriptions(
    State(shared): State<Shared>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Response {
    let mut fields = Map::new();
    let mut file = Bytes::new();
    loop {
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(error) => return (StatusCode::BAD_REQUEST, error.body_text()).into_response(),
        };
        let name = field.name().unwrap_or_default().to_owned();
        let Ok(content) = field.bytes().await else {
            return (StatusCode::BAD_REQUEST, "unreadable form field").into_response();
        };
        if name == "file" {
            file = content;
        } else {
            let text = Value::from(String::from_utf8_lossy(&content));
            match fields.get_mut(&name) {
                Some(Value::Array(all)) => all.push(text),
                Some(one) => *one = json!([one.take(), text]),
                None => drop(fields.insert(name, text)),
            }
        }
    }
    let verbose = fields
        .get("response_format")
        .is_some_and(|format| format == "verbose_json");
    let sound = samples_of(&file);
    let begun = shared.begin(
        Endpoint::Transcriptions,
        &headers,
        Value::Object(fields),
        file,
    );
    let (running, failure) = match begun.await {
        Ok(begun) => begun,
        Err(response) => return response,
    };
    let (transcript, timing) = {
        let mut state = shared.state();
        let heard = state.ear.as_ref().map(|ear| ear(&sound));
        let scripted = state.transcripts.next.pop_front();
        let transcript = scripted
            .or(heard)
            .unwrap_or_else(|| state.transcripts.default.clone());
        (transcript, state.timing)
    };
    tokio::time::sleep(timing.transcription).await;
    let answer = if verbose {
        json!({
            "task": "transcribe", "language": "english", "duration": 1.0,
            "text": transcript.text,
            "segments": [{
                "id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": transcript.text,
                "tokens": [], "temperature": 0.0, "compression_ratio": 1.0,
                "avg_logprob": transcript.avg_logprob,
                "no_speech_prob": transcript.no_speech_prob,
            }],
        })
    } else {
        json!({ "text": transcript.text })
    };
    // In two pieces, so that it can be cut or stall in the middle.
    let answer = Bytes::from(answer.to_string());
    let (head, tail) = (
        answer.slice(..answer.len() / 2),
        answer.slice(answer.len() / 2..),
    );
    let pieces = vec![(Duration::ZERO, head), (Duration::ZERO, tail)];
    (
        [(header::CONTENT_TYPE, "application/json")],
        body(pieces, failure, running),
    )
        .into_response()
}

/// The samples of a WAV file (16 kHz, mono, 16 bits, a header of 44 bytes).
fn samples_of(file: &[u8]) -> Vec<i16> {
    let samples = file.get(44..).unwrap_or_default().chunks_exact(2);
    samples
        .map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]))
        .collect()
}

/// How much of some audio at 16 kHz is loud.
pub(super) fn loud(samples: &[i16]) -> Duration {
    let frames = samples.chunks(160).filter(|frame| {
        let full = frame.iter().map(|&s| f64::from(s) / 32_768.0);
        let power = full.map(|s| s * s).sum::<f64>() / frame.len() as f64;
        10.0 * power.log10() > -35.0
    });
    Duration::from_millis(10) * frames.count() as u32
}

/// Speech is a tone: 60 ms for each character of the text, about 15 characters a second, which is how fast people
/// speak, at a frequency that identifies the voice, or the text.
pub(super) async fn speech(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let is_empty = request["input"].as_str().unwrap_or_default().is_empty();
    let begun = shared.begin(Endpoint::Speech, &headers, request.clone(), Bytes::new());
    let (mut running, failure) = match begun.await {
        Ok(begun) => begun,
        Err(response) => return response,
    };
    if is_empty {
        running.finish();
        return (StatusCode::BAD_REQUEST, "`input` must not be empty").into_response();
    }
    let (dialect, timing, hz) = {
        let mut state = shared.state();
        let (text, voice) = (request["input"].as_str(), request["voice"].as_str());
        let hz = match &state.throat {
            Some(throat) => throat(text.unwrap_or_default()),
            None => tone_hz(voice.unwrap_or_default()),
        };
        (state.speech.take(), state.timing, hz)
    };
    match answer(dialect, &request, hz) {
        Ok(Answered { headers, pieces }) => {
            let pieces = paced(pieces, timing.first_audio, timing.audio_chunk);
            (headers, body(pieces, failure, running)).into_response()
        }
        Err((status, error)) => {
            running.finish();
            (status, Json(error)).into_response()
        }
    }
}

/// A tone of a quarter of full scale.
pub(super) fn samples(hz: f64, length: Duration, rate: u32) -> Vec<i16> {
    let step = hz * std::f64::consts::TAU / f64::from(rate);
    let count = length.as_millis() as u64 * u64::from(rate) / 1000;
    (0..count)
        .map(|n| ((n as f64 * step).sin() * 8_192.0).round() as i16)
        .collect()
}

/// The frequency of the tone that stands for a voice.
pub fn tone_hz(voice: &str) -> f64 {
    match voice {
        "alloy" => 400.0,
        "echo" => 500.0,
        "fable" => 600.0,
        "onyx" => 300.0,
        "nova" => 700.0,
        "shimmer" => 800.0,
        "marin" => 750.0,
        "cedar" => 350.0,
        "verse" => 650.0,
        _ => 1000.0,
    }
}
