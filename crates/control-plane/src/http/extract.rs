//! Extractors: what handlers read from a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;

use super::auth::{Presented, Principal};
use super::error::Problem;
use super::frame::plain_problem;
use super::machine::{is_here, refuse_other_sites};
use super::{AppState, address};
use sidetone_base::network::Network;
use sidetone_http_server::TooSlow;

/// The address of the connection's peer.
fn peer(extensions: &axum::http::Extensions) -> IpAddr {
    // Missing only if the router is called without a socket.
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
                || guest(parts, state),
                session,
            )
            .await?;
        if parts.method != Method::GET {
            match Presented::of(&parts.headers) {
                // Counted by its key, and by the user that it names once that is known.
                Presented::Key(_) => {}
                Presented::Nothing if principal.is_guest() => {
                    let from = client(parts, state);
                    state.limit_user(&format!("address:{from}"))?;
                }
                Presented::Token(_) | Presented::Twice | Presented::Nothing => {
                    state.limit_user(&principal.bucket())?
                }
            }
        }
        Ok(principal)
    }
}

/// Whether a request without credentials comes from somebody at this machine.
fn guest(parts: &Parts, state: &AppState) -> Result<bool, Problem> {
    let here = is_here(parts, state.0.auth.port());
    if here {
        refuse_other_sites(parts, &state.config().cors_origins)?;
    }
    Ok(here)
}

/// The network that a request came from, seen through trusted proxies.
pub struct Client(pub Network);

impl FromRequestParts<AppState> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self(client(parts, state)))
    }
}

fn client(parts: &Parts, state: &AppState) -> Network {
    let trusted = &state.config().trusted_proxies;
    Network::of(address::client(
        peer(&parts.extensions),
        &parts.headers,
        trusted,
    ))
}

/// Whether a request was made on this machine.
pub struct Here(pub bool);

impl FromRequestParts<AppState> for Here {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self(is_here(parts, state.0.auth.port())))
    }
}

/// A whole body within the limits; a larger one is answered with 413, a slower one with 408, each as a problem
/// document.
pub struct WholeBody(pub Bytes);

impl FromRequest<AppState> for WholeBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let whole = Bytes::from_request(request, state).await;
        whole.map(Self).map_err(|rejection| {
            plain_problem(if TooSlow::caused(&rejection) {
                StatusCode::REQUEST_TIMEOUT
            } else {
                rejection.into_response().status()
            })
        })
    }
}
