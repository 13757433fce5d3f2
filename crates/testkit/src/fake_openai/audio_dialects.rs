//! How servers that speak OpenAI's protocol send a sentence's speech.

use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::audio::samples;

/// The answer to `POST /v1/audio/speech`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeechDialect {
    /// OpenAI: raw samples at 24 kHz as they are generated.
    Pcm,
    /// Raw samples at another rate, which the media type names.
    Rate(u32),
    /// The rate in `X-Sample-Rate`.
    RateHeader(u32),
    /// The rate is given nowhere.
    UnnamedRate(u32),
    /// `audio/L16` with two channels: the high byte first.
    BigEndianStereo(u32),
    /// A WAV file at this rate, whatever was requested; its media type says raw samples.
    Wav(u32),
    /// A WAV file that ends before the length it announces.
    CutWav,
    /// MP3 whose media type says raw samples.
    Mp3,
    /// Raw samples labelled as MP3.
    CalledMp3,
    /// Server-sent events in OpenAI's form.
    Events,
    /// Server-sent events in Together's form.
    TogetherEvents,
    /// An error as a server-sent event.
    ErrorEvent,
    /// 200 without a body.
    Empty,
    /// 200 with an error as JSON.
    JsonError,
    /// Pieces of three bytes.
    TinyPieces,
    /// 400 as long as the request has this field.
    Refuses(&'static str),
    /// 422 in FastAPI's form as long as the request has this field.
    Forbids(&'static str),
    /// 400 unless WAV is requested; then WAV.
    OnlyWav,
    /// 400 for more characters than this, as at Groq.
    AtMost(usize),
}

/// Pieces of an answer.
pub(super) struct Answered {
    pub(super) headers: HeaderMap,
    pub(super) pieces: Vec<Vec<u8>>,
}

/// Bytes of a piece: 20 ms of 24 kHz less one byte, so that pieces end in the middle of samples, as real ones do.
const PIECE: usize = 959;

/// A status and its JSON.
pub(super) type Refusal = (StatusCode, Value);

/// The answer to a request: a tone of this frequency.
///
/// # Errors
/// The refusal.
pub(super) fn answer(
    dialect: SpeechDialect,
    request: &Value,
    hz: f64,
) -> Result<Answered, Refusal> {
    use SpeechDialect as D;
    let text = request["input"].as_str().unwrap_or_default();
    let length = Duration::from_millis(60) * text.chars().count() as u32;
    let at = |rate: u32| samples(hz, length, rate);
    let le = |samples: &[i16]| {
        samples
            .iter()
            .flat_map(|s| s.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let raw = |rate: u32| le(&at(rate));
    let plain = |media: &str, bytes: Vec<u8>| Ok(answered(media, &bytes, PIECE));
    let has = |field: &str| !request[field].is_null();
    match dialect {
        D::Refuses(field) if has(field) => {
            let message = format!("Unsupported parameter: '{field}'.");
            let error = json!({ "error": { "message": message, "type": "invalid_request_error",
                                           "param": field, "code": "unsupported_parameter" } });
            Err((StatusCode::BAD_REQUEST, error))
        }
        D::Forbids(field) if has(field) => {
            let error = json!({ "detail": [{ "type": "extra_forbidden", "loc": ["body", field],
                                             "msg": "Extra inputs are not permitted" }] });
            Err((StatusCode::UNPROCESSABLE_ENTITY, error))
        }
        D::OnlyWav if request["response_format"] != "wav" => {
            let message = "response_format must be one of [wav]";
            let error = json!({ "error": { "message": message, "type": "invalid_request_error" } });
            Err((StatusCode::BAD_REQUEST, error))
        }
        D::AtMost(most) if text.chars().count() > most => {
            let message = format!("Input text is too long: the limit is {most} characters.");
            let error = json!({ "error": { "message": message, "type": "invalid_request_error" } });
            Err((StatusCode::BAD_REQUEST, error))
        }
        D::Pcm | D::Refuses(_) | D::Forbids(_) | D::AtMost(_) => plain("audio/pcm", raw(24_000)),
        D::OnlyWav => plain("audio/wav", wav(24_000, &raw(24_000), u32::MAX)),
        D::Rate(rate) => plain(&format!("audio/pcm;rate={rate};channels=1"), raw(rate)),
        D::RateHeader(rate) => {
            let mut answered = answered("application/octet-stream", &raw(rate), PIECE);
            let name = HeaderName::from_static("x-sample-rate");
            answered.headers.insert(name, HeaderValue::from(rate));
            Ok(answered)
        }
        D::UnnamedRate(rate) => plain("audio/pcm", raw(rate)),
        D::BigEndianStereo(rate) => {
            let both = at(rate).into_iter().flat_map(|s| [s, s]);
            let bytes = both.flat_map(i16::to_be_bytes).collect();
            plain(&format!("audio/L16;rate={rate};channels=2"), bytes)
        }
        D::Wav(rate) => plain("audio/pcm", wav(rate, &raw(rate), u32::MAX)),
        D::CutWav => {
            let sound = raw(24_000);
            let file = wav(24_000, &sound[..sound.len() / 2], sound.len() as u32);
            plain("audio/wav", file)
        }
        D::Mp3 => {
            // Frames of noise, 26 ms each at 128 kbit/s.
            let frame: Vec<u8> = (0..413_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect();
            let frame = [&[0xff, 0xfb, 0x90, 0x64], frame.as_slice()].concat();
            plain(
                "audio/pcm",
                frame.repeat(length.as_millis() as usize / 26 + 1),
            )
        }
        D::CalledMp3 => plain("audio/mpeg", raw(24_000)),
        D::Events | D::TogetherEvents => {
            let (kind, key, end) = if dialect == D::Events {
                let end = json!({ "type": "speech.audio.done", "usage": {} }).to_string();
                ("speech.audio.delta", "audio", end)
            } else {
                let end = "[DONE]".to_owned();
                ("conversation.item.audio_output.delta", "delta", end)
            };
            let sound = raw(24_000);
            let deltas = sound.chunks(PIECE).map(|piece| {
                json!({ "type": kind, key: BASE64_STANDARD.encode(piece) }).to_string()
            });
            let events = deltas.chain([end]).map(|data| format!("data: {data}\n\n"));
            let events: String = events.collect();
            plain("text/event-stream", events.into_bytes())
        }
        D::ErrorEvent => {
            let error = json!({ "error": { "message": "out of memory", "type": "server_error" } });
            plain(
                "text/event-stream",
                format!("data: {error}\n\n").into_bytes(),
            )
        }
        D::Empty => plain("audio/pcm", Vec::new()),
        D::JsonError => {
            let error = json!({ "error": { "message": "no such voice",
                                           "type": "invalid_request_error", "code": "voice" } });
            plain("application/json", error.to_string().into_bytes())
        }
        D::TinyPieces => Ok(answered("audio/pcm", &raw(24_000), 3)),
    }
}

fn answered(media: &str, bytes: &[u8], piece: usize) -> Answered {
    let mut headers = HeaderMap::new();
    let media = HeaderValue::from_str(media);
    headers.insert(
        CONTENT_TYPE,
        media.expect("a media type is a header's value"),
    );
    Answered {
        headers,
        pieces: bytes.chunks(piece).map(<[u8]>::to_vec).collect(),
    }
}

/// A mono file of 16 bits with a tag before its audio.
fn wav(rate: u32, sound: &[u8], length: u32) -> Vec<u8> {
    let mut file = b"RIFF\xff\xff\xff\xffWAVELIST\x04\0\0\0INFOfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    file.extend(sound);
    file
}

/// The pieces as a body with delays.
pub(super) fn paced(
    pieces: Vec<Vec<u8>>,
    first: Duration,
    next: Duration,
) -> Vec<(Duration, Bytes)> {
    let delay = |index| if index == 0 { first } else { next };
    let pieces = pieces.into_iter().enumerate();
    pieces
        .map(|(index, piece)| (delay(index), Bytes::from(piece)))
        .collect()
}
