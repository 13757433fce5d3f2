//! Signing in to the admin pages: a token or API key is given once, and a cookie stands for it.
//!
//! The cookie holds who signed in and until when, signed (HMAC-SHA256) with a key that is derived
//! from LiveKit's secret: every control plane of a deployment takes it, and none has to store it.
//! Scripts cannot read it (`HttpOnly`), other sites' requests do not carry it (`SameSite=Strict`),
//! and what changes something must carry a header besides, which other sites cannot send.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument};
use super::{AppState, Peer, address};
use crate::clock;
use crate::config::env::Secret;

/// The cookie's name.
pub const COOKIE: &str = "sidetone_session";
/// Required beside the cookie for all that changes something; any value. A form cannot send it, and
/// a script of another site only where CORS names it, which it does nowhere.
pub const HEADER: &str = "x-sidetone-session";
/// A working day: then the admin shows the token or key again.
const VALID: Duration = Duration::from_secs(8 * 3_600);

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Holder {
    /// An admin of the product.
    Admin { id: String, name: Option<String> },
    /// Who has the API key of this name: its scopes are looked up each time, so a key that is taken
    /// from SIDETONE_API_KEYS ends its sessions.
    Key(String),
}

/// What the cookie holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) holder: Holder,
    /// Seconds since 1970.
    until: u64,
}

impl Session {
    fn new(principal: &Principal, now: SystemTime) -> Self {
        let holder = match principal {
            Principal::User { id, name, .. } => Holder::Admin {
                id: id.clone(),
                name: name.clone(),
            },
            Principal::Key { name, .. } => Holder::Key(name.clone()),
        };
        let until = seconds(now) + VALID.as_secs();
        Self { holder, until }
    }

    fn info(&self) -> SessionInfo {
        let name = match &self.holder {
            Holder::Admin { id, name } => name.as_ref().unwrap_or(id),
            Holder::Key(name) => name,
        };
        SessionInfo {
            signed_in: true,
            name: Some(name.clone()),
            expires_at: i64::try_from(self.until)
                .ok()
                .and_then(|until| DateTime::from_timestamp(until, 0)),
        }
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Signs sessions and reads them back.
#[derive(Debug)]
pub(super) struct Sessions(hmac::Key);

impl Sessions {
    /// With a key from this secret; without one, with a key that lasts as long as the process.
    pub(super) fn new(secret: Option<&Secret>) -> Self {
        let bytes = match secret {
            Some(secret) => {
                let master = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
                hmac::sign(&master, b"sidetone admin session 1")
                    .as_ref()
                    .to_vec()
            }
            None => {
                let mut random = vec![0; 32];
                SystemRandom::new()
                    .fill(&mut random)
                    .expect("the kernel gives random bytes");
                random
            }
        };
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    fn seal(&self, session: &Session) -> String {
        let body = serde_json::to_vec(session).unwrap_or_default();
        let body = URL_SAFE_NO_PAD.encode(body);
        let sign = URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, body.as_bytes()));
        format!("{body}.{sign}")
    }

    /// The session of a request's cookie, unless it is forged or over.
    pub(super) fn read(&self, headers: &HeaderMap, now: SystemTime) -> Option<Session> {
        let cookie = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
        let (body, sign) = cookie.split_once('.')?;
        let sign = URL_SAFE_NO_PAD.decode(sign).ok()?;
        hmac::verify(&self.0, body.as_bytes(), &sign).ok()?;
        let session: Session = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        (session.until > seconds(now)).then_some(session)
    }
}

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
/// answered with a cookie that stands for it for eight hours.
///
/// With the cookie, requests that change something need the header `X-Sidetone-Session: 1`.
#[utoipa::path(post, path = "/api/voice/session", tag = "admin",
    responses((status = 200, body = SessionInfo), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument)))]
pub async fn sign_in(
    State(state): State<AppState>,
    principal: Principal,
    Peer(peer): Peer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A session is not made from a session: it would never end.
    if !headers.contains_key(header::AUTHORIZATION) && !headers.contains_key("x-api-key") {
        return Err(Problem::unauthorized(
            "Send an admin's token or an API key as \"Authorization: Bearer …\".",
        ));
    }
    principal.need(Right::AllHistory)?;
    let session = Session::new(&principal, clock::wall());
    let sealed = state.0.auth.sessions().seal(&session);
    let secure = !address::is_this_machine(peer, &headers);
    let set = cookie(&sealed, VALID, secure);
    Ok(([(header::SET_COOKIE, set)], Json(session.info())).into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/voice/session", tag = "admin",
    responses((status = 200, body = SessionInfo)))]
pub async fn who(State(state): State<AppState>, headers: HeaderMap) -> Json<SessionInfo> {
    let session = state.0.auth.sessions().read(&headers, clock::wall());
    Json(session.map_or_else(SessionInfo::default, |session| session.info()))
}

/// Signs out: the cookie is taken back.
#[utoipa::path(delete, path = "/api/voice/session", tag = "admin",
    responses((status = 204, description = "Signed out.")))]
pub async fn sign_out(Peer(peer): Peer, headers: HeaderMap) -> Response {
    let secure = !address::is_this_machine(peer, &headers);
    let set = cookie("", Duration::ZERO, secure);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, set)]).into_response()
}

/// `Secure` everywhere but on this very machine, which has no certificate.
fn cookie(value: &str, valid: Duration, secure: bool) -> HeaderValue {
    let age = valid.as_secs();
    let secure = if secure { "; Secure" } else { "" };
    let line =
        format!("{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(line).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookie: &str) -> HeaderMap {
        let line = format!("theme=dark; {COOKIE}={cookie}; x=y");
        HeaderMap::from_iter([(header::COOKIE, line.parse().unwrap())])
    }

    #[test]
    fn a_session_is_read_back_until_it_is_over_and_by_those_who_share_the_secret() {
        let secret = Secret::new("shared");
        let [one, other] = [(); 2].map(|()| Sessions::new(Some(&secret)));
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let principal = Principal::User {
            id: "boss".into(),
            name: None,
            admin: true,
        };
        let session = Session::new(&principal, now);
        let sealed = one.seal(&session);
        assert_eq!(other.read(&request(&sealed), now), Some(session));
        assert_eq!(other.read(&request(&sealed), now + VALID), None, "over");
        for stranger in [
            Sessions::new(Some(&Secret::new("other"))),
            Sessions::new(None),
        ] {
            assert_eq!(stranger.read(&request(&sealed), now), None);
        }
        // No letter may be changed.
        for at in 0..sealed.len() {
            let mut forged = sealed.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            if URL_SAFE_NO_PAD
                .decode(forged.rsplit('.').next().unwrap())
                .is_ok()
            {
                assert_eq!(one.read(&request(&forged), now), None, "{at}");
            }
        }
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let line = cookie("v", VALID, true);
        assert_eq!(
            line,
            "sidetone_session=v; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(
            !cookie("v", VALID, false)
                .to_str()
                .unwrap()
                .contains("Secure")
        );
    }
}
