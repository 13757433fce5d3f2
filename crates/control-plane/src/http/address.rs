//! Where a request comes from, when proxies stand between.
//!
//! `X-Forwarded-For` is anybody's to write: it is read only when the connection is a proxy's that
//! the operator named (SIDETONE_TRUSTED_PROXIES), from the right, past proxies named as well.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address a request came from, as far as it is vouched for.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let hops: Vec<&str> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    for hop in hops.iter().rev() {
        if !trusted.contains(&client) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

/// Whether a request was made on this very machine: from loopback, past no proxy or tunnel, and to
/// a local name. The last keeps out web pages whose name was made to lead here (DNS rebinding).
pub fn is_this_machine(peer: IpAddr, headers: &HeaderMap) -> bool {
    let forwarded = ["forwarded", FORWARDED_FOR, "x-forwarded-host", "x-real-ip"];
    let passed_on = forwarded.iter().any(|name| headers.contains_key(*name));
    let host = headers.get(header::HOST).map(|host| host.to_str());
    let local_name = match host {
        None => true,
        Some(Ok(host)) => is_local_name(host),
        Some(Err(_)) => false,
    };
    peer.to_canonical().is_loopback() && !passed_on && local_name
}

fn is_local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests;
