//! Tokens: the door to one room, with the call's row written before it is given.

mod request;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use livekit_api::access_token::{AccessToken, VideoGrants};
use ring::hmac;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, parse_json};
use super::repeat::Repeatable;
use super::traced::AskedWithin;
use super::wishes::AgentWishes;
use super::{AppState, LiveKitSide, WholeBody};
pub use request::TokenRequest;
pub(super) use request::call_metadata;
use request::{WantedToken, check_call_metadata, is_standard};
use sidetone_store::allowance::Allowed;
use sidetone_store::{At, Call, CallType, DispatchMetadata, NewCall};

/// What makes tokens.
const ROUTE: &str = "POST /api/voice/token";
/// Bytes of a room's name that nobody can guess.
const ROOM_SECRET: usize = 16;
/// Parts what the key is used for here from all else.
const ROOM_PURPOSE: &[u8] = b"sidetone room name";

/// The door to a room: by our own names, and by those that LiveKit's client SDKs read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenResponse {
    /// LiveKit access token: this room only, microphone only.
    token: String,
    /// As `token`.
    #[serde(rename = "participant_token")]
    participant_token: String,
    /// The room.
    room_name: String,
    /// The name shown to others.
    participant_name: String,
    /// Where to connect.
    livekit_host: String,
    /// As `livekitHost`.
    #[serde(rename = "server_url")]
    server_url: String,
    /// An agent comes as soon as somebody joins.
    agent_spawned: bool,
    /// The call's id, as in the history.
    call_id: Uuid,
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
/// token. A token that nobody uses is no call: its row goes when the token is no longer good.
///
/// Sent again within a day with the same `Idempotency-Key`, by the same user or key, it gives the same call
/// again, with a token that is good from then on.
///
/// A body of LiveKit's client SDKs (`room_name`, `participant_name`, …) is answered 201, as they expect;
/// the answer has their names and ours in either case.
#[utoipa::path(post, path = "/api/voice/token", tag = "voice",
    request_body = TokenRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 ASCII characters, new for each request.")),
    responses((status = 200, body = TokenResponse), (status = 201, body = TokenResponse),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 409, body = ProblemDocument),
        (status = 413, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 429, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn create(
    State(state): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, Problem> {
    principal.need(Right::Token)?;
    let within = AskedWithin::of(&headers, &principal);
    let request: TokenRequest = parse_json(&body)?;
    let wanted = request.check(&state, &principal, &body)?;
    let voice = state.voice()?;
    let first = first(&state, &principal, &headers, &body).await?;
    let told = within.as_ref().map(AskedWithin::told);
    let granted = grant(&state, voice, &principal, wanted, first, told).await?;
    if let Some(within) = within {
        within.has_asked_for(granted.call_id, ROUTE, &state);
    }
    let status = match is_standard(&body) {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((status, Json(granted)).into_response())
}

/// The request as it was first sent, where it names a key.
async fn first(
    state: &AppState,
    principal: &Principal,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<Repeatable>, Problem> {
    let call = Uuid::new_v4();
    state
        .repeatable(headers, principal, ROUTE, body, call)
        .await
}

async fn grant(
    state: &AppState,
    voice: &LiveKitSide,
    principal: &Principal,
    (wanted, wishes): (WantedToken, AgentWishes),
    first: Option<Repeatable>,
    traceparent: Option<String>,
) -> Result<TokenResponse, Problem> {
    let name = wanted.name.clone().unwrap_or_else(|| match principal {
        Principal::User {
            name: Some(name), ..
        } => name.clone(),
        _ => wanted.user_id.clone(),
    });
    // Before the call is written: a refused request leaves nothing behind.
    let (told, attributes) = wishes.settle(state, principal, None, None)?;
    state.limit_user_of(principal, &wanted.user_id)?;
    let asked_at = sidetone_store::now();
    let call = match first {
        Some(first) => call_again(state, voice, principal, &wanted, first.call()).await?,
        None => call_for(state, voice, principal, &wanted, Uuid::new_v4()).await?,
    };
    if call.created_at < asked_at {
        state.store().token_given(call.id, asked_at).await?;
    }
    add_metadata(state, &call, &wanted.call_metadata).await?;
    if call.call_type != CallType::Support {
        // Nobody else records it, and no event may tell that its room opens.
        if let Some(mode) = told.recording {
            state.store().wants_recording(call.id, mode).await?;
        }
        voice.control.egresses.listen_in(&call).await?;
    }
    let agent_spawned = if call.call_type == CallType::Support {
        let metadata = DispatchMetadata {
            call_id: Some(call.id),
            traceparent,
            ..told
        };
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
    let person = Person {
        identity: &wanted.user_id,
        name: &name,
        metadata: wanted.metadata.as_deref().unwrap_or_default(),
        attributes: &attributes,
    };
    let token = mint(state, voice, &person, &call.room_name)?;
    Ok(TokenResponse {
        participant_token: token.clone(),
        token,
        room_name: call.room_name,
        participant_name: name,
        server_url: voice.livekit.for_callers().to_owned(),
        livekit_host: voice.livekit.for_callers().to_owned(),
        agent_spawned,
        call_id: call.id,
    })
}

/// Adds what is said of a call to what it has already.
async fn add_metadata(
    state: &AppState,
    call: &Call,
    said: &Map<String, Value>,
) -> Result<(), Problem> {
    let mut all = match &call.metadata.0 {
        Value::Object(before) => before.clone(),
        _ => Map::new(),
    };
    all.extend(said.clone());
    if call.metadata.0.as_object() == Some(&all) {
        return Ok(());
    }
    check_call_metadata(&all)?;
    state.store().add_metadata(call.id, said).await?;
    Ok(())
}

/// The call that a request made when it was first sent, or makes now.
async fn call_again(
    state: &AppState,
    voice: &LiveKitSide,
    principal: &Principal,
    wanted: &WantedToken,
    (id, _): (Uuid, At),
) -> Result<Call, Problem> {
    if let Some(call) = state.store().call(id).await? {
        return Ok(call);
    }
    match call_for(state, voice, principal, wanted, id).await {
        Ok(call) => Ok(call),
        // The same request, sent twice at once, has made it meanwhile.
        Err(problem) => state.store().call(id).await?.ok_or(problem),
    }
}

/// The call that a token is for: the one in the named room, else a new one of this id.
async fn call_for(
    state: &AppState,
    voice: &LiveKitSide,
    principal: &Principal,
    wanted: &WantedToken,
    id: Uuid,
) -> Result<Call, Problem> {
    let store = state.store();
    let user_id = &wanted.user_id;
    if let Some((field, room)) = &wanted.room_name {
        let there = store.call_in_room(room, None).await?;
        let no_such = |told: &str| Problem::not_found(*field, told);
        match (wanted.call_type, &there) {
            (CallType::UserToUser, _) => {
                // Those who are no party learn nothing, not even that the call exists.
                return there
                    .filter(|call| call.ended_at.is_none())
                    .filter(|call| {
                        // An agent's call has a callee when it is put through to a person.
                        let is_between_users = call.call_type == CallType::UserToUser;
                        (is_between_users && call.caller_id == *user_id)
                            || call.callee_id.as_deref() == Some(user_id)
                    })
                    .ok_or_else(|| no_such("No call of yours has this room."));
            }
            // A name that somebody chose can be guessed: users join by those that were given to them.
            (CallType::Conference, None) if principal.is_end_user() => {
                return Err(no_such(
                    "There is no conference of this name: leave it out for a new one, whose name nobody \
                     can guess.",
                ));
            }
            (CallType::Support, Some(call))
                if call.ended_at.is_none() && call.call_type != CallType::Support =>
            {
                return Err(Problem {
                    field: Some((*field).to_owned()),
                    ..Problem::new(
                        StatusCode::CONFLICT,
                        "Room is taken",
                        "A call of another type is going on in this room; name another room, or none.",
                    )
                });
            }
            _ => {}
        }
    }
    let room_name = match &wanted.room_name {
        Some((_, room)) => room.clone(),
        None => new_room_name(wanted.call_type, id, voice),
    };
    if wanted.call_type == CallType::Support {
        state.need_worker(voice).await?;
    }
    let now = sidetone_store::now();
    let new = NewCall {
        id,
        room_name,
        caller_id: user_id.clone(),
        callee_id: wanted.callee_id.clone(),
        call_type: wanted.call_type,
        metadata: wanted.call_metadata.clone().into(),
        created_at: now,
    };
    let ttl = TimeDelta::from_std(state.config().token_ttl).unwrap_or(TimeDelta::MAX);
    let allowance = state.config().allowance;
    match store.create_call_within(&new, allowance, now - ttl).await? {
        Allowed::Made(call) => Ok(*call),
        Allowed::Over(open) => Err(state.one_too_many(open, now)),
    }
}

/// A name that tells nothing of anybody, for it is in the logs of every server that sees the room, and that
/// nobody guesses: who knows a conference's name may join it. The same for the same call, whose request may be
/// repeated when its row is gone.
pub(super) fn new_room_name(call_type: CallType, id: Uuid, voice: &LiveKitSide) -> String {
    let secret = voice.livekit.keys.first().secret.expose();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let name = hmac::sign(&key, &[ROOM_PURPOSE, id.as_bytes()].concat());
    let bytes = name.as_ref().iter().take(ROOM_SECRET);
    let secret: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{secret}", call_type.as_str())
}

/// A token for one room: microphone, listening, text; no rights over the room, no secrets.
fn mint(
    state: &AppState,
    voice: &LiveKitSide,
    person: &Person<'_>,
    room: &str,
) -> Result<String, Problem> {
    let key = voice.livekit.keys.first();
    AccessToken::with_api_key(&key.id, &key.secret.expose())
        .with_ttl(state.config().token_ttl)
        .with_identity(person.identity)
        .with_name(person.name)
        .with_metadata(person.metadata)
        .with_attributes(person.attributes)
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

/// As they are shown to the others in a room.
struct Person<'a> {
    identity: &'a str,
    name: &'a str,
    metadata: &'a str,
    attributes: &'a BTreeMap<String, String>,
}
