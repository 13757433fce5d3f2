//! Tokens: the door to one room, with the call's row written before it is given.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use livekit_api::access_token::{AccessToken, VideoGrants};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::agent::{AgentWishes, MAX_NAME};
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, check_text, parse_json};
use super::{AppState, Body, Voice};
use crate::control::guard::Wanted;
use crate::store::{self, Call, CallType, NewCall};

/// Longest room name LiveKit and the table take, with place for our prefixes.
const MAX_ROOM: usize = 200;

/// What a caller asks for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct TokenRequest {
    /// support (default), user-to-user or conference.
    #[schema(example = "support")]
    room_type: Option<String>,
    /// The name shown to others.
    #[schema(example = "John Doe", max_length = 128)]
    participant_name: Option<String>,
    /// user-to-user: who is called.
    callee_id: Option<String>,
    /// conference: the room to join, `conference-…`. user-to-user: the callee names the call's room.
    room_name: Option<String>,
    /// With an API key: the user the token is for.
    user_id: Option<String>,
    /// alloy (default), echo, fable, onyx, nova or shimmer.
    voice: Option<String>,
    /// Agent file to use.
    agent: Option<String>,
    /// off, process or egress, instead of what the agent's file says (backends and admins only).
    recording: Option<String>,
    /// Values for the prompt's `{{variables}}`.
    variables: Option<BTreeMap<String, String>>,
}

/// The door to a room.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenResponse {
    /// LiveKit access token: this room only, microphone only.
    token: String,
    /// The room.
    room_name: String,
    /// The name shown to others.
    participant_name: String,
    /// Where to connect.
    livekit_host: String,
    /// An agent was asked for.
    agent_spawned: bool,
    /// The call's id, as in the history.
    call_id: Uuid,
}

/// LiveKit's standard token request, as its client SDKs send it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct StandardTokenRequest {
    room_name: Option<String>,
    participant_name: Option<String>,
    participant_identity: Option<String>,
    participant_metadata: Option<String>,
    participant_attributes: Option<BTreeMap<String, String>>,
    /// Passed over: what a room may do is not the client's to say.
    #[schema(value_type = Option<Object>)]
    room_config: Option<Value>,
}

/// LiveKit's standard answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandardTokenResponse {
    server_url: String,
    participant_token: String,
}

/// Whether calls can be placed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// All that is needed is set.
    configured: bool,
    /// What is missing or wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The variables to mend.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<&'static str>,
}

/// Whether the voice service is configured.
#[utoipa::path(get, path = "/api/voice/token", tag = "voice",
    responses((status = 200, body = ServiceStatus)))]
pub async fn status(State(state): State<AppState>) -> Json<ServiceStatus> {
    Json(match &state.0.voice {
        Ok(_) => ServiceStatus {
            configured: true,
            message: None,
            missing: Vec::new(),
        },
        Err(error) => ServiceStatus {
            configured: false,
            message: Some(error.to_string()),
            missing: error.variables(),
        },
    })
}

/// Starts or joins a call: writes its row, asks for an agent, gives the token.
///
/// A body with LiveKit's own field names (`room_name`, `participant_name`, …) is answered as
/// LiveKit's client SDKs expect: 201 `{server_url, participant_token}`.
#[utoipa::path(post, path = "/api/voice/token", tag = "voice",
    request_body = TokenRequest,
    responses((status = 200, body = TokenResponse), (status = 201, body = StandardTokenResponse),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 413, body = ProblemDocument), (status = 429, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    principal: Principal,
    Body(body): Body,
) -> Result<Response, Problem> {
    principal.need(Right::Token)?;
    if is_standard(&body) {
        let request: StandardTokenRequest = parse_json(&body)?;
        let voice = state.voice()?;
        let granted = grant(&state, voice, &principal, request.into_own()?).await?;
        let answer = StandardTokenResponse {
            server_url: granted.livekit_host,
            participant_token: granted.token,
        };
        return Ok((StatusCode::CREATED, Json(answer)).into_response());
    }
    let request: TokenRequest = parse_json(&body)?;
    let wanted = request.check(&state, &principal)?;
    let voice = state.voice()?;
    Ok(Json(grant(&state, voice, &principal, wanted).await?).into_response())
}

/// What a checked request wants.
#[derive(Debug)]
struct WantedToken {
    call_type: CallType,
    name: Option<String>,
    callee_id: Option<String>,
    room_name: Option<String>,
    user_id: Option<String>,
    wishes: AgentWishes,
}

/// LiveKit's client SDKs send snake_case names; ours are camelCase.
fn is_standard(body: &[u8]) -> bool {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return false;
    };
    !object.is_empty()
        && object.keys().all(|key| {
            key == "room_config" || key.starts_with("participant_") || key == "room_name"
        })
}

impl StandardTokenRequest {
    /// A conference room when one is named, a support call else. Identity, metadata and attributes
    /// are not taken from the client: who somebody is, their login says.
    fn into_own(self) -> Result<WantedToken, Problem> {
        if let Some(name) = &self.participant_name {
            check_text("participant_name", name, MAX_NAME, false)?;
        }
        if let Some(room) = &self.room_name {
            check_conference_name("room_name", room)?;
        }
        Ok(WantedToken {
            call_type: if self.room_name.is_some() {
                CallType::Conference
            } else {
                CallType::Support
            },
            name: self.participant_name,
            callee_id: None,
            room_name: self.room_name,
            user_id: None,
            wishes: AgentWishes::default(),
        })
    }
}

impl TokenRequest {
    fn check(self, state: &AppState, principal: &Principal) -> Result<WantedToken, Problem> {
        let call_type = match self.room_type.as_deref() {
            None => CallType::Support,
            Some(text) => text
                .parse()
                .map_err(|error| Problem::field("roomType", format!("roomType {error}")))?,
        };
        for (field, value) in [
            ("participantName", &self.participant_name),
            ("calleeId", &self.callee_id),
            ("userId", &self.user_id),
        ] {
            if let Some(text) = value {
                check_text(field, text, MAX_NAME, false)?;
            }
        }
        let misplaced = |field: &str, place: &str| {
            Problem::field(
                field,
                format!("{field} belongs to roomType {place} only; leave it out"),
            )
        };
        match call_type {
            CallType::Support if self.room_name.is_some() => {
                return Err(misplaced("roomName", "user-to-user or conference"));
            }
            CallType::UserToUser if self.room_name.is_none() && self.callee_id.is_none() => {
                return Err(Problem::field(
                    "calleeId",
                    "calleeId is missing: name who is called (or, as the callee, the roomName of \
                     the call)",
                ));
            }
            CallType::Conference => {
                if let Some(room) = &self.room_name {
                    check_conference_name("roomName", room)?;
                }
            }
            _ => {}
        }
        if self.callee_id.is_some() && call_type != CallType::UserToUser {
            return Err(misplaced("calleeId", "user-to-user"));
        }
        match (principal.user_id(), &self.user_id) {
            (None, None) => {
                return Err(Problem::field(
                    "userId",
                    "userId is missing: name the token's user",
                ));
            }
            (Some(me), Some(other)) if me != other => {
                return Err(Problem {
                    field: Some("userId".into()),
                    ..Problem::forbidden(
                        "A user gets tokens for themselves only; leave userId out.",
                    )
                });
            }
            _ => {}
        }
        let wishes = AgentWishes::check(state, self.voice, None, self.agent, self.variables)?
            .recorded(principal, self.recording.as_deref())?;
        Ok(WantedToken {
            call_type,
            name: self.participant_name,
            callee_id: self.callee_id,
            room_name: self.room_name,
            user_id: self.user_id,
            wishes,
        })
    }
}

/// Conference rooms have a name of their own, so that nobody walks into another's call.
fn check_conference_name(field: &str, room: &str) -> Result<(), Problem> {
    let rest = room.strip_prefix("conference-").unwrap_or_default();
    let plain = rest
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if rest.is_empty() || !plain || room.len() > MAX_ROOM {
        return Err(Problem::field(
            field,
            format!(
                "{field} must be conference- and then letters, digits, - or _ (at most {MAX_ROOM})"
            ),
        ));
    }
    Ok(())
}

async fn grant(
    state: &AppState,
    voice: &Voice,
    principal: &Principal,
    wanted: WantedToken,
) -> Result<TokenResponse, Problem> {
    let user_id = wanted
        .user_id
        .clone()
        .or_else(|| principal.user_id().map(str::to_owned))
        .ok_or_else(|| Problem::field("userId", "userId is missing: name the token's user"))?;
    let name = wanted.name.clone().unwrap_or_else(|| match principal {
        Principal::User {
            name: Some(name), ..
        } => name.clone(),
        _ => user_id.clone(),
    });
    let call = call_for(state, &user_id, &wanted).await?;
    let agent_spawned = if call.call_type == CallType::Support {
        let metadata = wanted.wishes.metadata(Some(call.id));
        let asked = voice.control.guard.want(&call.room_name, &metadata).await?;
        asked != Wanted::NotYet
    } else {
        false
    };
    let token = mint(state, voice, &user_id, &name, &call.room_name)?;
    Ok(TokenResponse {
        token,
        room_name: call.room_name,
        participant_name: name,
        livekit_host: voice.livekit.host.clone(),
        agent_spawned,
        call_id: call.id,
    })
}

async fn call_for(state: &AppState, user_id: &str, wanted: &WantedToken) -> Result<Call, Problem> {
    let now = store::now();
    if wanted.call_type == CallType::UserToUser
        && let Some(room) = &wanted.room_name
    {
        let call = state.store().call_in_room(room, None).await?;
        // Those who are no party learn nothing, not even that the call exists.
        return call
            .filter(|call| call.ended_at.is_none())
            .filter(|call| {
                // An agent's call has a callee when it is put through to a person.
                let is_between_users = call.call_type == CallType::UserToUser;
                (is_between_users && call.caller_id == user_id)
                    || call.callee_id.as_deref() == Some(user_id)
            })
            .ok_or_else(|| Problem::not_found("roomName", "No call of yours has this room."));
    }
    let room_name = wanted.room_name.clone().unwrap_or_else(|| {
        let user: String = user_id
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        format!(
            "{}-{user}-{}",
            wanted.call_type.as_str(),
            now.timestamp_millis()
        )
    });
    let new = NewCall {
        id: Uuid::new_v4(),
        room_name,
        caller_id: user_id.to_owned(),
        callee_id: wanted.callee_id.clone(),
        call_type: wanted.call_type,
        metadata: json!({}),
        created_at: now,
    };
    let mut call = state.store().create_call(&new).await?;
    // Two calls of one user within a millisecond would share a room; a conference is meant to.
    if call.id != new.id && wanted.call_type != CallType::Conference {
        let room_name = format!("{}-{}", new.room_name, &new.id.simple().to_string()[..8]);
        call = state
            .store()
            .create_call(&NewCall { room_name, ..new })
            .await?;
    }
    Ok(call)
}

/// A token for one room: microphone, listening, text; no rights over the room, no secrets.
fn mint(
    state: &AppState,
    voice: &Voice,
    identity: &str,
    name: &str,
    room: &str,
) -> Result<String, Problem> {
    AccessToken::with_api_key(&voice.livekit.api_key, voice.livekit.api_secret.expose())
        .with_ttl(state.config().token_ttl)
        .with_identity(identity)
        .with_name(name)
        .with_grants(VideoGrants {
            room_join: true,
            room: room.to_owned(),
            can_publish: Some(true),
            can_publish_sources: vec!["microphone".into()],
            can_subscribe: Some(true),
            can_publish_data: Some(true),
            ..Default::default()
        })
        .to_jwt()
        .map_err(|error| Problem::livekit(&error))
}
