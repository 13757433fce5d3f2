//! Listening in on a live call: a token for somebody whom nobody in the room sees, and who can only hear. LiveKit's
//! server sends a listener what it sends everybody, and drops what a slow one does not take: the call notices nothing.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_protocol::encryption::Type;
use livekit_protocol::{ParticipantInfo, TrackInfo};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, path_id};

/// The token need only be good until the room is joined.
const TTL: Duration = Duration::from_secs(60);

/// A door to a call's room, for one listener.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenResponse {
    /// Where to connect.
    livekit_host: String,
    /// LiveKit access token: this room only, hearing only, unseen; to be used within a minute.
    token: String,
}

/// Lets an admin listen in on a live call. Nobody in the room sees or hears the listener; the call's record names it
/// among the participants, and the log says which admin it was. Only those in an encrypted call can hear it (409).
#[utoipa::path(post, path = "/api/voice/calls/{callId}/listen", tag = "admin",
    params(("callId" = Uuid, Path)),
    responses((status = 200, body = ListenResponse), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn listen(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<ListenResponse>, Problem> {
    principal.need(Right::Operate)?;
    let call_id = path_id("callId", &id, "history")?;
    let voice = state.voice()?;
    let call = state.store().call(call_id).await?;
    let call = call.filter(|call| call.deleted_at.is_none());
    let call = call.ok_or_else(|| Problem::not_found("callId", "There is no such call."))?;
    if call.ended_at.is_some() {
        let why = "The call is over; its recording, where there is one, is on its page.";
        return Err(conflict("Call is over", why));
    }
    let there = voice.control.livekit.participants(&call.room_name).await;
    let there = there.map_err(|error| Problem::livekit(&error))?;
    let there = there.unwrap_or_default();
    if there.is_empty() {
        let why = "Nobody is in the call's room now; try again when somebody has joined.";
        return Err(conflict("Nobody there", why));
    }
    if there.iter().any(is_encrypted) {
        let why = "The call is end-to-end encrypted: only those who are in it can hear it.";
        return Err(conflict("Encrypted call", why));
    }
    let listener = format!("sidetone-listener-{}", Uuid::new_v4());
    // Who listens in on others answers for it: the one line that names an admin.
    tracing::info!(%call_id, listener, admin = principal.bucket(), "an admin listens in on a call");
    let key = voice.livekit.keys.first();
    let token = AccessToken::with_api_key(&key.id, &key.secret.expose())
        .with_ttl(TTL)
        .with_identity(&listener)
        // As LiveKit's own Egress joins: a room that only it is in comes to its end.
        .with_kind("egress")
        .with_grants(VideoGrants {
            room_join: true,
            room: call.room_name,
            can_publish: Some(false),
            can_publish_data: Some(false),
            can_subscribe: Some(true),
            hidden: true,
            ..VideoGrants::default()
        })
        .to_jwt()
        .map_err(|error| Problem::livekit(&error))?;
    Ok(Json(ListenResponse {
        livekit_host: voice.livekit.for_callers().to_owned(),
        token,
    }))
}

fn is_encrypted(participant: &ParticipantInfo) -> bool {
    let encrypted = |track: &TrackInfo| track.encryption() != Type::None;
    participant.tracks.iter().any(encrypted)
}

fn conflict(title: &'static str, why: &'static str) -> Problem {
    Problem::new(StatusCode::CONFLICT, title, why)
}

#[cfg(test)]
mod tests;
