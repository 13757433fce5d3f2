//! A call's recording: heard, downloaded, paused.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use tower_http::services::ServeFile;
use utoipa::{IntoParams, ToSchema};

use super::AppState;
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, path_id};
use super::history::call::{Sight, visible};
use crate::control::rooms::{self, recorder_identity};
use sidetone_base::clock;
use sidetone_recording::{Command, RECORDING_TOPIC};
use sidetone_store::{Call, Recorder, Recording, RecordingState};

/// A player that seeks asks again within this time; a link that leaks is worth little after it.
const LINK_VALID: Duration = Duration::from_secs(15 * 60);
/// How long an agent may take to confirm that it paused.
const CONFIRM: Duration = Duration::from_secs(5);

/// Which recording of the call.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// From 1; a call has more than one when its agent was replaced in mid-call, or another took
    /// over from LiveKit's Egress. Else the first that did not fail.
    part: Option<usize>,
}

/// Whether silence is recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Paused {
    paused: bool,
}

/// A call's recording as stereo Ogg Opus: caller left, agent right (by LiveKit's Egress: agent left,
/// all others right).
///
/// Redirects to a link that is valid for 15 minutes, or answers with the file itself when it is
/// not in a bucket. Both take `Range`.
#[utoipa::path(get, path = "/api/voice/history/{callId}/recording", tag = "voice",
    params(("callId" = Uuid, Path), Part),
    responses((status = 200, description = "The file.", content_type = "audio/ogg"),
        (status = 206, description = "A part of the file.", content_type = "audio/ogg"),
        (status = 302, description = "Where the file is."),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn get(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Query(part): Query<Part>,
    request: Request,
) -> Result<Response, Problem> {
    let id = path_id("callId", &id, "history")?;
    let (call, _, sight) = visible(&state, &principal, id).await?;
    if sight != Sight::Whole {
        return Err(Problem::forbidden(
            "You joined this call later: its recording is only for the user who made it, and for admins.",
        ));
    }
    let recordings = state.store().recordings(id).await?;
    // One that failed is not what is asked for where another took over.
    let is_there = |r: &Recording| r.state != RecordingState::Failed;
    let first = || recordings.iter().position(is_there).map_or(1, |at| at + 1);
    let part = part.part.unwrap_or_else(first);
    let count = recordings.len();
    let recording = recordings
        .into_iter()
        .nth(part.saturating_sub(1))
        .filter(|_| part > 0);
    let recording = recording.ok_or_else(|| match count {
        0 => Problem::not_found("callId", "This call was not recorded."),
        _ => Problem::not_found("part", format!("This call has {count} recordings.")),
    })?;
    let name = file_name(&call, part);
    match recording.state {
        RecordingState::Recording => Err(unfinished()),
        RecordingState::Uploaded => link(&state, &recording, &name).await,
        RecordingState::Kept => file(&state, &recording, &name, request).await,
        RecordingState::Failed | RecordingState::Deleting => {
            let reason = recording.reason.unwrap_or_default();
            let detail = format!("The recording failed: {reason}");
            Err(Problem::not_found("callId", detail))
        }
    }
}

fn unfinished() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "Call goes on",
        "The recording can be heard when the call is over.",
    )
}

/// Tells when the call was, and is the same each time.
fn file_name(call: &Call, part: usize) -> String {
    let at = call.started_at.unwrap_or(call.created_at);
    let id = call.id.simple().to_string();
    let part = if part > 1 {
        format!("-{part}")
    } else {
        String::new()
    };
    format!("call-{}-{}{part}.ogg", at.format("%Y-%m-%d-%H%M"), &id[..8])
}

async fn link(state: &AppState, recording: &Recording, name: &str) -> Result<Response, Problem> {
    let bucket = state.config().recordings.as_ref().and_then(|r| r.bucket());
    let (Some(bucket), Some(key)) = (bucket, &recording.object_key) else {
        return Err(away(
            "The recording is in a bucket for which this server has no key: set \
             LIVEKIT_RECORDING_BUCKET and its key here too.",
        ));
    };
    let url = bucket.link(key, name, LINK_VALID).await.map_err(|error| {
        tracing::error!(%error, "no link to a recording");
        away("The recording's link could not be signed; the server's log says why.")
    })?;
    // 302: the next request shall come here again, for a fresh link.
    let mut response = Redirect::to(&url).into_response();
    *response.status_mut() = StatusCode::FOUND;
    Ok(response)
}

fn away(detail: &str) -> Problem {
    Problem {
        retry_after: Some(30),
        ..Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Recording not here",
            detail,
        )
    }
}

async fn file(
    state: &AppState,
    recording: &Recording,
    name: &str,
    request: Request,
) -> Result<Response, Problem> {
    let recordings = state.config().recordings.as_ref();
    let entry = recordings.map(|r| r.spool().entry(recording.id, recording.call_id));
    let Some(entry) = entry.filter(|entry| entry.path.exists()) else {
        return Err(away(
            "The recording is still with the worker that made it, on its way to the bucket. Without \
             a bucket, workers and control plane must share SIDETONE_DATA_DIR.",
        ));
    };
    let mut served = ServeFile::new(&entry.path)
        .try_call(request)
        .await
        .map_err(|error| {
            tracing::error!(%error, "a recording's file");
            away("The recording's file cannot be read; the server's log says why.")
        })?
        .map(axum::body::Body::new);
    let headers = served.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/ogg"));
    if let Ok(value) = format!("inline; filename=\"{name}\"").parse() {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(served)
}

/// Records silence from now on, until resumed. Answered when the recorder has confirmed it.
#[utoipa::path(post, path = "/api/voice/history/{callId}/recording/pause", tag = "voice",
    params(("callId" = Uuid, Path)),
    responses((status = 200, body = Paused), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 502, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn pause(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<Paused>, Problem> {
    set_paused(&state, &principal, &id, true).await
}

/// Records sound again. Answered when the recorder has confirmed it.
#[utoipa::path(post, path = "/api/voice/history/{callId}/recording/resume", tag = "voice",
    params(("callId" = Uuid, Path)),
    responses((status = 200, body = Paused), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 502, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn resume(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<Paused>, Problem> {
    set_paused(&state, &principal, &id, false).await
}

async fn set_paused(
    state: &AppState,
    principal: &Principal,
    id: &str,
    paused: bool,
) -> Result<Json<Paused>, Problem> {
    principal.need(Right::ManageAgents)?;
    let id = path_id("callId", id, "history")?;
    let no_such = || Problem::not_found("callId", "There is no such call.");
    let call = state.store().call(id).await?.ok_or_else(no_such)?;
    let recordings = state.store().recordings(id).await?;
    let under_way = |r: &&Recording| r.state == RecordingState::Recording;
    let here = |r: &&Recording| r.mode == Recorder::Process;
    let mut live = recordings.iter().rev().filter(under_way);
    let Some(recording) = live.clone().find(here) else {
        let why = match live.next() {
            Some(_) => "LiveKit's Egress records this call, and cannot pause.",
            None => "This call is not being recorded now.",
        };
        return Err(Problem::new(StatusCode::CONFLICT, "Not recorded", why));
    };
    let command = Command {
        recording: recording.id.to_string(),
        paused,
    };
    let message = serde_json::to_value(command).unwrap_or_default();
    let livekit = &state.voice()?.control.livekit;
    // Of a call between people a process listens in that nobody sees.
    let hidden = state.store().recorder_of(id).await?.map(recorder_identity);
    let told = rooms::tell_agents(
        livekit,
        &call.room_name,
        id,
        hidden,
        RECORDING_TOPIC,
        &message,
    );
    told.await.map_err(|error| Problem::livekit(&error))?;
    let until = clock::now() + CONFIRM;
    while clock::now() < until {
        match state.store().recording(recording.id).await? {
            Some(now) if now.state == RecordingState::Recording && now.paused != paused => {}
            Some(now) if now.state == RecordingState::Recording => {
                return Ok(Json(Paused { paused }));
            }
            _ => return Err(unfinished_no_more()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(away(
        "The recorder did not confirm it. Assume that the call is being recorded, and try again.",
    ))
}

fn unfinished_no_more() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "Not recorded",
        "The recording has just ended.",
    )
}
