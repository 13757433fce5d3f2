//! What strangers do to the server's sockets, and which requests count as coming from this machine.

use std::time::Duration;

use serde_json::json;
use sidetone_control_plane::http::limits::Rate;
use sidetone_control_plane::http::ui::UiSettings;
use sidetone_control_plane::http::{HttpConfig, server};
use sidetone_http_server::{Limits, Patience, Server};
use sidetone_testkit::Gate;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{HISTORY, TOKEN};
use crate::support::api::{Api, Setup, checked, sign, user};

/// Everything that is answered to these bytes until the server closes.
async fn told(api: &Api, request: &str) -> String {
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut told = String::new();
    let read = stream.read_to_string(&mut told);
    let read = timeout(Duration::from_secs(20), read).await;
    // Unread bytes turn the end of the connection into a reset.
    let _ = read.expect("the server closes");
    told
}

#[tokio::test]
async fn slow_bodies_and_held_sockets_are_answered_as_what_they_are() {
    let api = Api::start(Setup {
        server: Server {
            limits: Limits {
                all: 6,
                network: 4,
                reserved: 4,
            },
            patience: Patience {
                body: Duration::from_millis(500),
                ..Patience::default()
            },
            ..server(Vec::new())
        },
        ..Setup::default()
    })
    .await;
    let slow = told(
        &api,
        "POST /api/voice/token HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-token\r\n\
         content-type: application/json\r\ncontent-length: 30\r\n\r\n{\"ro",
    )
    .await;
    assert!(slow.starts_with("HTTP/1.1 408 "), "{slow}");
    assert!(slow.contains("\"title\":\"Body too slow\""), "{slow}");
    let mut held = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(api.address).await.unwrap();
        // A newer connection may have taken its place already.
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nx-a: ").await;
        held.push(stream);
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(api.opened(path, None).await, 200, "{path}");
    }
    let (status, body) = api.get(HISTORY, "key-history").await;
    assert_eq!(
        (status, &body["title"]),
        (503, &json!("Too many connections"))
    );
    // A connection without a request makes room for others.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(api.get(HISTORY, "key-history").await.0, 200);
    drop(held);
    api.stop().await;
}

/// Two MiB may come with an event of LiveKit's, and a stranger has many connections.
#[tokio::test]
async fn a_webhook_is_refused_before_its_body_is_read() {
    let api = Api::start(Setup::default()).await;
    let forged = sign("", "another secret of at least thirty-two characters");
    for authorization in [
        "",
        "authorization: nonsense\r\n",
        &format!("authorization: {forged}\r\n"),
    ] {
        let answer = told(
            &api,
            &format!(
                "POST /api/voice/webhook HTTP/1.1\r\nhost: x\r\n{authorization}content-length: 2000000\r\n\r\n{{"
            ),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    api.stop().await;
}

#[tokio::test]
async fn credentials_are_read_in_any_case_and_not_at_all_when_there_are_two() {
    let api = Api::start(Setup::default()).await;
    let asked = async |lines: &str| {
        let answer = told(
            &api,
            &format!("GET {HISTORY} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n"),
        )
        .await;
        answer["HTTP/1.1 ".len()..][..3].to_owned()
    };
    let user = user("ann", false);
    for (lines, status) in [
        ("Authorization: Bearer key-history\r\n", "200"),
        ("AUTHORIZATION: bearer key-history\r\n", "200"),
        ("Authorization: BEARER  key-history\r\n", "200"),
        (&*format!("Authorization: bearer {user}\r\n"), "200"),
        ("Authorization: key-history\r\n", "200"),
        ("X-Api-Key: key-history\r\n", "200"),
        ("Authorization: Basic key-history\r\n", "401"),
        ("Authorization: Bearerkey-history\r\n", "401"),
        ("Authorization: Bearer\r\n", "401"),
        (
            "Authorization: Bearer key-history\r\nAuthorization: Bearer key-token\r\n",
            "401",
        ),
        (
            "X-Api-Key: key-history\r\nX-Api-Key: key-history\r\n",
            "401",
        ),
    ] {
        assert_eq!(asked(lines).await, status, "{lines}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_body_is_bounded_in_size_and_depth_while_it_is_read() {
    let api = Api::start(Setup::default()).await;
    let post = async |body: String, encoding: &str| {
        let asked = api.client.post(api.url(TOKEN)).bearer_auth("key-admin");
        let asked = asked.header("content-type", "application/json");
        let asked = asked.header("content-encoding", encoding).body(body);
        checked(asked.send().await.unwrap()).await.0
    };
    let deep = "[".repeat(30_000);
    assert_eq!(
        post(format!("{{\"metadata\": {deep}"), "identity").await,
        400
    );
    assert_eq!(post(" ".repeat(100_000), "identity").await, 413);
    // Compressed bodies are not accepted.
    assert_eq!(post("\u{1f}\u{8b}\u{8}".into(), "gzip").await, 400);
    api.stop().await;
}

#[tokio::test]
async fn a_proxys_network_may_be_named_and_an_ipv6_customer_counts_once() {
    let api = Api::start(Setup {
        http: HttpConfig {
            address_rate: Rate {
                burst: 2.0,
                per_second: 0.01,
            },
            trusted_proxies: vec![
                "127.0.0.0/8".parse().unwrap(),
                "10.0.0.0/8".parse().unwrap(),
            ],
            ..Setup::default().http
        },
        ..Setup::default()
    })
    .await;
    for (client, expected) in [
        ("2001:db8:1:2::a", 200),
        ("2001:db8:1:2:ffff::b, 10.1.2.3", 200),
        ("2001:db8:1:2:3:4:5:6", 429),
        ("2001:db8:1:3::a", 200),
        ("198.51.100.7", 200),
        ("1.1.1.1, 198.51.100.7:4711, 10.9.9.9", 200),
        ("2.2.2.2, 198.51.100.7", 429),
    ] {
        let asked = api.client.get(api.url("/healthz"));
        let asked = asked.header("x-forwarded-for", client);
        assert_eq!(
            checked(asked.send().await.unwrap()).await.0,
            expected,
            "{client}"
        );
    }
    api.stop().await;
}

#[tokio::test]
async fn pages_count_as_requests_and_are_framed_like_all_answers() {
    let api = Api::start(Setup {
        http: HttpConfig {
            address_rate: Rate {
                burst: 3.0,
                per_second: 0.01,
            },
            pages: Some(UiSettings::default()),
            ..Setup::default().http
        },
        ..Setup::default()
    })
    .await;
    for expected in [200, 200, 200, 429] {
        let asked = api.client.get(api.url("/ui/config.json"));
        let answer = asked.send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].clone();
        assert!(policy.to_str().unwrap().contains("default-src 'none'"));
        assert_eq!(checked(answer).await.0, expected);
    }
    api.stop().await;
}

#[tokio::test]
async fn a_demo_takes_no_page_of_another_site_and_no_tunnel_for_its_own_user() {
    let api = Api::start(Setup {
        demo: true,
        ..Setup::default()
    })
    .await;
    let own = format!("http://{}", api.address);
    let post = async |headers: &[(&'static str, &str)]| {
        let mut asked = api.client.post(api.url(TOKEN)).body("{\"nonsense\": 1}");
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        checked(asked.send().await.unwrap()).await.0
    };
    let json = ("content-type", "application/json");
    // 400 means that it was read, and that its body is invalid.
    assert_eq!(post(&[json]).await, 400);
    assert_eq!(post(&[json, ("origin", &own)]).await, 400);
    assert_eq!(
        post(&[json, ("origin", "https://shop.example")]).await,
        400,
        "by CORS"
    );
    assert_eq!(post(&[("content-type", "text/plain")]).await, 415);
    assert_eq!(post(&[]).await, 415);
    for other in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("referer", "https://evil.example/"),
        ("sec-fetch-site", "cross-site"),
    ] {
        assert_eq!(post(&[json, other]).await, 403, "{other:?}");
        assert_eq!(
            post(&[("content-type", "text/plain"), other]).await,
            403,
            "{other:?}"
        );
    }
    assert_eq!(api.call("GET", HISTORY, None, None).await.0, 200);
    for tunnel in [
        ("via", "1.1 x"),
        ("cf-ray", "1"),
        ("x-forwarded-proto", "https"),
    ] {
        let asked = api.client.get(api.url(HISTORY)).header(tunnel.0, tunnel.1);
        assert_eq!(
            checked(asked.send().await.unwrap()).await.0,
            401,
            "{tunnel:?}"
        );
    }
    // A proxy that leaves no trace in the headers is recognised by its own port.
    let bare = Gate::before(&api.address.to_string()).await.unwrap();
    let asked = api.client.get(format!("http://{}{HISTORY}", bare.address));
    assert_eq!(checked(asked.send().await.unwrap()).await.0, 401);
    // One that writes the server's name into the request, as nginx does, is recognised by its HTTP/1.0.
    let asked = format!("GET {HISTORY} HTTP/1.0\r\nHost: {}\r\n\r\n", api.address);
    let answer = told(&api, &asked).await;
    assert!(answer.starts_with("HTTP/1.0 401 "), "{answer}");
    api.stop().await;
}
