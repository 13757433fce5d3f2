//! TURN servers by their URLs (RFC 7065). PURE.

use crate::vocabulary::gathering::IceServer;

/// The transport to a TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// A TURN server and our credentials there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TurnServer {
    /// As configured; it contains no secret.
    pub(crate) url: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) transport: Transport,
    pub(crate) username: String,
    pub(crate) password: String,
}

/// The usable servers. STUN servers and TURN over DTLS are skipped.
pub(crate) fn turn_servers(servers: &[IceServer]) -> Vec<TurnServer> {
    servers
        .iter()
        .flat_map(|server| server.urls.iter().map(move |url| (server, url)))
        .filter_map(|(server, url)| {
            let found = read(url);
            if found.is_none() && !url.starts_with("stun") {
                tracing::debug!(url, "a TURN server was skipped");
            }
            let (host, port, transport) = found?;
            Some(TurnServer {
                url: url.clone(),
                host,
                port,
                transport,
                username: server.username.clone(),
                password: server.password.clone(),
            })
        })
        .collect()
}

fn read(url: &str) -> Option<(String, u16, Transport)> {
    let (scheme, rest) = url.split_once(':')?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let wanted = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("transport="));
    let (transport, usual_port) = match (scheme.to_ascii_lowercase().as_str(), wanted) {
        ("turn", None | Some("udp")) => (Transport::Udp, 3478),
        ("turn", Some("tcp")) => (Transport::Tcp, 3478),
        ("turns", None | Some("tcp")) => (Transport::Tls, 5349),
        _ => return None,
    };
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => usual_port,
    };
    (!host.is_empty()).then(|| (host.to_owned(), port, transport))
}

#[cfg(test)]
mod tests;
