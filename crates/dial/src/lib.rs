//! Opens WebSockets, directly or through the proxy named by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`,
//! which are interpreted as HTTP clients do.
//!
//! Imported by the providers and the process; imports no crate of ours.
//!
//! Invariants: this machine's own servers are never reached through a proxy ([`spare_this_machine`]); messages name a
//! proxy's host, never its password.

use std::io;
use std::net::IpAddr;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::{Request, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async_tls_with_config, connect_async_with_config,
};
use tower_service::Service as _;

/// An open socket.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// This machine, as written in `NO_PROXY`.
const MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// Makes every client of this process bypass the proxy for this machine's own servers, whatever `NO_PROXY` says: a
/// proxy elsewhere would look for them on its own machine.
///
/// # Safety
/// No other thread may be running yet.
pub unsafe fn spare_this_machine() {
    let named = ["NO_PROXY", "no_proxy"].map(|name| std::env::var(name).unwrap_or_default());
    let named = named.into_iter().find(|list| !list.is_empty());
    let all = named.map_or_else(|| MACHINE.to_owned(), |list| format!("{list},{MACHINE}"));
    // SAFETY: the caller guarantees that no other thread runs yet.
    unsafe { std::env::set_var("NO_PROXY", all) };
}

/// Opens a socket.
///
/// # Errors
/// The server or the proxy cannot be reached, or refuses the connection.
pub async fn websocket(
    request: Request<()>,
    config: Option<WebSocketConfig>,
) -> Result<(Socket, Response), Error> {
    match proxy(&Matcher::from_system(), request.uri()) {
        None => connect_async_with_config(request, config, true).await,
        Some(proxy) => {
            let stream = tunnel(&proxy, request.uri()).await.map_err(Error::Io)?;
            stream.set_nodelay(true).map_err(Error::Io)?;
            client_async_tls_with_config(request, stream, config, None).await
        }
    }
}

/// Whether the environment names a proxy for the address of a socket or a request.
pub fn has_proxy(address: &str) -> bool {
    let address: Result<Uri, _> = address.parse();
    address.is_ok_and(|address| proxy(&Matcher::from_system(), &address).is_some())
}

/// The proxy for an address: `wss` uses the variable for `https`, `ws` that for `http`. `None` for this machine.
fn proxy(matcher: &Matcher, uri: &Uri) -> Option<Intercept> {
    let authority = uri.authority()?;
    let host = authority.host().trim_matches(['[', ']']);
    if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
        return None;
    }
    let scheme = match uri.scheme_str() {
        Some("wss" | "https") => "https",
        _ => "http",
    };
    let uri = Uri::builder().scheme(scheme).authority(authority.clone());
    matcher.intercept(&uri.path_and_query("/").build().ok()?)
}

/// A connection through a proxy to the host of an address.
async fn tunnel(proxy: &Intercept, to: &Uri) -> io::Result<TcpStream> {
    let address = proxy.uri();
    let place = address
        .authority()
        .map_or("", |authority| authority.as_str());
    let place = place.rsplit('@').next().unwrap_or_default();
    if address.scheme_str() != Some("http") {
        let scheme = address.scheme_str().unwrap_or_default();
        return Err(io::Error::other(format!(
            "the proxy {scheme}://{place} cannot carry sockets; name an http:// proxy, or \
             the host in NO_PROXY"
        )));
    }
    let mut tunnel = Tunnel::new(address.clone(), HttpConnector::new());
    if let Some(authorization) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(authorization.clone());
    }
    // Only the port has to be explicit: without one, the tunnel assumes 443.
    let plain = to.scheme_str() == Some("ws") && to.port().is_none();
    let host = to.host().unwrap_or_default();
    let port = to.port_u16().unwrap_or(if plain { 80 } else { 443 });
    let to = format!("http://{host}:{port}/");
    let to: Uri = to.parse().map_err(io::Error::other)?;
    let connected = tunnel.call(to).await;
    let connected = connected.map_err(|error| {
        io::Error::other(format!(
            "the proxy {place} gave no connection to {host}:{port}: {error}"
        ))
    });
    Ok(connected?.into_inner())
}

#[cfg(test)]
mod tests;
