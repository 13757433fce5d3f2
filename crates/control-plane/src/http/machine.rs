//! Whether a request was made on this machine, by somebody who sits at it: only then a demo needs no credentials.
//! A loopback address alone proves little: proxies and tunnels connect from there, too, and so do a browser's
//! requests for another site's page. So the request must also name this server by its own address, must not have
//! passed a proxy that leaves a trace, and must not come from another site.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Version, header};

use super::error::Problem;
use sidetone_config::address::{Reach, reach_of_ip};
use sidetone_http_server::Ends;

/// Prefixes of the headers that proxies, tunnels and CDNs add to a request.
const TRACES: [&str; 22] = [
    "cdn-loop",
    "cf-",
    "client-ip",
    "fastly-",
    "fly-",
    "forwarded",
    "ngrok-",
    "proxy-",
    "tailscale-",
    "true-client-ip",
    "via",
    "x-amzn-",
    "x-appengine-",
    "x-arr-",
    "x-azure-",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-",
    "x-forwarded",
    "x-original-",
    "x-real-ip",
    "x-vercel-",
];

/// Whether a request was made on this machine. `port` is the one that this server is known by, besides the one that
/// the request came in at.
pub fn is_here(parts: &Parts, port: u16) -> bool {
    let Some(Ends {
        peer,
        local: Some(local),
    }) = parts.extensions.get::<Ends>()
    else {
        return false;
    };
    let ends_here = [peer.ip(), local.ip()]
        .into_iter()
        .all(|ip| ip.to_canonical().is_loopback());
    // Old proxies speak HTTP/1.0 to their servers, and leave no other trace.
    let is_direct = parts.version >= Version::HTTP_11 && !parts.headers.keys().any(is_trace);
    // Another port belongs to a forwarder; another name was made to resolve to here (DNS rebinding).
    let ports = [local.port(), port];
    let names_this = host(parts).is_some_and(|host| names(&host, &ports));
    ends_here && is_direct && names_this
}

/// Whether a request was made in this machine's private network, without a proxy. Binding to a private address is not
/// enough to keep the internet out.
pub fn is_near(parts: &Parts) -> bool {
    let is_private = parts
        .extensions
        .get::<Ends>()
        .is_some_and(|ends| matches!(reach_of_ip(ends.peer.ip()), Reach::Machine | Reach::Private));
    is_private && !parts.headers.keys().any(is_trace)
}

/// Whether proxies, tunnels or CDNs add this header.
fn is_trace(name: &HeaderName) -> bool {
    TRACES.iter().any(|trace| name.as_str().starts_with(trace))
}

/// Rejects what another site's page makes a browser send: it would have this machine's rights. `allowed` are the
/// origins that CORS admits.
/// # Errors
/// 403: from another site. 415: a body that a form could send.
pub fn refuse_other_sites(parts: &Parts, allowed: &[String]) -> Result<(), Problem> {
    let headers = &parts.headers;
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let own = host(parts).map(|host| format!("http://{host}"));
    let is_ours = |origin: &str| {
        let is_own = own
            .as_deref()
            .is_some_and(|own| own.eq_ignore_ascii_case(origin));
        is_own || allowed.iter().any(|allowed| allowed == origin)
    };
    let origin = text(header::ORIGIN);
    let named = origin.or_else(|| text(header::REFERER).map(origin_of));
    let fetched = text(HeaderName::from_static("sec-fetch-site"));
    let by_name = named.map(is_ours);
    // If both are present, the name decides: a page admitted by CORS is another site's.
    let is_ours = match (by_name, fetched) {
        (Some(is_ours), _) => is_ours,
        (None, Some(site)) => matches!(site, "same-origin" | "none"),
        (None, None) => true,
    };
    if !is_ours {
        return Err(Problem::forbidden(
            "A page of another site may not use this demo: it needs no credentials. Open the demo's own \
             page, or name the site in SIDETONE_CORS_ORIGINS.",
        ));
    }
    if has_body(parts) && !is_json(headers) {
        return Err(Problem {
            field: Some("Content-Type".into()),
            ..Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Not JSON",
                "Without credentials only JSON is accepted: send \"Content-Type: application/json\".",
            )
        });
    }
    Ok(())
}

/// The host and port that a request names. `None` if it names two, or none.
fn host(parts: &Parts) -> Option<Authority> {
    let mut lines = parts.headers.get_all(header::HOST).iter();
    let host: Authority = lines.next()?.to_str().ok()?.parse().ok()?;
    let is_only = lines.next().is_none();
    let asked = parts.uri.authority();
    (is_only && asked.is_none_or(|asked| *asked == host)).then_some(host)
}

/// Whether a host is this machine, at one of these ports.
fn names(host: &Authority, ports: &[u16]) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback());
    // A name before "@" only serves to deceive people.
    is_local && ports.contains(&host.port_u16().unwrap_or(80)) && !host.as_str().contains('@')
}

/// The `http://host:port` of an address.
fn origin_of(address: &str) -> &str {
    let path = address.find("://").and_then(|at| {
        let host = at + "://".len();
        address[host..].find(['/', '?', '#']).map(|end| host + end)
    });
    path.map_or(address, |end| &address[..end])
}

fn has_body(parts: &Parts) -> bool {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let is_empty = length.is_none_or(|length| length == "0");
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    !reads && (!is_empty || parts.headers.contains_key(header::TRANSFER_ENCODING))
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = lines.next().and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or("");
    let kind = kind.trim().to_ascii_lowercase();
    let is_json =
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    is_json && lines.next().is_none()
}

#[cfg(test)]
mod tests;
