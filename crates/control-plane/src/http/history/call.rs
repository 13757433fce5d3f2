//! One call with everything that is known about it.

mod read;
mod sight;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

pub(in crate::http) use self::sight::Sight;
use super::CallInfo;
use super::recordings::RecordingInfo;
use crate::http::AppState;
use crate::http::auth::{Principal, Right};
use crate::http::error::{Problem, ProblemDocument, path_id};
use sidetone_store::errors::StageError;
use sidetone_store::figures::{Ledger, Usage};
use sidetone_store::media::Media;
use sidetone_store::participants::Participant;
use sidetone_store::tools::ToolCall;
use sidetone_store::{Call, ParticipantKind, StoredTurn};

/// A call with everything that is known about it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallDetail {
    #[serde(flatten)]
    call: CallInfo,
    /// Everything that was said, one line per turn.
    transcript: Option<String>,
    participants: Vec<ParticipantInfo>,
    turns: Vec<TurnInfo>,
    /// What the agent's tools did, in order.
    tools: Vec<ToolInfo>,
    /// Stages that failed while the call went on, in order, the first hundred.
    errors: Vec<ErrorInfo>,
    /// The result of the call, as the agent's `[result]` asks for it: summary, intent, resolved, fields.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Why no result could be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_error: Option<String>,
    /// The post-call webhook: waiting, delivered or given_up.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<String>,
    /// What the call used at its providers; it grows during the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    /// What became of everything that was said in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<Ledger>,
    /// How its sound travelled between agent and server; known once an agent has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Media>,
    /// The agent that the call began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// Which version of its files: a hash of configuration and prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_version: Option<String>,
    /// Which of its variants; none: the agent without changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    /// Which edition of all agents' files it belongs to, if the pool shares them.
    #[serde(skip_serializing_if = "Option::is_none")]
    edition: Option<String>,
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
    /// A user's turn, where the agent hears several people (`several_speakers`): the participant's identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// The participant's name, which nobody else has in the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_name: Option<String>,
    text: String,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    interrupted: bool,
    /// An agent's turn: not all of it was heard. It is still being spoken, or its agent was lost or left.
    unfinished: bool,
    latency_ms: Option<i32>,
    /// An agent's turn, milliseconds by stage: `endpointingMs`, `sttMs`, `llmFirstTokenMs`,
    /// `ttsFirstByteMs`, `playoutMs` are how long each took, `sttAtMs`, `llmFirstTokenAtMs`,
    /// `ttsFirstByteAtMs` when it was done, from the end of the caller's speech.
    #[schema(value_type = Object)]
    metrics: Value,
}

/// A tool that ran, or runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolInfo {
    /// Whose tool it was.
    agent: String,
    name: String,
    /// As the model wrote them.
    #[schema(value_type = Object)]
    arguments: Value,
    /// done, failed, running, or unknown: the agent that called it was lost, and nobody knows whether it ran.
    state: &'static str,
    /// Whether it succeeded.
    ok: bool,
    /// What the model was told; empty while that is not known, and `durationMs` 0.
    result: String,
    started_at: DateTime<Utc>,
    duration_ms: i32,
}

/// A stage that failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorInfo {
    /// stt, llm, tts, tool or transport.
    stage: String,
    message: String,
    at: DateTime<Utc>,
}

impl From<StageError> for ErrorInfo {
    fn from(error: StageError) -> Self {
        Self {
            stage: error.stage,
            message: error.message,
            at: error.at,
        }
    }
}

/// No tool may take longer than a minute, nor a person to take a call; both get some seconds of grace.
const LONGEST_RUN: TimeDelta = TimeDelta::seconds(75);

/// Whether an agent that was there when a run began is still there: nobody else waits for its end. Also `true` if no
/// agent is known.
fn waits_since(run: &ToolCall, stays: &[Participant]) -> bool {
    let mut agents = stays
        .iter()
        .filter(|stay| stay.kind == ParticipantKind::Agent)
        .peekable();
    let is_there = |identity: &str| {
        let mut of_agent = stays.iter().filter(|stay| stay.user_id == identity);
        of_agent.any(|stay| stay.left_at.is_none())
    };
    let was_there = |stay: &Participant| stay.joined_at.is_none_or(|at| at <= run.started_at);
    agents.peek().is_none() || agents.any(|stay| was_there(stay) && is_there(&stay.user_id))
}

impl ToolInfo {
    /// As it is known at `now`, in a call that goes on or does not, with these in it.
    fn of(call: ToolCall, goes_on: bool, stays: &[Participant], now: DateTime<Utc>) -> Self {
        let is_waited_for = || waits_since(&call, stays) && now - call.started_at < LONGEST_RUN;
        let state = match call.outcome() {
            Some(Ok(_)) => "done",
            Some(Err(_)) => "failed",
            None if goes_on && is_waited_for() => "running",
            None => "unknown",
        };
        Self {
            state,
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

impl From<StoredTurn> for TurnInfo {
    fn from(turn: StoredTurn) -> Self {
        Self {
            turn_id: turn.turn_id,
            speaker: turn.speaker.as_str().into(),
            user_id: turn.person,
            participant_name: turn.name,
            text: turn.text,
            started_at: turn.started_at,
            ended_at: turn.ended_at,
            interrupted: turn.interrupted,
            unfinished: turn.unfinished,
            latency_ms: turn.latency_ms,
            metrics: turn.metrics.0,
        }
    }
}

/// A call with its participants, and how much of it the principal may see, if any.
pub(in crate::http) async fn visible(
    state: &AppState,
    principal: &Principal,
    id: Uuid,
) -> Result<(Call, Vec<Participant>, Sight), Problem> {
    principal.need(Right::History)?;
    let no_such = || Problem::not_found("callId", "There is no such call.");
    let call = state.store().call(id).await?.ok_or_else(no_such)?;
    let participants = state.store().participants(id).await?;
    // An erased call belongs to nobody, not even to a user whose id is "deleted".
    if !principal.sees_all() && call.deleted_at.is_some() {
        return Err(no_such());
    }
    let sight = Sight::of(principal, &call, &participants).ok_or_else(no_such)?;
    Ok((call, participants, sight))
}

/// One call: who took part, what was said and when, the recording. Users who joined a call later see what happened
/// while they were there.
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
    let id = path_id("callId", &id, "history")?;
    let (call, participants, sight) = visible(&state, &principal, id).await?;
    let detail = CallDetail::of(state.store(), call, participants).await?;
    Ok(Json(detail.seen(&sight)))
}

/// Deletes a call's personal data: names, ids, words, recording link. Its time and duration are kept for the
/// statistics. Deletion is final: later events of the call are not stored.
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
    let id = path_id("callId", &id, "history")?;
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

#[cfg(test)]
mod tests;
