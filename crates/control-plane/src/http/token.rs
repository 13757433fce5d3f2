//! Tokens: the door to one room, with the call's row written before it is given.

mod request;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use livekit_api::access_token::{AccessToken, VideoGrants};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, parse_json};
use super::repeat::Repeatable;
use super::{AppState, LiveKitSide, WholeBody};
pub use request::{StandardTokenRequest, TokenRequest};
use request::{WantedToken, is_standard};
use sidetone_store::allowance::Allowed;
use sidetone_store::{At, Call, CallType, NewCall};

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
    /// An agent comes as soon as somebody joins.
    agent_spawned: bool,
    /// The call's id, as in the history.
    call_id: Uuid,
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

/// Starts or joins a call: writes its row, notes which agent is to come when somebody joins, gives the
/// token. A token that nobody uses is no call: its row goes when the token is no longer good. Where no
/// worker could take an agent's call, there is none (503), and `Retry-After` says when to ask again.
///
/// Sent again within a day with the same `Idempotency-Key`, by the same user or key, it gives the same call
/// again, with a token that is good from then on.
///
/// A body with LiveKit's own field names (`room_name`, `participant_name`, …) is answered as
/// LiveKit's client SDKs expect: 201 `{server_url, participant_token}`.
#[utoipa::path(post, path = "/api/voice/token", tag = "voice",
    request_body = TokenRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters, made up anew for each request.")),
    responses((status = 200, body = TokenResponse), (status = 201, body = StandardTokenResponse),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, Problem> {
    principal.need(Right::Token)?;

    if is_standard(&body) {
        let request: StandardTokenRequest = parse_json(&body)?;
        let voice = state.voice()?;
        let wanted = request.into_own()?;
        let first = first(&state, &principal, &headers, &body).await?;
        let granted = grant(&state, voice, &principal, wanted, first).await?;
        let answer = StandardTokenResponse {
            server_url: granted.livekit_host,
            participant_token: granted.token,
        };
        return Ok((StatusCode::CREATED, Json(answer)).into_response());
    }
    let request: TokenRequest = parse_json(&body)?;
    let wanted = request.check(&state, &principal)?;
    let voice = state.voice()?;
    let first = first(&state, &principal, &headers, &body).await?;
    Ok(Json(grant(&state, voice, &principal, wanted, first).await?).into_response())
}

/// The request as it was first sent, where it names a key.
async fn first(
    state: &AppState,
    principal: &Principal,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<Repeatable>, Problem> {
    let route = "POST /api/voice/token";
    let call = Uuid::new_v4();
    state
        .repeatable(headers, principal, route, body, call)
        .await
}

async fn grant(
    state: &AppState,
    voice: &LiveKitSide,
    principal: &Principal,
    wanted: WantedToken,
    first: Option<Repeatable>,
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
    state.limit_user_of(principal, &user_id)?;
    let call = match first {
        Some(first) => call_again(state, voice, &user_id, &wanted, first.call()).await?,
        None => {
            let new = (Uuid::new_v4(), sidetone_store::now());
            call_for(state, voice, &user_id, &wanted, new).await?
        }
    };
    let agent_spawned = if call.call_type == CallType::Support {
        let metadata = wanted.wishes.metadata(Some(call.id));
        let (room, now) = (&call.room_name, sidetone_store::now());
        let store = state.store();
        let noted = store.await_agent(room, call.id, &metadata, now).await?;
        voice.control.agent_awaited(room);
        if let Some(awaited) = &state.config().awaited {
            // Full: others are warmed for.
            let _ = awaited.try_send(metadata);
        }
        noted
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

/// The call that a request made when it was first sent, or makes now.
async fn call_again(
    state: &AppState,
    voice: &LiveKitSide,
    user_id: &str,
    wanted: &WantedToken,
    first: (Uuid, At),
) -> Result<Call, Problem> {
    match state.store().call(first.0).await? {
        Some(call) => Ok(call),
        None => call_for(state, voice, user_id, wanted, first).await,
    }
}

/// The call of a request; one that it makes has this id, and a room of its own by this time.
async fn call_for(
    state: &AppState,
    voice: &LiveKitSide,
    user_id: &str,
    wanted: &WantedToken,
    (id, at): (Uuid, At),
) -> Result<Call, Problem> {
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
            at.timestamp_millis()
        )
    });
    if wanted.call_type == CallType::Support {
        state.need_worker(voice).await?;
    }
    let now = sidetone_store::now();
    let ttl = TimeDelta::from_std(state.config().token_ttl).unwrap_or(TimeDelta::MAX);
    let make = async |new: &NewCall| {
        let allowance = state.config().allowance;
        let made = state.store().create_call_within(new, allowance, now - ttl);
        match made.await? {
            Allowed::Made(call) => Ok(*call),
            Allowed::Over(open) => Err(state.one_too_many(open, now)),
        }
    };
    let new = NewCall {
        id,
        room_name,
        caller_id: user_id.to_owned(),
        callee_id: wanted.callee_id.clone(),
        call_type: wanted.call_type,
        metadata: json!({}),
        created_at: now,
    };
    let mut call = make(&new).await?;
    // Two calls of one user within a millisecond would share a room; a conference is meant to.
    if call.id != new.id && wanted.call_type != CallType::Conference {
        let room_name = format!("{}-{}", new.room_name, &new.id.simple().to_string()[..8]);
        call = make(&NewCall { room_name, ..new }).await?;
    }
    Ok(call)
}

/// A token for one room: microphone, listening, text; no rights over the room, no secrets.
fn mint(
    state: &AppState,
    voice: &LiveKitSide,
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
