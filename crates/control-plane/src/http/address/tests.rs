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

/// The client of a request from `peer`, where 10.0.0.0/8 and 2001:db8:ff::/48 are proxies.
fn from(peer: &str, lines: &[(&'static str, &str)]) -> String {
    let proxies = ["10.0.0.0/8", "2001:db8:ff::/48"].map(|block| block.parse().unwrap());
    client(ip(peer), &headers(lines), &proxies).to_string()
}

#[test]
fn forwarded_for_counts_from_named_proxies_only() {
    for (peer, line, client) in [
        ("203.0.113.9", "1.1.1.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        // What the client wrote itself is not trusted.
        ("10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.200.0.2", "198.51.100.7"),
        (
            "10.0.0.1",
            "1.1.1.1, 198.51.100.7, 10.3.0.2,10.9.9.9",
            "198.51.100.7",
        ),
        ("10.0.0.1", "junk", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, junk", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("2001:db8:ff::9", "::ffff:198.51.100.7", "198.51.100.7"),
        // The notation of Azure and others.
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
    ] {
        assert_eq!(
            from(peer, &[(FORWARDED_FOR, line)]),
            client,
            "{peer}: {line}"
        );
    }
    let twice = [(FORWARDED_FOR, "1.1.1.1"), (FORWARDED_FOR, "198.51.100.7")];
    assert_eq!(from("10.0.0.1", &twice), "198.51.100.7");
    assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
}

#[test]
fn the_standard_header_counts_too_but_a_contradiction_does_not() {
    for (line, client) in [
        ("for=198.51.100.7", "198.51.100.7"),
        (
            "by=10.0.0.1; For=\"198.51.100.7:80\";proto=https",
            "198.51.100.7",
        ),
        ("for=1.1.1.1, for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
        ("for=198.51.100.7, for=10.0.0.2", "198.51.100.7"),
        ("for=unknown", "10.0.0.1"),
        ("for=_hidden", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
    ] {
        assert_eq!(from("10.0.0.1", &[("forwarded", line)]), client, "{line}");
    }
    let of = |old, new| from("10.0.0.1", &[(FORWARDED_FOR, old), ("forwarded", new)]);
    assert_eq!(of("198.51.100.7", "for=198.51.100.7"), "198.51.100.7");
    assert_eq!(of("1.1.1.1", "for=198.51.100.7"), "10.0.0.1");
}
