use axum::extract::Request;

use super::*;

const PORT: u16 = 3_000;

/// A request to 127.0.0.1:3000 from the same machine; each line of the list replaces the header of that name.
fn request(lines: &[(&'static str, &str)]) -> Parts {
    let mut request = Request::post("/api/voice/token").body(()).unwrap();
    let headers = request.headers_mut();
    headers.insert(header::HOST, "localhost:3000".parse().unwrap());
    for (name, value) in lines {
        headers.insert(*name, value.parse().unwrap());
    }
    let (peer, local) = ("127.0.0.1:4711", "127.0.0.1:3000");
    request.extensions_mut().insert(Ends {
        peer: peer.parse().unwrap(),
        local: Some(local.parse().unwrap()),
    });
    request.into_parts().0
}

#[test]
fn this_machine_is_loopback_past_nobody_and_by_the_servers_own_name() {
    for host in [
        "localhost:3000",
        "127.0.0.1:3000",
        "[::1]:3000",
        "LOCALHOST:3000",
    ] {
        assert!(
            is_here(
                &request(&[("host", host), ("x-request-id", "12345678")]),
                PORT
            ),
            "{host}"
        );
    }
    for line in [
        ("host", "rebound.example:3000"),
        ("host", "localhost.example:3000"),
        ("host", "localhost@rebound.example:3000"),
        ("host", "rebound.example@localhost:3000"),
        // A forwarder's own port.
        ("host", "localhost:4000"),
        ("host", "localhost"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "127.0.0.1"),
        ("cf-connecting-ip", "127.0.0.1"),
        ("cf-ray", "1"),
        ("tailscale-user-login", "ann"),
    ] {
        assert!(!is_here(&request(&[line]), PORT), "{line:?}");
    }
    let without = |change: fn(&mut Parts)| {
        let mut parts = request(&[]);
        change(&mut parts);
        is_here(&parts, PORT)
    };
    assert!(without(|_| ()));
    assert!(!without(|parts| parts.version = Version::HTTP_10));
    assert!(!without(|parts| drop(parts.headers.remove("host"))));
    assert!(!without(
        |parts| parts.uri = "http://evil.example/x".parse().unwrap()
    ));
    assert!(!without(|parts| {
        parts
            .headers
            .append("host", "evil.example".parse().unwrap());
    }));
    for (peer, local) in [
        ("10.0.0.9:1", Some("127.0.0.1:3000")),
        ("127.0.0.1:1", Some("10.0.0.9:3000")),
        ("127.0.0.1:1", None),
    ] {
        let mut parts = request(&[]);
        parts.extensions.insert(Ends {
            peer: peer.parse().unwrap(),
            local: local.map(|local| local.parse().unwrap()),
        });
        assert!(!is_here(&parts, PORT), "{peer}");
    }
    assert!(names(&"[::ffff:127.0.0.1]:3000".parse().unwrap(), &[PORT]));
}

#[test]
fn another_sites_page_is_refused_and_ones_own_is_not() {
    let allowed = ["http://localhost:5173".to_owned()];
    let status = |lines: &[(&'static str, &str)]| {
        let refused = refuse_other_sites(&request(lines), &allowed).err();
        refused.map_or(200, |problem| problem.status.as_u16())
    };
    let json = ("content-type", "application/json; charset=utf-8");
    let long = ("content-length", "2");
    for (lines, expected) in [
        (vec![json, long], 200),
        (vec![], 200),
        (vec![json, long, ("origin", "http://localhost:3000")], 200),
        (vec![json, long, ("origin", "http://localhost:5173")], 200),
        (vec![json, long, ("origin", "http://127.0.0.1:3000")], 403),
        (vec![json, long, ("origin", "https://evil.example")], 403),
        (vec![json, long, ("origin", "null")], 403),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("referer", "https://evil.example/page")], 403),
        (
            vec![("referer", "http://localhost:3000/admin/calls?x")],
            200,
        ),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("sec-fetch-site", "same-origin")], 200),
        (vec![("sec-fetch-site", "none")], 200),
        (
            vec![
                ("sec-fetch-site", "same-site"),
                ("origin", "http://localhost:5173"),
            ],
            200,
        ),
        // What a form sends without a preflight request.
        (vec![("content-type", "text/plain"), long], 415),
        (
            vec![("content-type", "application/x-www-form-urlencoded"), long],
            415,
        ),
        (
            vec![
                ("content-type", "multipart/form-data"),
                ("transfer-encoding", "chunked"),
            ],
            415,
        ),
        (vec![long], 415),
        (vec![("content-length", "0")], 200),
    ] {
        assert_eq!(status(&lines), expected, "{lines:?}");
    }
}

#[test]
fn near_is_a_private_network_past_no_proxy() {
    let from = |peer: &str, lines: &[(&'static str, &str)]| {
        let mut parts = request(lines);
        parts.extensions.insert(Ends {
            peer: peer.parse().unwrap(),
            local: None,
        });
        is_near(&parts)
    };
    for peer in [
        "127.0.0.1:1",
        "10.1.2.3:1",
        "172.20.0.9:1",
        "192.168.7.7:1",
        "100.64.1.1:1",
        "[::1]:1",
        "[fd00::7]:1",
        "[::ffff:10.0.0.1]:1",
    ] {
        assert!(from(peer, &[]), "{peer}");
        assert!(
            !from(peer, &[("x-forwarded-for", "10.0.0.1")]),
            "{peer} through a proxy"
        );
    }
    for peer in [
        "203.0.113.9:1",
        "172.32.0.1:1",
        "[2001:db8::1]:1",
        "[::ffff:8.8.8.8]:1",
    ] {
        assert!(!from(peer, &[]), "{peer}");
    }
    let mut unknown = request(&[]);
    unknown.extensions.remove::<Ends>();
    assert!(!is_near(&unknown), "where it is from is not known");
}
