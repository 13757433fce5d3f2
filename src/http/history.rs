//! Looking back on calls.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::AppState;
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, check_text};
use super::recording::RecordingInfo;
use crate::store::calls::Participant;
use crate::store::history::{AgentStats, HistoryFilter, Stats};
use crate::store::tools::ToolCall;
use crate::store::{At, Call, CallStatus, CallType, Turn};

const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;

/// Which calls.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(
    dead_code,
    reason = "documents the query, which is read by `Query::parse`"
)]
pub struct HistoryQuery {
    /// support, user-to-user or conference.
    call_type: Option<String>,
    /// pending, ringing, connected, completed, missed or failed.
    status: Option<String>,
    /// Calls a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Calls to skip.
    offset: Option<u64>,
    /// Adds statistics over all calls that the filter finds.
    include_stats: Option<bool>,
    /// Everybody's calls (admins only).
    all_users: Option<bool>,
    /// Not before this time (RFC 3339).
    from: Option<String>,
    /// Before this time (RFC 3339).
    to: Option<String>,
    /// Words of the transcript, or a part of a room's name or a caller's id.
    #[param(max_length = 200)]
    q: Option<String>,
}

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
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    #[schema(value_type = Object)]
    metadata: Value,
    created_at: DateTime<Utc>,
}

/// A page of calls, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    calls: Vec<CallInfo>,
    /// All that the filter finds, counted to 10,000. The statistics are exact.
    #[schema(maximum = 10000)]
    total: i64,
    /// False when there are more than `total`.
    total_is_exact: bool,
    limit: u32,
    offset: u64,
    /// There are calls after this page.
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<StatsInfo>,
}

/// Numbers over all calls that the filter finds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatsInfo {
    by_status: BTreeMap<&'static str, i64>,
    by_type: BTreeMap<&'static str, i64>,
    /// Share of ended calls in which both sides met, 0 to 1.
    answered_rate: Option<f64>,
    mean_duration_seconds: Option<f64>,
    total_duration_seconds: i64,
    /// Median time to the agent's first sound, ms.
    median_latency_ms: Option<f64>,
    /// By agent and variant.
    by_agent: Vec<AgentStatsInfo>,
}

/// Numbers of an agent, or of one of its variants.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatsInfo {
    agent: String,
    /// None: the agent as it stood.
    variant: Option<String>,
    calls: i64,
    /// Calls that came to a result.
    results: i64,
    /// Of those, calls whose callers got what they wanted.
    resolved: i64,
    mean_duration_seconds: Option<f64>,
}

impl From<AgentStats> for AgentStatsInfo {
    fn from(stats: AgentStats) -> Self {
        Self {
            agent: stats.agent,
            variant: stats.variant,
            calls: stats.calls,
            results: stats.results,
            resolved: stats.resolved,
            mean_duration_seconds: stats.mean_duration_seconds,
        }
    }
}

/// A call with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallDetail {
    #[serde(flatten)]
    call: CallInfo,
    /// All that was said, a line a turn.
    transcript: Option<String>,
    participants: Vec<ParticipantInfo>,
    turns: Vec<TurnInfo>,
    /// What the agent's tools did, in order.
    tools: Vec<ToolInfo>,
    /// What came of it, by the agent's `[result]`: summary, intent, resolved, fields.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Why no result could be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_error: Option<String>,
    /// The post-call webhook: waiting, delivered or given_up.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    /// The agent that the call began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Which version of its files: a hash of configuration and prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_version: Option<String>,
    /// Which of its variants; none: as it stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    /// Oldest first; `GET /api/voice/history/{callId}/recording?part=1` is the first.
    recordings: Vec<RecordingInfo>,
}

/// Somebody's stay in the room.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParticipantInfo {
    user_id: String,
    participant_name: String,
    /// user, agent or other.
    kind: String,
    joined_at: Option<DateTime<Utc>>,
    left_at: Option<DateTime<Utc>>,
    duration_seconds: Option<i32>,
    is_muted: bool,
}

/// What somebody said.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TurnInfo {
    turn_id: String,
    /// user or agent.
    speaker: String,
    text: String,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    interrupted: bool,
    latency_ms: Option<i32>,
    #[schema(value_type = Object)]
    metrics: Value,
}

/// A tool that ran.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolInfo {
    /// Whose tool it was.
    agent: String,
    name: String,
    /// As the model wrote them.
    #[schema(value_type = Object)]
    arguments: Value,
    /// Whether it did what it should.
    ok: bool,
    /// What the model was told.
    result: String,
    started_at: DateTime<Utc>,
    duration_ms: i32,
}

impl From<ToolCall> for ToolInfo {
    fn from(call: ToolCall) -> Self {
        Self {
            agent: call.agent,
            name: call.name,
            arguments: call.arguments.0,
            ok: call.ok,
            result: call.result,
            started_at: call.started_at,
            duration_ms: call.duration_ms,
        }
    }
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
            failure_reason: call.failure_reason.filter(|_| failed),
            metadata: call.metadata.0,
            created_at: call.created_at,
        }
    }
}

impl From<Participant> for ParticipantInfo {
    fn from(row: Participant) -> Self {
        Self {
            user_id: row.user_id,
            participant_name: row.participant_name,
            kind: row.kind.as_str().into(),
            joined_at: row.joined_at,
            left_at: row.left_at,
            duration_seconds: row.duration_seconds,
            is_muted: row.is_muted,
        }
    }
}

impl From<Turn> for TurnInfo {
    fn from(turn: Turn) -> Self {
        Self {
            turn_id: turn.turn_id,
            speaker: turn.speaker.as_str().into(),
            text: turn.text,
            started_at: turn.started_at,
            ended_at: turn.ended_at,
            interrupted: turn.interrupted,
            latency_ms: turn.latency_ms,
            metrics: turn.metrics.0,
        }
    }
}

impl From<Stats> for StatsInfo {
    fn from(stats: Stats) -> Self {
        let by_status = stats.by_status;
        let by_type = stats.by_type;
        Self {
            by_status: by_status
                .into_iter()
                .map(|(key, n)| (key.as_str(), n))
                .collect(),
            by_type: by_type
                .into_iter()
                .map(|(key, n)| (key.as_str(), n))
                .collect(),
            answered_rate: stats.answered_rate,
            mean_duration_seconds: stats.mean_duration_seconds,
            total_duration_seconds: stats.total_duration_seconds,
            median_latency_ms: stats.median_latency_ms,
            by_agent: stats.by_agent.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Debug, Default)]
struct Query {
    filter: HistoryFilter,
    limit: u32,
    offset: u64,
    stats: bool,
    all_users: bool,
}

impl Query {
    fn parse(raw: Option<&str>) -> Result<Self, Problem> {
        let mut query = Self {
            limit: DEFAULT_LIMIT,
            ..Self::default()
        };
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            let text = value.as_ref();
            match name.as_ref() {
                "callType" => query.filter.call_type = Some(one_of::<CallType>("callType", text)?),
                "status" => query.filter.status = Some(one_of::<CallStatus>("status", text)?),
                "limit" => {
                    query.limit = number("limit", text, 1, u64::from(MAX_LIMIT))? as u32;
                }
                "offset" => query.offset = number("offset", text, 0, i64::MAX as u64)?,
                "includeStats" => query.stats = flag("includeStats", text)?,
                "allUsers" => query.all_users = flag("allUsers", text)?,
                "from" => query.filter.from = Some(time("from", text)?),
                "to" => query.filter.to = Some(time("to", text)?),
                "q" => {
                    check_text("q", text, 200, false)?;
                    query.filter.text = Some(text.to_owned());
                }
                unknown => {
                    return Err(Problem::field(
                        unknown,
                        format!(
                            "there is no query parameter \"{unknown}\"; there are callType, \
                             status, limit, offset, includeStats, allUsers, from, to and q"
                        ),
                    ));
                }
            }
        }
        Ok(query)
    }
}

fn one_of<T: std::str::FromStr<Err = String>>(field: &str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|error| Problem::field(field, format!("{field} {error}")))
}

fn number(field: &str, text: &str, min: u64, max: u64) -> Result<u64, Problem> {
    text.parse()
        .ok()
        .filter(|n| (min..=max).contains(n))
        .ok_or_else(|| {
            Problem::field(
                field,
                format!("{field} is a whole number from {min} to {max}"),
            )
        })
}

fn flag(field: &str, text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Problem::field(field, format!("{field} is true or false"))),
    }
}

fn time(field: &str, text: &str) -> Result<At, Problem> {
    DateTime::parse_from_rfc3339(text)
        .map(Into::into)
        .map_err(|_| {
            Problem::field(
                field,
                format!("{field} is a time such as 2026-01-31T12:00:00Z"),
            )
        })
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
    principal.need(Right::History)?;
    let mut query = Query::parse(raw.as_deref())?;
    if query.all_users {
        principal
            .need(Right::AllHistory)
            .map_err(|problem| Problem {
                field: Some("allUsers".into()),
                ..problem
            })?;
    }
    // A backend has no calls of its own.
    query.filter.user_id = principal
        .user_id()
        .filter(|_| !query.all_users)
        .map(str::to_owned);
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
        calls: page.calls.into_iter().map(Into::into).collect(),
        total: page.total,
        total_is_exact: page.total_is_exact,
        limit: query.limit,
        offset: query.offset,
        stats,
    }))
}

pub(super) fn call_id(text: &str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| Problem::field("callId", "callId is a UUID, as the history gives it"))
}

/// A call and who took part, if the principal may see it.
pub(super) async fn visible(
    state: &AppState,
    principal: &Principal,
    id: Uuid,
) -> Result<(Call, Vec<Participant>), Problem> {
    principal.need(Right::History)?;
    let no_such = || Problem::not_found("callId", "There is no such call.");
    let call = state.store().call(id).await?.ok_or_else(no_such)?;
    let participants = state.store().participants(id).await?;
    if !principal.sees_all() {
        let me = principal.user_id().unwrap_or_default();
        let took_part = call.caller_id == me
            || call.callee_id.as_deref() == Some(me)
            || participants
                .iter()
                .any(|participant| participant.user_id == me);
        if !took_part {
            return Err(no_such());
        }
    }
    Ok((call, participants))
}

/// One call: who took part, what was said and when, the recording.
#[utoipa::path(get, path = "/api/voice/history/{callId}", tag = "voice",
    params(("callId" = Uuid, Path)),
    responses((status = 200, body = CallDetail), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn one(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<CallDetail>, Problem> {
    let id = call_id(&id)?;
    let (call, participants) = visible(&state, &principal, id).await?;
    let recordings = state.store().recordings(id).await?;
    let turns = state.store().turns(id).await?;
    let tools = state.store().tool_calls(id).await?;
    let made = state.store().result(id).await?;
    let (result, result_error) = made.map_or((None, None), |made| (made.result, made.error));
    let webhook = state.store().webhook_state(id).await?;
    let by = state.store().version_of_call(id).await?;
    let (agent, agent_version, variant) = by.map_or((None, None, None), |by| {
        (Some(by.agent), Some(by.agent_version), by.variant)
    });
    Ok(Json(CallDetail {
        transcript: call.transcript.clone(),
        call: call.into(),
        participants: participants.into_iter().map(Into::into).collect(),
        turns: turns.into_iter().map(Into::into).collect(),
        tools: tools.into_iter().map(Into::into).collect(),
        result: result.map(|result| result.0),
        result_error,
        webhook,
        agent,
        agent_version,
        variant,
        recordings: recordings.into_iter().map(Into::into).collect(),
    }))
}

/// Deletes a call's personal data: names, ids, words, recording link. When it was and how long it
/// took stays for the statistics.
#[utoipa::path(delete, path = "/api/voice/history/{callId}", tag = "voice",
    params(("callId" = Uuid, Path)),
    responses((status = 204, description = "Deleted."), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn delete(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    principal.need(Right::Delete)?;
    let id = call_id(&id)?;
    let call = state.store().call(id).await?;
    let call = call.ok_or_else(|| Problem::not_found("callId", "There is no such call."))?;
    if call.ended_at.is_none() {
        return Err(Problem {
            field: Some("callId".into()),
            ..Problem::new(
                StatusCode::CONFLICT,
                "Call goes on",
                "The call is not over; delete it when it is.",
            )
        });
    }
    state.store().delete_personal_data(&[id]).await?;
    if let Some(recordings) = &state.config().recordings {
        recordings.wake();
    }
    Ok(StatusCode::NO_CONTENT)
}
