//! `POST /v1/audio/transcriptions`.

use std::io::Write;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::error::ApiError;
use crate::stt::{INPUT_RATE, Transcript};
use crate::{Loaded, audio};

/// A client that stops sending must not keep its request open.
const UPLOAD: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Form {
    file: Option<Bytes>,
    language: Option<String>,
    format: Option<String>,
}

pub(super) async fn transcribe(
    State(models): State<Loaded>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    let form = form.map_err(|e| ApiError::invalid("file", e.body_text()))?;
    let form = tokio::time::timeout(UPLOAD, read(form))
        .await
        .map_err(|_| ApiError::invalid("file", "the upload took longer than 30 seconds"))??;

    let format = form.format.unwrap_or_else(|| "json".into());
    if !["json", "text", "verbose_json"].contains(&format.as_str()) {
        let message = format!("'{format}' is not supported; use json, text or verbose_json");
        return Err(ApiError::invalid("response_format", message));
    }
    let language = form.language.filter(|language| !language.is_empty());
    if let Some(language) = language.as_deref().filter(|name| !models.stt.knows(name)) {
        let message = format!(
            "{} does not know the language '{language}'",
            models.stt_name()
        );
        return Err(ApiError::invalid("language", message));
    }
    let Some(file) = form.file else {
        return Err(ApiError::invalid("file", "the audio file is missing"));
    };
    let samples = audio::read_wav(&file, INPUT_RATE as u32).map_err(|cause| {
        ApiError::invalid("file", format!("not a WAV file that can be read: {cause}"))
    })?;

    let transcript = models.stt.transcribe(samples, language.as_deref()).await?;
    Ok(match format.as_str() {
        "text" => transcript.text + "\n",
        "json" => return Ok(Json(json!({"text": transcript.text})).into_response()),
        _ => return Ok(Json(verbose(&transcript)).into_response()),
    }
    .into_response())
}

async fn read(mut multipart: Multipart) -> Result<Form, ApiError> {
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" => form.file = Some(field.bytes().await?),
            "language" => form.language = Some(field.text().await?),
            "response_format" => form.format = Some(field.text().await?),
            "stream" if field.text().await? == "true" => {
                let message = "transcripts are not streamed; leave `stream` out";
                return Err(ApiError::invalid("stream", message));
            }
            // model, prompt, temperature: there is nothing to choose
            _ => {}
        }
    }
    Ok(form)
}

fn verbose(transcript: &Transcript) -> serde_json::Value {
    let segments: Vec<_> = transcript
        .segments
        .iter()
        .enumerate()
        .map(|(id, segment)| {
            json!({
                "id": id,
                "seek": (segment.start * 100.0) as u32,
                "start": segment.start,
                "end": segment.end,
                "text": segment.text,
                "tokens": segment.tokens,
                "temperature": 0.0,
                "avg_logprob": segment.avg_logprob,
                "compression_ratio": compression_ratio(&segment.text),
                "no_speech_prob": segment.no_speech_prob,
            })
        })
        .collect();
    json!({
        "task": "transcribe",
        "language": transcript.language,
        "duration": transcript.duration,
        "text": transcript.text,
        "segments": segments,
    })
}

/// Length divided by compressed length, Whisper's measure of how repetitive a text is.
fn compression_ratio(text: &str) -> f32 {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    let compressed = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish());
    compressed.map_or(1.0, |bytes| text.len() as f32 / bytes.len().max(1) as f32)
}
