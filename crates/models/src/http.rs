//! The OpenAI protocol on loopback.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/models` | the models loaded |
//! | `POST /v1/audio/transcriptions` | multipart with a WAV file; `json`, `text`, `verbose_json` |
//! | `GET /v1/realtime?intent=transcription` | a WebSocket: speech in, the words of each stretch out |
//! | `POST /v1/chat/completions` | whole, or streamed as server-sent events |
//! | `POST /v1/audio/speech` | `pcm` (24 kHz, 16-bit, mono) or `opus` as it is made; `wav` at the end |
//! | `GET /healthz` | `{"status":"ok"}` |
//!
//! Only one model of each kind is loaded, so `model` in a request is optional and may be any name; responses contain
//! the name of the model that answered.

mod chat;
mod error;
mod realtime;
mod speech;
mod transcriptions;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde_json::json;
use sidetone_http_server::{Patience, Server};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Loaded;
use error::ApiError;

/// Largest request body: OpenAI's limit for audio files is 25 MB.
const BODY_LIMIT: usize = 26 * 1024 * 1024;
/// How long reading a request's body may take: a recording of 25 MB, from a busy process on this machine.
const BODY_PATIENCE: Duration = Duration::from_secs(60);
/// How long requests in flight may continue after a shutdown was requested.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until `shutdown`; requests in flight then have five more seconds.
pub async fn serve(
    listener: TcpListener,
    models: Loaded,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let server = Server {
        patience: Patience {
            body: BODY_PATIENCE,
            ..Patience::default()
        },
        grace: DRAIN,
        ..Server::default()
    };
    let router = router(models, shutdown.clone());
    server.serve(listener, router, shutdown).await
}

fn router(models: Loaded, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({"status": "ok"}))))
        .route("/v1/models", get(list))
        .route("/v1/audio/transcriptions", post(transcriptions::transcribe))
        .route("/v1/realtime", get(realtime::open))
        .route("/v1/chat/completions", post(chat::complete))
        .route("/v1/audio/speech", post(speech::speak))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || ApiError::wrong_method())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(Extension(shutdown))
        .with_state(models)
}

async fn list(State(models): State<Loaded>) -> Json<serde_json::Value> {
    let created = now();
    let names = [models.stt_name(), models.llm_name(), models.tts_name()];
    let data = names
        .map(|id| json!({"id": id, "object": "model", "created": created, "owned_by": "sidetone"}));
    Json(json!({"object": "list", "data": data}))
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
