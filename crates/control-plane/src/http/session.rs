//! Signing in to the admin pages: a token or API key is entered once, and a cookie replaces it.
//!
//! The cookie is a random token; the store has its SHA-256 and its owner. So every control plane that shares the
//! store accepts it, and signing out ends it in all of them. Scripts cannot read the cookie (`HttpOnly`), other
//! sites' requests do not carry it (`SameSite=Strict`), and changes also require a header that other sites cannot
//! send.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Principal, Right};
use super::cookie::{cookie, need_header, token};
use super::error::{Problem, ProblemDocument, path_id};
use super::{AppState, Here};
use sidetone_store::sessions::{NewSession, SessionRow};

/// A working day: then the admin enters the token or key again.
pub(super) const VALID: Duration = Duration::from_secs(8 * 3_600);

/// Who is signed in, in this browser.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    signed_in: bool,
    /// The admin's name or id, or the API key's name.
    name: Option<String>,
    expires_at: Option<DateTime<Utc>>,
}

/// Signs in: an admin's token, or an API key that sees everybody's calls, in `Authorization`, is
/// answered with a cookie that stands for it for eight hours, or until it is signed out.
///
/// With the cookie, requests that change something need the header `X-Sidetone-Session: 1`.
#[utoipa::path(post, path = "/api/voice/session", tag = "admin",
    responses((status = 200, body = SessionInfo), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn sign_in(
    State(state): State<AppState>,
    principal: Principal,
    Here(here): Here,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A session must not create a session: it would never end.
    if !headers.contains_key(header::AUTHORIZATION) && !headers.contains_key("x-api-key") {
        return Err(Problem::unauthorized(
            "Send an admin's token or an API key as \"Authorization: Bearer …\".",
        ));
    }
    principal.need(Right::AllHistory)?;
    let mut token = [0; 32];
    SystemRandom::new()
        .fill(&mut token)
        .expect("the kernel gives random bytes");
    let now = sidetone_store::now();
    let (holder, name, key) = match principal {
        Principal::User { id, name, .. } => (id, name, None),
        Principal::Key { name, .. } => {
            let key = state.0.auth.fingerprint(&name);
            (name, None, key)
        }
    };
    let session = NewSession {
        token: Sha256::digest(token).into(),
        holder,
        name,
        key,
        until: now + VALID,
    };
    state.store().open_session(&session, now).await?;
    let info = SessionInfo {
        signed_in: true,
        name: session.name.or(Some(session.holder)),
        expires_at: Some(session.until),
    };
    let set = cookie(&URL_SAFE_NO_PAD.encode(token), VALID, !here);
    Ok(([(header::SET_COOKIE, set)], Json(info)).into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/voice/session", tag = "admin",
    responses((status = 200, body = SessionInfo), (status = 503, body = ProblemDocument)))]
pub async fn who(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Json<SessionInfo>, Problem> {
    let session = state.session(&headers).await?;
    Ok(Json(session.map_or_else(SessionInfo::default, |session| {
        SessionInfo {
            signed_in: true,
            name: session.name.or(Some(session.holder)),
            expires_at: Some(session.until),
        }
    })))
}

/// Signs out: the session is over, whoever has a copy of its cookie. With `?everywhere=true` all
/// sessions of the same admin or key end.
#[utoipa::path(delete, path = "/api/voice/session", tag = "admin",
    params(("everywhere" = Option<bool>, Query)),
    responses((status = 204, description = "Signed out."), (status = 400, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn sign_out(
    State(state): State<AppState>,
    Here(here): Here,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let everywhere = match raw.as_deref().unwrap_or_default() {
        "" | "everywhere=false" => false,
        "everywhere=true" => true,
        _ => {
            return Err(Problem::field(
                "everywhere",
                "the only query parameter is \"everywhere\"; it must be true or false",
            ));
        }
    };
    if let Some(token) = token(&headers) {
        need_header(&headers)?;
        if everywhere && let Some(session) = state.session(&headers).await? {
            let SessionRow { holder, key, .. } = session;
            state
                .store()
                .end_sessions_of(&holder, key.as_deref())
                .await?;
        }
        state.store().end_session(&token).await?;
    }
    let set = cookie("", Duration::ZERO, !here);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set)]).into_response())
}

/// A session that is not over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenSession {
    id: Uuid,
    /// The admin's id, or the API key's name.
    holder: String,
    name: Option<String>,
    /// admin or key.
    kind: &'static str,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// The sessions that are not over.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenSessions {
    /// Newest first, at most 500.
    sessions: Vec<OpenSession>,
}

/// Who is signed in to the admin pages.
#[utoipa::path(get, path = "/api/voice/sessions", tag = "admin",
    responses((status = 200, body = OpenSessions), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn list(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Json<OpenSessions>, Problem> {
    principal.need(Right::Operate)?;
    let sessions = state.store().sessions(sidetone_store::now()).await?;
    let sessions = sessions.into_iter().map(|session| OpenSession {
        id: session.id,
        holder: session.holder,
        name: session.name,
        kind: if session.key.is_some() {
            "key"
        } else {
            "admin"
        },
        created_at: session.created_at,
        expires_at: session.until,
    });
    Ok(Json(OpenSessions {
        sessions: sessions.collect(),
    }))
}

/// Ends somebody's session.
#[utoipa::path(delete, path = "/api/voice/sessions/{sessionId}", tag = "admin",
    params(("sessionId" = Uuid, Path)),
    responses((status = 204, description = "Ended."), (status = 400, body = ProblemDocument),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 404, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn revoke(
    State(state): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    principal.need(Right::Operate)?;
    let id = path_id("sessionId", &id, "sessions")?;
    match state.store().revoke_session(id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("sessionId", "There is no such session.")),
    }
}
