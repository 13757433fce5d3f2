//! Whether this process lives, and whether it can serve.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;
use sidetone_base::clock;
use sidetone_base::supervise::Down;
use sidetone_http_server::descriptors::Descriptors;
use sidetone_store::places::Full;

/// This process answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    status: &'static str,
    version: &'static str,
}

/// Each thing a call needs: `ok`, or what is wrong.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct Ready {
    ready: bool,
    database: String,
    livekit: String,
    /// The worker of this process, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    /// Background tasks that failed and are restarted, by name. Calls need some of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tasks: BTreeMap<&'static str, String>,
    /// How many file descriptors are open, when that is near the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<String>,
}

/// The error of each part. `None` if it is healthy.
struct Parts {
    database: Option<String>,
    livekit: Option<String>,
    /// `None`: this process has no worker.
    worker: Option<Option<String>>,
    tasks: Down,
    files: Option<String>,
}

impl Ready {
    fn of(parts: Parts) -> Self {
        let worker_works = parts.worker.as_ref().is_none_or(Option::is_none);
        let said = |trouble: Option<String>| trouble.unwrap_or_else(|| "ok".to_owned());
        Self {
            ready: parts.database.is_none()
                && parts.livekit.is_none()
                && worker_works
                && !parts.tasks.calls_wait,
            database: said(parts.database),
            livekit: said(parts.livekit),
            worker: parts.worker.map(said),
            tasks: parts.tasks.tasks,
            files: parts.files,
        }
    }
}

/// This process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Alive)))]
pub async fn alive() -> Json<Alive> {
    Json(Alive {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

/// This process can serve calls.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = Ready), (status = 503, body = Ready)))]
pub async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Ready>) {
    let database = state.store().ping().await;
    let worker = state.0.worker.as_ref();
    let worker = match worker.map(|worker| worker.borrow().trouble().map(str::to_owned)) {
        Some(None) => Some(unlisted(&state).await),
        worker => worker,
    };
    let ready = Ready::of(Parts {
        database: database
            .is_err()
            .then(|| "the database does not answer".to_owned()),
        livekit: state.0.voice.as_ref().err().map(ToString::to_string),
        worker,
        tasks: state.config().tasks.down(clock::now()),
        files: Descriptors::now().and_then(Descriptors::trouble),
    });
    (status(ready.ready), Json(ready))
}

/// What is wrong with a pool in which no worker is listed: a token that is asked for then is refused. A worker is
/// listed a moment after LiveKit has taken it.
async fn unlisted(state: &AppState) -> Option<String> {
    let voice = state.0.voice.as_ref().ok()?;
    let room = state.room(voice).await.ok()?;
    (room == Err(Full::Nobody)).then(|| "not listed in the database yet".to_owned())
}

/// The status of a health check's response.
pub fn status(good: bool) -> StatusCode {
    if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

#[cfg(test)]
mod tests;
