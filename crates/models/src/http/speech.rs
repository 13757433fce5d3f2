//! `POST /v1/audio/speech`.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;

use super::error::ApiError;
use crate::Loaded;
use crate::audio::{self, OggOpus};
use crate::tts::{self, LocalVoice, Speech};

/// OpenAI's limit for `input`, in characters.
const LONGEST_INPUT: usize = 4096;
const SPEEDS: std::ops::RangeInclusive<f32> = 0.25..=4.0;

#[derive(Deserialize)]
pub(super) struct Request {
    input: Option<String>,
    voice: Option<String>,
    response_format: Option<String>,
    speed: Option<f32>,
}

/// The container of the audio.
enum Container {
    Pcm,
    Opus(Box<OggOpus>),
}

pub(super) async fn speak(
    State(models): State<Loaded>,
    request: Result<Json<Request>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(request) = request?;
    let input = request.input.unwrap_or_default();
    if input.trim().is_empty() {
        return Err(ApiError::invalid(
            "input",
            "there is nothing to say: `input` is empty",
        ));
    }
    if input.chars().count() > LONGEST_INPUT {
        let message =
            format!("`input` is longer than {LONGEST_INPUT} characters; send it in parts");
        return Err(ApiError::invalid("input", message));
    }
    let voice = LocalVoice::of(request.voice.as_deref().unwrap_or(LocalVoice::Alloy.name()));
    let speed = request.speed.unwrap_or(1.0);
    if !SPEEDS.contains(&speed) {
        return Err(ApiError::invalid(
            "speed",
            format!("{speed} is not between 0.25 and 4"),
        ));
    }
    let (container, content_type) = match request.response_format.as_deref().unwrap_or("wav") {
        "pcm" => (Container::Pcm, "audio/pcm"),
        "wav" => return whole(models.tts.speak(&input, voice, speed)).await,
        "opus" => {
            let ogg = OggOpus::new(rand::random()).map_err(|cause| crate::Failure::Broken {
                engine: "opus",
                cause,
            })?;
            (Container::Opus(Box::new(ogg)), "audio/ogg")
        }
        other => {
            let message = format!("'{other}' is not supported; use pcm, wav or opus");
            return Err(ApiError::invalid("response_format", message));
        }
    };

    // the first stretch is made before the status is sent, because it may fail
    let mut speech = models.tts.speak(&input, voice, speed);
    let first = speech.next().await.transpose()?.unwrap_or_default();
    let body = Body::from_stream(stream::unfold(
        Some((speech, container, Some(first))),
        async |state| {
            let (mut speech, mut container, first) = state?;
            match container.next(&mut speech, first).await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some((speech, container, None)))),
                Ok(None) => Some((container.end(), None)),
                Err(error) => Some((Err(error), None)),
            }
        },
    ));
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}

/// A WAV file has its length at its start, so it is sent when it is complete.
async fn whole(mut speech: Speech) -> Result<Response, ApiError> {
    let mut samples = Vec::new();
    while let Some(stretch) = speech.next().await {
        samples.extend(stretch?);
    }
    let file = audio::wav(&samples, tts::RATE);
    Ok(([(header::CONTENT_TYPE, "audio/wav")], file).into_response())
}

impl Container {
    /// The bytes of the next stretch; `None` after the last.
    async fn next(
        &mut self,
        speech: &mut Speech,
        first: Option<Vec<i16>>,
    ) -> Result<Option<Bytes>, std::io::Error> {
        let samples = match first {
            Some(samples) => samples,
            None => match speech.next().await {
                Some(samples) => samples.map_err(std::io::Error::other)?,
                None => return Ok(None),
            },
        };
        let bytes = match self {
            Self::Pcm => audio::s16le(&samples),
            Self::Opus(ogg) => {
                ogg.push(&samples).map_err(std::io::Error::other)?;
                ogg.take()
            }
        };
        Ok(Some(bytes.into()))
    }

    /// The bytes that end the file.
    fn end(&mut self) -> Result<Bytes, std::io::Error> {
        match self {
            Self::Opus(ogg) => {
                ogg.finish().map_err(std::io::Error::other)?;
                Ok(ogg.take().into())
            }
            Self::Pcm => Ok(Bytes::new()),
        }
    }
}
