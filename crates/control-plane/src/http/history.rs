//! Looking back on calls.

pub mod call;
mod query;
mod recordings;
pub mod series;
mod stats;

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use self::query::{HistoryQuery, Query};
use self::stats::StatsInfo;
use super::AppState;
use super::auth::Principal;
use super::error::{Problem, ProblemDocument};
use sidetone_store::{Call, CallStatus, Outbound};

/// A call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallInfo {
    id: Uuid,
    room_name: String,
    caller_id: String,
    callee_id: Option<String>,
    call_type: String,
    status: String,
    started_at: Option<DateTime<Utc>>,
    connected_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    duration_seconds: Option<i32>,
    recording_url: Option<String>,
    /// When it was resumed after it had ended, because somebody came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed_at: Option<DateTime<Utc>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    #[schema(value_type = Object)]
    metadata: Value,
    created_at: DateTime<Utc>,
    /// When its personal data was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<DateTime<Utc>>,
    /// An agent has made the call: to whom, and what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    outbound: Option<Outbound>,
}

/// A page of calls, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    calls: Vec<CallInfo>,
    /// How many calls the filter finds, counted up to 10,000. The statistics are exact.
    #[schema(maximum = 10000)]
    total: i64,
    /// False if there are more than `total`.
    total_is_exact: bool,
    limit: u32,
    offset: u64,
    /// Whether there are calls after this page.
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<StatsInfo>,
}

impl From<Call> for CallInfo {
    fn from(call: Call) -> Self {
        let failed = call.status == CallStatus::Failed;
        Self {
            id: call.id,
            room_name: call.room_name,
            caller_id: call.caller_id,
            callee_id: call.callee_id,
            call_type: call.call_type.as_str().into(),
            status: call.status.as_str().into(),
            started_at: call.started_at,
            connected_at: call.connected_at,
            ended_at: call.ended_at,
            duration_seconds: call.duration_seconds,
            recording_url: call.recording_url,
            resumed_at: call.resumed_at,
            failure_reason: call.failure_reason.filter(|_| failed),
            metadata: call.metadata.0,
            created_at: call.created_at,
            deleted_at: call.deleted_at,
            outbound: (call.outbound).map(|dialled| dialled.shown(call.ended_at.is_some())),
        }
    }
}

impl CallInfo {
    /// Without what is of the whole call: its recording, and what a backend wrote to it.
    fn in_part(self) -> Self {
        Self {
            recording_url: None,
            metadata: Value::Object(Map::new()),
            outbound: None,
            ..self
        }
    }
}

/// Calls, newest first: the user's own, or everybody's for admins.
#[utoipa::path(get, path = "/api/voice/history", tag = "voice", params(HistoryQuery),
    responses((status = 200, body = HistoryPage), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
    RawQuery(raw): RawQuery,
) -> Result<Json<HistoryPage>, Problem> {
    let query = Query::of(&principal, raw.as_deref())?;
    let page = state
        .store()
        .history(&query.filter, query.limit, query.offset)
        .await?;
    let stats = match query.stats {
        true => Some(state.store().stats(&query.filter).await?.into()),
        false => None,
    };
    Ok(Json(HistoryPage {
        has_more: page.has_more,
        calls: (page.calls.into_iter())
            .map(|call| shown(&principal, call))
            .collect(),
        total: page.total,
        total_is_exact: page.total_is_exact,
        limit: query.limit,
        offset: query.offset,
        stats,
    }))
}

/// A line of the history: of a call that somebody only came into, not what is of the whole call.
fn shown(principal: &Principal, call: Call) -> CallInfo {
    let sees_whole = principal.sees_all() || principal.user_id().is_some_and(|me| call.is_of(me));
    let info = CallInfo::from(call);
    if sees_whole { info } else { info.in_part() }
}
