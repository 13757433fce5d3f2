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
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn forwarded_for_counts_from_named_proxies_only() {
        let proxy = [ip("10.0.0.1"), ip("10.0.0.2")];
        let from = |peer: &str, line: &str| {
            client(ip(peer), &headers(&[(FORWARDED_FOR, line)]), &proxy).to_string()
        };
        assert_eq!(from("203.0.113.9", "1.1.1.1"), "203.0.113.9", "no proxy");
        assert_eq!(from("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(
            from("10.0.0.1", "1.1.1.1, 198.51.100.7"),
            "198.51.100.7",
            "what the client wrote itself is not believed"
        );
        assert_eq!(from("10.0.0.1", "198.51.100.7, 10.0.0.2"), "198.51.100.7");
        assert_eq!(from("10.0.0.1", "junk"), "10.0.0.1");
        assert_eq!(from("::ffff:10.0.0.1", "2001:db8::1"), "2001:db8::1");
        let twice = headers(&[(FORWARDED_FOR, "1.1.1.1"), (FORWARDED_FOR, "198.51.100.7")]);
        assert_eq!(client(proxy[0], &twice, &proxy), ip("198.51.100.7"));
        assert_eq!(client(proxy[0], &HeaderMap::new(), &proxy), proxy[0]);
    }

    #[test]
    fn this_machine_is_loopback_without_a_tunnel_and_by_a_local_name() {
        let here = ip("127.0.0.1");
        for host in [
            "localhost:3000",
            "127.0.0.1:3000",
            "[::1]:3000",
            "LOCALHOST",
        ] {
            assert!(is_this_machine(here, &headers(&[("host", host)])), "{host}");
        }
        assert!(!is_this_machine(
            ip("10.0.0.9"),
            &headers(&[("host", "localhost")])
        ));
        for line in [
            ("host", "rebound.example:3000"),
            ("host", "localhost.example"),
            (FORWARDED_FOR, "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
        ] {
            assert!(!is_this_machine(here, &headers(&[line])), "{line:?}");
        }
    }
}
