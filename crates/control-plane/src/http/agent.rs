//! Agents: spawn one into a room, list those of the pool, end one.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, check_name, parse_json};
use super::repeat::Repeatable;
use super::traced::AskedWithin;
use super::wishes::{AgentWishes, Asked};
use super::{AppState, WholeBody};
use crate::control::guard::Wanted;
use crate::control::inbox::LONGEST_NAME;
use crate::control::rooms;
use sidetone_store::CallStatus;
use sidetone_store::{Call, DispatchMetadata};

/// What asks for agents.
const ROUTE: &str = "POST /api/voice/agent";

/// Which agent to send to which room.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpawnRequest {
    /// The room of a call; backends and admins may also name one that somebody else made.
    #[schema(example = "support-0f8fad5bd9cb469fa16570867728950e")]
    room_name: String,
    /// One of OpenAI's (alloy, echo, fable, onyx, nova, shimmer, ash, ballad, coral, sage, verse,
    /// marin, cedar), or one that an agent file names. Default: the agent file's.
    #[schema(example = "alloy")]
    voice: Option<String>,
    /// Instead of the agent file's prompt (backends and admins only).
    #[schema(max_length = 16000)]
    system_prompt: Option<String>,
    /// Agent file to use: users choose those whose files say `user_may_choose`.
    agent: Option<String>,
    /// off, process or egress, instead of what the agent's file says (backends and admins only).
    recording: Option<String>,
    /// Values for the prompt's `{{variables}}`: users set those that the agent's file lists.
    variables: Option<BTreeMap<String, String>>,
}

/// The outcome of the request.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpawnResponse {
    /// The room.
    room_name: String,
    /// LiveKit accepted the dispatch, or an agent was requested before.
    agent_spawned: bool,
    /// An agent was requested or in the room before this request.
    already_there: bool,
    /// The call's id.
    call_id: Uuid,
}

/// An agent of the pool.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentInfo {
    room_name: String,
    /// asked, joined, ended or failed.
    state: String,
    /// Since when it is in this state.
    since: DateTime<Utc>,
    /// How many dispatches LiveKit was sent.
    attempts: i32,
    /// The worker that runs it, once known.
    worker: Option<String>,
    call_id: Option<Uuid>,
}

/// The agents of the pool.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentList {
    agents: Vec<AgentInfo>,
}

/// Sends an agent to a call's room now, without waiting for somebody to join. Idempotent: a second
/// request changes nothing, and with the `Idempotency-Key` of the first, within a day, it is answered the
/// same. Where no worker could take the call, none is asked for (503).
#[utoipa::path(post, path = "/api/voice/agent", tag = "voice", request_body = SpawnRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters, new for each request.")),
    responses((status = 200, body = SpawnResponse), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn spawn(
    State(state): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Json<SpawnResponse>, Problem> {
    principal.need(Right::SpawnAgent)?;
    let within = AskedWithin::of(&headers, &principal);
    let request: SpawnRequest = parse_json(&body)?;
    check_name("roomName", &request.room_name, LONGEST_NAME)?;
    let asked = Asked {
        agent: request.agent.map(|name| ("agent", name)),
        voice: request.voice,
        system_prompt: request.system_prompt,
        recording: request.recording,
        variables: request.variables.map(|variables| ("variables", variables)),
        attributes: None,
    };
    let wishes = AgentWishes::check(&state, &principal, asked)?;
    let voice = state.voice()?;
    let mut call = state.store().call_in_room(&request.room_name, None).await?;
    // A backend may have made the room itself; whether there is one is not for users to find out.
    if call.as_ref().is_none_or(|call| call.ended_at.is_some())
        && principal.may(Right::ManageAgents)
    {
        let found = rooms::found(&voice.control, &request.room_name).await;
        let found = found.map_err(|error| Problem::livekit(&error))?;
        call = found.or(call);
    }
    let call = call
        .filter(|call| {
            let theirs = |id: &str| call.caller_id == id || call.callee_id.as_deref() == Some(id);
            principal.may(Right::ManageAgents) || principal.user_id().is_some_and(theirs)
        })
        .ok_or_else(|| {
            Problem::not_found(
                "roomName",
                "No call has this room; get a token for one first.",
            )
        })?;
    state.limit_user_of(&principal, &call.caller_id)?;
    let first = state.repeatable(&headers, &principal, ROUTE, &body, call.id);
    let first = first.await?;
    if let Some(answer) = first.as_ref().and_then(Repeatable::answer)
        && let Ok(answer) = serde_json::from_value(answer.clone())
    {
        return Ok(Json(answer));
    }
    if call.ended_at.is_some() {
        let detail = match call.status {
            CallStatus::Failed => "The call in this room has failed; start a new one.",
            _ => "The call in this room is over; start a new one.",
        };
        return Err(Problem {
            field: Some("roomName".into()),
            ..Problem::new(StatusCode::CONFLICT, "Call is over", detail)
        });
    }
    state
        .need_place_of(&call.caller_id, &call.room_name)
        .await?;
    let before = asked_before(&state, &call).await?;
    let (told, _) = wishes.settle(&state, &principal, Some(call.id), before)?;
    let traceparent = within.as_ref().map(AskedWithin::told).or(told.traceparent);
    let told = DispatchMetadata {
        traceparent,
        ..told
    };
    let wanted = voice.control.guard.want(&call.room_name, &told).await?;
    if let Wanted::Full(full) = wanted {
        return Err(state.nobody_free(full, sidetone_store::now()).await);
    }
    if let Some(within) = within {
        within.has_asked_for(call.id, ROUTE, &state);
    }
    // The one that was to come when somebody joins.
    state.store().awaited_no_more(&call.room_name).await?;
    let answer = SpawnResponse {
        room_name: call.room_name,
        agent_spawned: wanted != Wanted::NotYet,
        already_there: wanted == Wanted::Already,
        call_id: call.id,
    };
    match (first, wanted) {
        (None, _) | (_, Wanted::NotYet) => Ok(Json(answer)),
        (Some(first), _) => {
            let kept = state.answered(&first, json!(answer)).await?;
            Ok(Json(serde_json::from_value(kept).unwrap_or(answer)))
        }
    }
}

/// What was asked for in a call: what its token awaits, else what its agent was told.
async fn asked_before(state: &AppState, call: &Call) -> Result<Option<DispatchMetadata>, Problem> {
    let store = state.store();
    if let Some(awaited) = store.awaited_in(&call.room_name).await? {
        return Ok(Some(awaited.metadata.0));
    }
    let agent = store.agent_in(&call.room_name).await?;
    let agent = agent.filter(|agent| agent.call_id == Some(call.id));
    Ok(agent.map(|agent| agent.metadata.0))
}

/// Lists the agents that are requested or in a room, of all workers.
#[utoipa::path(get, path = "/api/voice/agent", tag = "voice",
    responses((status = 200, body = AgentList), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<AgentList>, Problem> {
    principal.need(Right::ManageAgents)?;
    let agents = state
        .store()
        .live_agents()
        .await?
        .into_iter()
        .map(|agent| AgentInfo {
            room_name: agent.room_name,
            state: agent.state.as_str().into(),
            since: agent.since,
            attempts: agent.attempts,
            worker: agent.worker_id,
            call_id: agent.call_id,
        });
    Ok(Json(AgentList {
        agents: agents.collect(),
    }))
}

/// Ends a room's agent: it finishes its sentence and leaves. An agent that was to come when somebody joins no
/// longer comes.
#[utoipa::path(delete, path = "/api/voice/agent/{roomName}", tag = "voice",
    params(("roomName" = String, Path)),
    responses((status = 204, description = "The agent leaves."), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 502, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn end(
    State(state): State<AppState>,
    principal: Principal,
    Path(room): Path<String>,
) -> Result<StatusCode, Problem> {
    principal.need(Right::ManageAgents)?;
    check_name("roomName", &room, LONGEST_NAME)?;
    let ended = state.voice()?.control.end_agent(&room).await;
    match ended.map_err(|error| Problem::livekit(&error))? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("roomName", "No agent is in this room.")),
    }
}
