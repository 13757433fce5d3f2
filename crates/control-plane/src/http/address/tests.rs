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
