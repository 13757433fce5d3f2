//! The session cookie: how it is read and set, and the header that must accompany it.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::error::Problem;

/// The cookie's name.
pub const COOKIE: &str = "sidetone_session";
/// Required besides the cookie for every change; any value. A form cannot send it, and a script of another site only
/// if CORS allows that, which it never does.
pub const HEADER: &str = "x-sidetone-session";

/// The hash by which the store knows a request's cookie. `None` without a cookie.
pub(super) fn token(headers: &HeaderMap) -> Option<[u8; 32]> {
    let cookie = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    let token: [u8; 32] = URL_SAFE_NO_PAD.decode(cookie).ok()?.try_into().ok()?;
    Some(Sha256::digest(token).into())
}

/// Rejects changes that are authorised by the cookie alone.
pub(super) fn need_header(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.contains_key(HEADER) {
        true => Ok(()),
        false => Err(Problem::forbidden(
            "With the cookie of a session, send \"X-Sidetone-Session: 1\" too.",
        )),
    }
}

/// `Secure` everywhere except on this machine itself, which has no certificate.
pub(super) fn cookie(value: &str, valid: Duration, secure: bool) -> HeaderValue {
    let age = valid.as_secs();
    let secure = if secure { "; Secure" } else { "" };
    let line =
        format!("{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(line).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests;
