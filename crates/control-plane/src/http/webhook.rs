//! LiveKit's webhook: verified on the raw body, written down, answered; the inbox acts on it.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use livekit_api::access_token::{Claims, TokenVerifier};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;

use super::auth::bearer;
use super::error::{Problem, ProblemDocument, parse_json};
use super::{AppState, WholeBody};
use crate::control::inbox::{EventBody, LONGEST_NAME};
use sidetone_base::metrics::metrics;
use sidetone_config::env::LiveKit;
use sidetone_config::livekit::ApiKey;
use sidetone_store::inbox::Event;
use sidetone_store::{At, storable};

/// What LiveKit is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Received {
    /// The event was accepted and stored, unless it is about a call whose data was deleted.
    received: bool,
    /// It was already known.
    duplicate: bool,
}

/// The state of the webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookHealth {
    /// ok, or waiting if events are not handled within 10 s.
    status: &'static str,
    /// When the last event came.
    last_event_at: Option<DateTime<Utc>>,
    /// Seconds since then.
    last_event_age_seconds: Option<i64>,
    /// Events that are not handled yet.
    waiting: i64,
    /// Age of the oldest of those, seconds.
    lag_seconds: i64,
}

/// Takes an event of LiveKit. An event that cannot be stored is not answered with 200, so that LiveKit sends it
/// again.
#[utoipa::path(post, path = "/api/voice/webhook", tag = "webhook",
    request_body(content = String, content_type = "application/webhook+json"),
    responses((status = 200, body = Received), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 413, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn receive(
    State(state): State<AppState>,
    request: Request,
) -> Result<Json<Received>, Problem> {
    let voice = state.voice()?;
    // First of all: strangers' bodies, which may be large, are not read.
    let claims = claims(&voice.livekit, request.headers())?;
    let WholeBody(body) = WholeBody::from_request(request, &state).await?;
    check_body(&claims, &body)?;
    // Names and attributes are participants' own.
    let mut payload = storable::json(parse_json(&body)?);
    let event: EventBody = parse_json(payload.to_string().as_bytes())?;
    if let Some((field, length)) = event.too_long() {
        tracing::warn!(field, length, "a webhook was refused: a name is too long");
        let told = format!("{field} has {length} characters; at most {LONGEST_NAME} are taken");
        return Err(Problem::field(field, told));
    }
    // Late news of a call whose data was deleted name people: they are taken, and not kept.
    if let Some(sid) = event.room_sid()
        && !event.is_of_egress()
        && let Some(call_id) = state.store().erased_call(sid, event.room_name()).await?
    {
        tracing::debug!(%call_id, "an event of an erased call was not kept");
        return Ok(Json(Received {
            received: true,
            duplicate: false,
        }));
    }
    // The room's TURN password comes with every event; it is not ours to keep.
    if let Some(room) = payload.get_mut("room").and_then(Value::as_object_mut) {
        room.remove("turnPassword");
    }
    let received_at = sidetone_store::now();
    let event = Event {
        id: match event.id.as_str() {
            "" => STANDARD.encode(Sha256::digest(&body)),
            id => id.to_owned(),
        },
        room_name: event.room_name().map(str::to_owned),
        occurred_at: DateTime::from_timestamp(event.created_at, 0).unwrap_or(received_at),
        event: event.event,
        payload: sidetone_store::Json(payload),
        received_at,
    };
    let new = state.store().keep_event(&event).await?;
    let result = if new { "taken" } else { "repeated" };
    metrics().control.event(result).inc();
    voice.control.event_kept();
    Ok(Json(Received {
        received: true,
        duplicate: !new,
    }))
}

/// Whether a request is LiveKit's, by its signature. One address then speaks for all calls.
pub(super) fn is_signed(state: &AppState, request: &Request) -> bool {
    let is_webhook = request.uri().path().ends_with("/api/voice/webhook");
    is_webhook
        && state.voice().is_ok_and(|voice| {
            let claims = verified(&voice.livekit, request.headers());
            // A participant's token has the same key, and signs no body.
            claims.is_ok_and(|claims| !claims.sha256.is_empty())
        })
}

/// What is claimed of the body, by whoever has one of our keys: issuer and key, signature and dates are checked.
fn claims(livekit: &LiveKit, headers: &HeaderMap) -> Result<Claims, Problem> {
    verified(livekit, headers).map_err(refused)
}

/// As [`claims`], or why it is not accepted.
fn verified(livekit: &LiveKit, headers: &HeaderMap) -> Result<Claims, &'static str> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .ok_or("there is no Authorization header")?;
    let token = bearer(token);
    // Signed with any of our keys: while they are changed, some of LiveKit's servers have the old one.
    let keys = livekit.keys.all();
    let by =
        |key: &ApiKey| TokenVerifier::with_api_key(&key.id, &key.secret.expose()).verify(token);
    let claims = keys.iter().find_map(|key| by(key).ok());
    claims.ok_or("issuer, signature or dates are wrong")
}

/// Whether the raw body is the one that was signed.
fn check_body(claims: &Claims, body: &[u8]) -> Result<(), Problem> {
    let claimed = STANDARD.decode(&claims.sha256).unwrap_or_default();
    match bool::from(claimed.ct_eq(Sha256::digest(body).as_slice())) {
        true => Ok(()),
        false => Err(refused("the body is not the one that was signed")),
    }
}

fn refused(why: &str) -> Problem {
    metrics().control.event("refused").inc();
    tracing::warn!(why, "a webhook was refused");
    Problem::unauthorized(format!(
        "The webhook's signature is not accepted: {why}. Sign it with this service's API key."
    ))
}

/// The webhook's health: the last event, its age, and how many events wait.
#[utoipa::path(get, path = "/api/voice/webhook", tag = "webhook",
    responses((status = 200, body = WebhookHealth), (status = 503, body = ProblemDocument)))]
pub async fn health(State(state): State<AppState>) -> Result<Json<WebhookHealth>, Problem> {
    let inbox = state.store().inbox_health().await?;
    let age = |at: At| (sidetone_store::now() - at).num_seconds().max(0);
    let lag_seconds = inbox.oldest_waiting_at.map_or(0, age);
    Ok(Json(WebhookHealth {
        status: if lag_seconds > 10 { "waiting" } else { "ok" },
        last_event_at: inbox.last_received_at,
        last_event_age_seconds: inbox.last_received_at.map(age),
        waiting: inbox.waiting,
        lag_seconds,
    }))
}
