//! Whether this process lives, and whether it can serve.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;

/// This process answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    status: &'static str,
    version: &'static str,
}

/// Each thing a call needs: `ok`, or what is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    ready: bool,
    database: String,
    livekit: String,
    /// The worker of this process, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
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
    let ok = || "ok".to_owned();
    let database = match state.store().ping().await {
        Ok(()) => ok(),
        Err(_) => "the database does not answer".into(),
    };
    let livekit = match &state.0.voice {
        Ok(_) => ok(),
        Err(error) => error.to_string(),
    };
    let worker = state.0.worker.as_ref().map(|worker| {
        let worker = worker.borrow();
        match (&worker.worker_id, worker.draining) {
            (_, true) => "draining".into(),
            (Some(_), false) => ok(),
            (None, false) => "not registered with LiveKit".into(),
        }
    });
    let ready = [Some(&database), Some(&livekit), worker.as_ref()]
        .into_iter()
        .flatten()
        .all(|part| part == "ok");
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Ready {
            ready,
            database,
            livekit,
            worker,
        }),
    )
}
