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
use super::error::{Problem, ProblemDocument, check_text, parse_json};
use super::repeat::Repeatable;
use super::{AppState, WholeBody};
use crate::control::guard::Wanted;
use crate::control::rooms;
use sidetone_config::recording::RecordingMode;
use sidetone_store::CallStatus;
use sidetone_store::DispatchMetadata;

/// Longest name of a person.
pub(super) const MAX_NAME: usize = 128;
/// Longest system prompt, characters.
const MAX_PROMPT: usize = 16_000;
const MAX_VARIABLES: usize = 64;
const MAX_VARIABLE: usize = 2_000;

/// How an agent is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AgentWishes {
    voice: Option<String>,
    system_prompt: Option<String>,
    agent: Option<String>,
    recording: Option<RecordingMode>,
    variables: BTreeMap<String, String>,
}

impl AgentWishes {
    pub(super) fn check(
        state: &AppState,
        voice: Option<String>,
        system_prompt: Option<String>,
        agent: Option<String>,
        variables: Option<BTreeMap<String, String>>,
    ) -> Result<Self, Problem> {
        if let Some(name) = &voice
            && let all = state.config().agents.voices()
            && !all.contains(name)
        {
            let detail = format!("voice \"{name}\" is not one of {}", all.join(", "));
            return Err(Problem::field("voice", detail));
        }
        if let Some(prompt) = &system_prompt {
            check_text("systemPrompt", prompt, MAX_PROMPT, true)?;
        }
        if let Some(name) = &agent
            && let all = state.config().agents.now()
            && !all.contains(name)
        {
            let all: Vec<String> = all.into_iter().collect();
            let detail = format!("agent \"{name}\" is not one of {}", all.join(", "));
            return Err(Problem::field("agent", detail));
        }
        let variables = variables.unwrap_or_default();
        if variables.len() > MAX_VARIABLES {
            let detail = format!("variables has more than {MAX_VARIABLES} entries");
            return Err(Problem::field("variables", detail));
        }
        for (name, value) in &variables {
            check_text("variables", name, MAX_NAME, false)?;
            if value.chars().count() > MAX_VARIABLE || value.contains('\0') {
                let field = format!("variables.{name}");
                let detail = format!("{field} has more than {MAX_VARIABLE} characters");
                return Err(Problem::field(field, detail));
            }
        }
        Ok(Self {
            voice,
            system_prompt,
            agent,
            recording: None,
            variables,
        })
    }

    /// Whether calls are recorded is not their callers' to choose.
    pub(super) fn recorded(
        self,
        principal: &Principal,
        recording: Option<&str>,
    ) -> Result<Self, Problem> {
        let Some(text) = recording else {
            return Ok(self);
        };
        if principal.user_id().is_some() {
            principal
                .need(Right::ManageAgents)
                .map_err(|problem| Problem {
                    field: Some("recording".into()),
                    ..problem
                })?;
        }
        let mode = text
            .parse()
            .map_err(|error| Problem::field("recording", format!("recording {error}")))?;
        Ok(Self {
            recording: Some(mode),
            ..self
        })
    }

    pub(super) fn metadata(self, call_id: Option<Uuid>) -> DispatchMetadata {
        DispatchMetadata {
            call_id,
            agent: self.agent,
            recording: self.recording,
            voice: self.voice,
            system_prompt: self.system_prompt,
            variables: self.variables,
            ..DispatchMetadata::default()
        }
    }
}

/// Which agent, where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SpawnRequest {
    /// Room of a call; for backends and admins also one that somebody else has made.
    #[schema(example = "support-user123-1704067200000")]
    room_name: String,
    /// One of OpenAI's (alloy, echo, fable, onyx, nova, shimmer, ash, ballad, coral, sage, verse,
    /// marin, cedar), or one that an agent file names. Default: the agent file's.
    #[schema(example = "alloy")]
    voice: Option<String>,
    /// Instead of the agent file's prompt.
    #[schema(max_length = 16000)]
    system_prompt: Option<String>,
    /// Agent file to use.
    agent: Option<String>,
    /// off, process or egress, instead of what the agent's file says (backends and admins only).
    recording: Option<String>,
    /// Values for the prompt's `{{variables}}`.
    variables: Option<BTreeMap<String, String>>,
}

/// What became of it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpawnResponse {
    /// The room.
    room_name: String,
    /// LiveKit took the dispatch, or an agent was asked for before.
    agent_spawned: bool,
    /// An agent was asked for, or there, before this request.
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
    /// In this state since.
    since: DateTime<Utc>,
    /// How often LiveKit was asked.
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

/// Spawns an agent into a call's room now, without waiting for somebody to join. Idempotent: a second
/// request changes nothing, and with the `Idempotency-Key` of the first, within a day, it is answered the
/// same. Where no worker could take the call, none is asked for (503).
#[utoipa::path(post, path = "/api/voice/agent", tag = "voice", request_body = SpawnRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters, made up anew for each request.")),
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
    let request: SpawnRequest = parse_json(&body)?;
    check_text("roomName", &request.room_name, 255, false)?;
    let wishes = AgentWishes::check(
        &state,
        request.voice,
        request.system_prompt,
        request.agent,
        request.variables,
    )?
    .recorded(&principal, request.recording.as_deref())?;
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
    let route = "POST /api/voice/agent";
    let first = state.repeatable(&headers, &principal, route, &body, call.id);
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
    let wanted = voice
        .control
        .guard
        .want(&call.room_name, &wishes.metadata(Some(call.id)))
        .await?;
    if let Wanted::Full(full) = wanted {
        return Err(state.nobody_free(full, sidetone_store::now()).await);
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

/// The agents that are asked for or in a room, of all workers.
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

/// Ends a room's agent: it says its sentence and leaves. One that was to come when somebody joins does not.
#[utoipa::path(delete, path = "/api/voice/agent/{roomName}", tag = "voice",
    params(("roomName" = String, Path)),
    responses((status = 204, description = "It leaves."), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 502, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn end(
    State(state): State<AppState>,
    principal: Principal,
    Path(room): Path<String>,
) -> Result<StatusCode, Problem> {
    principal.need(Right::ManageAgents)?;
    check_text("roomName", &room, 255, false)?;
    let ended = state.voice()?.control.end_agent(&room).await;
    match ended.map_err(|error| Problem::livekit(&error))? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("roomName", "No agent is in this room.")),
    }
}
