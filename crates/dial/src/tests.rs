use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

#[test]
fn sockets_go_the_way_of_requests() {
    let matcher = Matcher::builder()
        .https("http://user:pass@secure.proxy:3128")
        .http("http://plain.proxy:3128")
        .no("livekit,.svc.cluster.local,10.0.0.0/8")
        .build();
    let by = |address: &str| {
        let found = proxy(&matcher, &address.parse().unwrap());
        found.map(|found| found.uri().host().unwrap().to_owned())
    };
    assert_eq!(
        by("wss://api.openai.com/v1/realtime?x=y").as_deref(),
        Some("secure.proxy")
    );
    assert_eq!(by("ws://other:7880/agent").as_deref(), Some("plain.proxy"));
    assert_eq!(
        by("https://shop.example.com/").as_deref(),
        Some("secure.proxy")
    );
    for straight in [
        "ws://livekit:7880/rtc",
        "ws://livekit.voice.svc.cluster.local:7880",
        "ws://10.1.2.3:7880",
        "ws://127.0.0.1:7880",
        "wss://localhost:7880",
        "ws://[::1]:7880",
    ] {
        assert_eq!(by(straight), None, "{straight}");
    }
}

/// Answers one CONNECT with `answer`, and returns the address that it asked for.
async fn proxy_that_answers(answer: &'static str) -> (Intercept, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(client.read_u8().await.unwrap());
        }
        client.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    let matcher = Matcher::builder()
        .all(format!("http://me:very-secret@{address}"))
        .build();
    let intercept = proxy(&matcher, &"wss://livekit.example.com".parse().unwrap()).unwrap();
    (intercept, asked)
}

#[tokio::test]
async fn the_proxy_is_asked_for_host_and_port_with_its_password() {
    for (address, asked_for) in [
        ("wss://livekit.example.com/rtc", "livekit.example.com:443"),
        ("ws://livekit.example.com/rtc", "livekit.example.com:80"),
        (
            "ws://livekit.example.com:7880/rtc",
            "livekit.example.com:7880",
        ),
    ] {
        let (by, asked) = proxy_that_answers("HTTP/1.1 200 OK\r\n\r\n").await;
        tunnel(&by, &address.parse().unwrap()).await.unwrap();
        let asked = asked.await.unwrap();
        assert!(
            asked.starts_with(&format!("CONNECT {asked_for} HTTP/1.1\r\n")),
            "{asked}"
        );
        assert!(asked.contains("Proxy-Authorization: Basic "), "{asked}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let (by, _asked) = proxy_that_answers("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let error = tunnel(&by, &"wss://livekit.example.com".parse().unwrap()).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("the proxy 127.0.0.1:") && error.contains("livekit.example.com:443"),
        "{error}"
    );
    assert!(!error.contains("very-secret"), "{error}");
    let matcher = Matcher::builder()
        .all("socks5://me:very-secret@proxy:1080")
        .build();
    let address: Uri = "wss://livekit.example.com".parse().unwrap();
    let error = tunnel(&proxy(&matcher, &address).unwrap(), &address).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("socks5://proxy:1080") && !error.contains("very-secret"),
        "{error}"
    );
}
