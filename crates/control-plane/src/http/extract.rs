//! What handlers take out of a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::IntoResponse;

use super::auth::{Presented, Principal};
use super::error::Problem;
use super::frame::plain_problem;
use super::{AppState, address};

/// The address at the other end of the connection.
pub(super) fn peer(extensions: &axum::http::Extensions) -> IpAddr {
    // Absent only where the router is called without a socket.
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip())
}

impl FromRequestParts<AppState> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let session = state.session(&parts.headers).await?;
        let principal = state
            .0
            .auth
            .principal(
                &parts.method,
                &parts.headers,
                peer(&parts.extensions),
                session,
            )
            .await?;
        if parts.method != Method::GET {
            match Presented::of(&parts.headers) {
                // Counted by its key, and by the user that it names, once that is known.
                Presented::Key(_) => {}
                Presented::Nothing if principal.is_guest() => {
                    let trusted = &state.config().trusted_proxies;
                    let from = address::client(peer(&parts.extensions), &parts.headers, trusted);
                    state.limit_user(&format!("address:{from}"))?;
                }
                Presented::Token(_) | Presented::Nothing => {
                    state.limit_user(&principal.bucket())?
                }
            }
        }
        Ok(principal)
    }
}

/// Who is at the other end of the connection.
pub struct Peer(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(peer(&parts.extensions)))
    }
}

/// A whole body within the limit; larger ones are answered 413 with a problem document.
pub struct WholeBody(pub Bytes);

impl FromRequest<AppState> for WholeBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        Bytes::from_request(request, state)
            .await
            .map(Self)
            .map_err(|rejection| plain_problem(rejection.into_response().status()))
    }
}
