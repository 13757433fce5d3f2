use super::*;

#[test]
fn urls_say_host_port_and_transport() {
    use Transport::{Tcp, Tls, Udp};
    let known = [
        ("turn:turn.example.com", "turn.example.com", 3478, Udp),
        ("turn:192.0.2.1:443?transport=udp", "192.0.2.1", 443, Udp),
        ("turn:192.0.2.1:80?transport=tcp", "192.0.2.1", 80, Tcp),
        (
            "turns:t.example.com:443?transport=tcp",
            "t.example.com",
            443,
            Tls,
        ),
        ("turns:t.example.com", "t.example.com", 5349, Tls),
        (
            "TURN:[2001:db8::1]:3478?transport=udp",
            "2001:db8::1",
            3478,
            Udp,
        ),
        ("turn:[2001:db8::1]", "2001:db8::1", 3478, Udp),
    ];
    for (url, host, port, transport) in known {
        assert_eq!(read(url), Some((host.to_owned(), port, transport)), "{url}");
    }
    for url in [
        "stun:stun.example.com",
        "turns:t.example.com?transport=udp",
        "turn:t.example.com?transport=sctp",
        "turn:",
        "turn:t.example.com:70000",
        "turn:[2001:db8::1",
        "nonsense",
        "",
    ] {
        assert_eq!(read(url), None, "{url}");
    }
}

#[test]
fn each_url_of_a_server_is_a_way_with_the_same_login() {
    let server = IceServer {
        urls: vec![
            "turn:a?transport=udp".into(),
            "stun:a".into(),
            "turns:a:443".into(),
        ],
        username: "ada".into(),
        password: "secret".into(),
    };
    let servers = turn_servers(&[server]);
    let ways: Vec<_> = servers
        .iter()
        .map(|s| (s.transport, s.username.as_str()))
        .collect();
    assert_eq!(ways, [(Transport::Udp, "ada"), (Transport::Tls, "ada")]);
}
