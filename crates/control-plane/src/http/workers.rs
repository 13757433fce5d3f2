//! The pool's workers, of all machines that share the store.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, path_id};
use sidetone_base::metrics::recent::Recent;
use sidetone_store::At;
use sidetone_store::editions::EditionRow;
use sidetone_store::workers::{LOST_AFTER, WorkerRow};

/// A worker process.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerInfo {
    id: Uuid,
    /// Name of its machine.
    host: String,
    /// The name it is dispatched by.
    agent_name: String,
    /// Sidetone's version.
    version: String,
    /// LiveKit's id of it, which the list of agents names.
    livekit_id: Option<String>,
    /// connecting, ready, draining, drained, or lost: not heard of for 20 s.
    state: String,
    /// 0 to 1.
    load: f32,
    /// Calls that it holds.
    calls: i32,
    /// Most calls that it holds at once.
    max_calls: i32,
    started_at: DateTime<Utc>,
    /// When it last reported.
    seen_at: DateTime<Utc>,
    /// When it was asked to drain.
    drain_requested_at: Option<DateTime<Utc>>,
    /// By when the last of its calls is ended, if it drains.
    drain_until: Option<DateTime<Utc>>,
    /// What it measured in the last five minutes; none if its version does not report it.
    recent: Option<RecentInfo>,
    /// The edition of the agents' files that its next call is held with; none: the files on its own disk.
    edition: Option<String>,
}

impl WorkerInfo {
    fn of(row: WorkerRow, now: At) -> Self {
        let lost = row.seen_at + LOST_AFTER < now;
        Self {
            id: row.id,
            host: row.host,
            agent_name: row.agent_name,
            version: row.version,
            livekit_id: row.livekit_id,
            state: if lost { "lost" } else { row.state.as_str() }.into(),
            load: row.load,
            calls: row.calls,
            max_calls: row.max_calls,
            started_at: row.started_at,
            seen_at: row.seen_at,
            drain_requested_at: row.drain_requested_at,
            drain_until: row.drain_until,
            recent: row.recent.map(|recent| recent.0.into()),
            edition: row.edition,
        }
    }
}

/// What a worker measured in the last five minutes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentInfo {
    /// Answers that callers heard.
    answers: u64,
    /// Half of them were heard within this time, ms.
    p50_latency_ms: Option<u64>,
    /// 95 of 100 were heard within this time, ms.
    p95_latency_ms: Option<u64>,
    /// Providers that were used.
    providers: Vec<AskedInfo>,
}

/// A provider that was used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AskedInfo {
    /// stt, llm or tts.
    stage: String,
    /// Its name in the agent's file.
    provider: String,
    requests: u64,
    /// Of these, those that failed.
    errors: u64,
}

impl From<Recent> for RecentInfo {
    fn from(recent: Recent) -> Self {
        let asked = recent.providers.into_iter().map(|asked| AskedInfo {
            stage: asked.stage,
            provider: asked.provider,
            requests: asked.requests,
            errors: asked.errors,
        });
        Self {
            answers: recent.answers,
            p50_latency_ms: recent.p50_ms,
            p95_latency_ms: recent.p95_ms,
            providers: asked.collect(),
        }
    }
}

/// All files of the agents, as one version that the pool shares.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditionInfo {
    /// Hash of the files.
    version: String,
    /// Whether calls that begin now use it.
    current: bool,
    /// Name of the machine that published it last.
    published_by: String,
    published_at: DateTime<Utc>,
    /// Since when the pool is held at it, whatever is published (`sidetone agents use`).
    held_since: Option<DateTime<Utc>>,
    files: i64,
    bytes: i64,
}

/// The pool's workers.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkerList {
    /// Oldest first.
    workers: Vec<WorkerInfo>,
    /// The current one first, then the youngest; none where processes read their own files.
    editions: Vec<EditionInfo>,
}

/// The worker processes of all machines that share the store.
#[utoipa::path(get, path = "/api/voice/workers", tag = "admin",
    responses((status = 200, body = WorkerList), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<WorkerList>, Problem> {
    principal.need(Right::Operate)?;
    let now = state.store().database_now().await?;
    let workers = state.store().workers().await?.into_iter();
    let editions = state.store().editions().await?.into_iter().enumerate();
    let edition = |(n, row): (usize, EditionRow)| EditionInfo {
        version: row.version,
        current: n == 0,
        published_by: row.published_by,
        published_at: row.published_at,
        held_since: row.held_at,
        files: row.files,
        bytes: row.bytes,
    };
    Ok(Json(WorkerList {
        workers: workers.map(|row| WorkerInfo::of(row, now)).collect(),
        editions: editions.map(edition).collect(),
    }))
}

/// Asks a worker to drain: it takes no more calls, and its calls end by themselves, or after ten
/// minutes. It learns of the request within seconds. Idempotent.
#[utoipa::path(post, path = "/api/voice/workers/{workerId}/drain", tag = "admin",
    params(("workerId" = Uuid, Path)),
    responses((status = 202, description = "The worker is asked to drain."), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn drain(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    principal.need(Right::Operate)?;
    let id = path_id("workerId", &id, "workers")?;
    match state
        .store()
        .request_drain(id, sidetone_store::now())
        .await?
    {
        true => Ok(StatusCode::ACCEPTED),
        false => Err(Problem::not_found("workerId", "There is no such worker.")),
    }
}
