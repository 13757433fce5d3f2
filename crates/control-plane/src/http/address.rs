//! The client's address, if proxies are in between.
//! Anybody can send `X-Forwarded-For` and `Forwarded` (RFC 7239): they are read only if the connection comes from a
//! proxy that the operator named (SIDETONE_TRUSTED_PROXIES), from the right, and past other named proxies.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};

use sidetone_base::network::Block;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that a request came from, as far as trusted proxies vouch for it.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Block]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_proxy = |address: IpAddr| trusted.iter().any(|proxy| proxy.contains(address));
    if !is_proxy(peer) {
        return peer;
    }
    let by_chain = |hops: Vec<&str>| {
        let mut client = peer;
        for hop in hops.into_iter().rev() {
            match address(hop) {
                Some(address) if is_proxy(client) => client = address,
                _ => break,
            }
        }
        client
    };
    let old = items(headers, FORWARDED_FOR);
    let new = items(headers, header::FORWARDED.as_str());
    let new: Vec<&str> = new.into_iter().map(forwarded_for).collect();
    match (old.is_empty(), new.is_empty()) {
        (_, true) => by_chain(old),
        (true, false) => by_chain(new),
        (false, false) => {
            // A proxy writes one of the two, and may pass on what a client wrote in the other.
            let (old, new) = (by_chain(old), by_chain(new));
            if old == new { old } else { peer }
        }
    }
}

/// The comma-separated items of all lines of a header.
fn items<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect()
}

/// The value of `for=` in an item of `Forwarded`; otherwise a text that is no address.
fn forwarded_for(item: &str) -> &str {
    let pairs = item.split(';').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    named.next().map_or("unknown", |(_, value)| value.trim())
}

/// The address of a hop, with or without port, brackets and quotation marks.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_matches('"');
    let bare = || hop.trim_start_matches('[').trim_end_matches(']').parse();
    let with_port = || hop.parse().map(|address: SocketAddr| address.ip());
    let address = bare().ok().or_else(|| with_port().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
