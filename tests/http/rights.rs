//! Who may call which route, from where and how often.

use serde_json::{Value, json};
use sidetone_control_plane::http::HttpConfig;
use sidetone_control_plane::http::limits::Rate;
use sidetone_store::{CallType, Fact};
use uuid::Uuid;

use super::{AGENT, CALLS, HISTORY, LIVE, SERIES, SESSION, TOKEN, WORKERS, new_call};
use crate::support::api::{Api, Setup, checked, user};

/// Who may call which route; docs/rights.md shows exactly this table.
#[tokio::test]
async fn every_route_and_every_role() {
    // The rate limits allow as many requests as there are routes and roles.
    let http = HttpConfig {
        address_rate: Rate {
            burst: 1_000.0,
            per_second: 50.0,
        },
        ..Setup::default().http
    };
    let api = Api::start(Setup {
        http,
        ..Default::default()
    })
    .await;
    let room = "conference-r";
    let over = new_call(&api.store, "ann", CallType::Conference, "conference-over").await;
    let finished = [Fact::RoomFinished(sidetone_store::now())];
    api.store.observe(over, None, &finished).await.unwrap();
    new_call(&api.store, "ann", CallType::Conference, room).await;
    let one = format!("{HISTORY}/{over}");
    let recording = format!("{one}/recording");
    let (pause, resume) = (format!("{recording}/pause"), format!("{recording}/resume"));
    let commands = format!("{CALLS}/{over}/commands");
    let events = format!("{CALLS}/{over}/events");
    let listen = format!("{CALLS}/{over}/listen");
    let nobody = Uuid::new_v4();
    let drain = format!("{WORKERS}/{nobody}/drain");
    let somebody = Uuid::new_v4();
    let revoke = format!("/api/voice/sessions/{somebody}");
    let mine = json!({"roomType": "conference", "roomName": "conference-x", "userId": "u"});
    // 200 and the like mean allowed. A 404 or 502 from the handler counts as allowed, too.
    let routes: [(&str, &str, Option<Value>, [bool; 8]); 35] = [
        // anonymous, stranger, owner, admin, token, agent, history, admin key
        ("GET", TOKEN, None, [true; 8]),
        (
            "POST",
            TOKEN,
            Some(mine),
            [false, true, true, true, true, false, false, true],
        ),
        (
            "POST",
            AGENT,
            Some(json!({"roomName": room})),
            [false, true, true, true, false, true, false, true],
        ),
        (
            "GET",
            AGENT,
            None,
            [false, false, false, true, false, true, false, true],
        ),
        (
            "DELETE",
            "/api/voice/agent/nowhere",
            None,
            [false, false, false, true, false, true, false, true],
        ),
        (
            "POST",
            "/api/voice/call",
            Some(json!({"number": "+4930123", "trunk": "ST_1"})),
            [false, false, false, true, false, true, false, true],
        ),
        (
            "POST",
            &commands,
            Some(json!({"type": "mute"})),
            [false, false, false, true, false, true, false, true],
        ),
        (
            "GET",
            &events,
            None,
            [false, false, false, true, false, false, true, true],
        ),
        (
            "POST",
            &listen,
            None,
            [false, false, false, true, false, false, false, true],
        ),
        (
            "GET",
            HISTORY,
            None,
            [false, true, true, true, false, false, true, true],
        ),
        (
            "GET",
            "/api/voice/history?allUsers=true",
            None,
            [false, false, false, true, false, false, true, true],
        ),
        (
            "GET",
            SERIES,
            None,
            [false, true, true, true, false, false, true, true],
        ),
        (
            "GET",
            "/api/voice/history/stats/series?allUsers=true",
            None,
            [false, false, false, true, false, false, true, true],
        ),
        (
            "GET",
            &one,
            None,
            [false, true, true, true, false, false, true, true],
        ),
        (
            "DELETE",
            &one,
            None,
            [false, false, false, true, false, false, false, true],
        ),
        (
            "GET",
            &recording,
            None,
            [false, true, true, true, false, false, true, true],
        ),
        (
            "POST",
            &pause,
            None,
            [false, false, false, true, false, true, false, true],
        ),
        (
            "POST",
            &resume,
            None,
            [false, false, false, true, false, true, false, true],
        ),
        (
            "POST",
            SESSION,
            None,
            [false, false, false, true, false, false, true, true],
        ),
        ("GET", SESSION, None, [true; 8]),
        ("DELETE", SESSION, None, [true; 8]),
        (
            "GET",
            LIVE,
            None,
            [false, false, false, true, false, false, true, true],
        ),
        (
            "GET",
            "/api/voice/sessions",
            None,
            [false, false, false, true, false, false, false, true],
        ),
        (
            "DELETE",
            &revoke,
            None,
            [false, false, false, true, false, false, false, true],
        ),
        (
            "DELETE",
            "/api/voice/users/somebody",
            None,
            [false, false, false, true, false, false, false, true],
        ),
        (
            "GET",
            "/api/voice/users/somebody/export",
            None,
            [false, false, false, true, false, false, true, true],
        ),
        (
            "GET",
            WORKERS,
            None,
            [false, false, false, true, false, false, false, true],
        ),
        (
            "POST",
            &drain,
            None,
            [false, false, false, true, false, false, false, true],
        ),
        ("POST", "/api/voice/webhook", Some(json!({})), [false; 8]),
        ("GET", "/api/voice/webhook", None, [true; 8]),
        ("GET", "/healthz", None, [true; 8]),
        ("GET", "/readyz", None, [true; 8]),
        (
            "GET",
            "/metrics",
            None,
            [false, false, false, true, false, false, false, true],
        ),
        ("GET", "/openapi.json", None, [true; 8]),
        ("GET", "/docs", None, [true; 8]),
    ];
    let roles = [
        ("anonymous", None),
        ("stranger", Some(user("u", false))),
        ("owner", Some(user("ann", false))),
        ("admin", Some(user("boss", true))),
        ("key token", Some("key-token".into())),
        ("key agent", Some("key-agent".into())),
        ("key history", Some("key-history".into())),
        ("key admin", Some("key-admin".into())),
    ];
    for (method, path, body, allowed) in routes {
        let shown = path
            .replace(&over.to_string(), "{callId}")
            .replace("nowhere", "{roomName}")
            .replace("somebody", "{userId}")
            .replace(&nobody.to_string(), "{workerId}")
            .replace(&somebody.to_string(), "{sessionId}");
        let marks = allowed
            .map(|allowed| if allowed { "✓" } else { " " })
            .join(" | ");
        let line = format!("| `{method} {shown}` | {marks} |");
        assert!(
            include_str!("../../docs/rights.md").contains(&line),
            "docs/rights.md lacks {line}"
        );
        for ((role, credential), allowed) in roles.iter().zip(allowed) {
            let mut body = body.clone();
            // Users can request tokens only for themselves.
            if path == TOKEN
                && !role.starts_with("key")
                && let Some(body) = &mut body
            {
                body.as_object_mut().unwrap().remove("userId");
            }
            // A stream of events has no end to wait for.
            let (status, answer) = match path {
                _ if path == LIVE || path == events => {
                    (api.opened(path, credential.as_deref()).await, Value::Null)
                }
                _ => api.call(method, path, credential.as_deref(), body).await,
            };
            let entered = !matches!(status, 401 | 403);
            assert_eq!(
                entered, allowed,
                "{role} {method} {path}: {status} {answer}"
            );
            if !allowed && credential.is_none() {
                assert_eq!(status, 401, "{role} {method} {path}");
            }
        }
    }
    // To a user who may call the route, other users' data does not exist.
    let stranger = user("u", false);
    assert_eq!(api.get(&recording, &stranger).await.0, 404);
    let wrong = json!({"userId": "u", "recording": "tape"});
    let (status, problem) = api.post(TOKEN, "key-token", wrong).await;
    assert_eq!((status, &problem["field"]), (400, &json!("recording")));
    assert_eq!(
        api.post(AGENT, &stranger, json!({"roomName": room}))
            .await
            .0,
        404
    );
    assert_eq!(api.get(&one, &stranger).await.0, 404);
    assert_eq!(api.get(&recording, &stranger).await.0, 404);
    assert_eq!(api.get(HISTORY, &user("zoe", false)).await.1["total"], 0);
    assert_eq!(api.get(&one, "wrong-key").await.0, 401);
    assert_eq!(api.get(&one, "a.b.c").await.0, 401);
    api.stop().await;
}

#[tokio::test]
async fn anonymous_callers_exist_in_a_demo_on_loopback_only() {
    let api = Api::start(Setup {
        demo: true,
        ..Default::default()
    })
    .await;
    assert_eq!(api.call("GET", HISTORY, None, None).await.0, 200);
    assert_eq!(
        api.get(HISTORY, "wrong-key").await.0,
        401,
        "a wrong key is no anonymous"
    );
    // A tunnel or proxy makes strangers appear on loopback; another host name belongs to another site's page.
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("host", "rebound.example"),
    ] {
        let request = api.client.get(api.url(HISTORY)).header(name, value);
        assert_eq!(
            checked(request.send().await.unwrap()).await.0,
            401,
            "{name}"
        );
    }
    api.stop().await;
    let api = Api::start(Setup::default()).await;
    assert_eq!(api.call("GET", HISTORY, None, None).await.0, 401);
    api.stop().await;
}

#[tokio::test]
async fn too_many_requests_wait() {
    let http = HttpConfig {
        write_rate: Rate {
            burst: 2.0,
            per_second: 0.1,
        },
        ..Setup::default().http
    };
    let api = Api::start(Setup {
        http,
        ..Default::default()
    })
    .await;
    let body = json!({"roomType": "conference"});
    for expected in [200, 200, 429] {
        assert_eq!(
            api.post(TOKEN, &user("ann", false), body.clone()).await.0,
            expected
        );
    }
    assert_eq!(api.post(TOKEN, &user("bob", false), body).await.0, 200);
    assert_eq!(
        api.get(HISTORY, &user("ann", false)).await.0,
        200,
        "reading goes on"
    );
    api.stop().await;
}

#[tokio::test]
async fn only_listed_origins_may_call() {
    let api = Api::start(Setup::default()).await;
    for (origin, allowed) in [
        ("https://shop.example", true),
        ("https://evil.example", false),
    ] {
        let preflight = api
            .client
            .request(reqwest::Method::OPTIONS, api.url(TOKEN))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            );
        let response = preflight.send().await.unwrap();
        let answer = response.headers().get("access-control-allow-origin");
        assert_eq!(
            answer.is_some_and(|value| value == origin),
            allowed,
            "{origin}"
        );
        // Pages of a listed origin can read error responses, too.
        let refused = api
            .client
            .post(api.url(TOKEN))
            .header("origin", origin)
            .send()
            .await
            .unwrap();
        assert_eq!(
            refused
                .headers()
                .contains_key("access-control-allow-origin"),
            allowed
        );
        assert_eq!(checked(refused).await.0, 401);
    }
    let traced = api
        .client
        .get(api.url("/healthz"))
        .header("x-request-id", "trace-0123456789");
    assert_eq!(
        traced.send().await.unwrap().headers()["x-request-id"],
        "trace-0123456789"
    );
    api.stop().await;
}

#[tokio::test]
async fn addresses_are_counted_behind_named_proxies_and_only_there() {
    for (trusted, expected) in [(true, [200, 200, 200, 429]), (false, [200, 200, 429, 429])] {
        let http = HttpConfig {
            address_rate: Rate {
                burst: 2.0,
                per_second: 0.01,
            },
            trusted_proxies: if trusted {
                vec!["127.0.0.1".parse().unwrap()]
            } else {
                Vec::new()
            },
            ..Setup::default().http
        };
        let api = Api::start(Setup {
            http,
            ..Default::default()
        })
        .await;
        let clients = ["203.0.113.1", "203.0.113.1", "203.0.113.2", "203.0.113.1"];
        for (client, expected) in clients.into_iter().zip(expected) {
            let request = api
                .client
                .get(api.url("/healthz"))
                .header("x-forwarded-for", client);
            let status = checked(request.send().await.unwrap()).await.0;
            assert_eq!(status, expected, "{client}, trusted: {trusted}");
        }
        api.stop().await;
    }
}

#[tokio::test]
async fn an_origin_may_be_written_in_capitals_and_with_its_port() {
    let env = sidetone_config::env::Env::from_lookup(|name| {
        (name == "SIDETONE_CORS_ORIGINS").then(|| "HTTPS://Shop.example:443".to_owned())
    });
    let api = Api::start(Setup {
        http: HttpConfig {
            cors_origins: env.unwrap().cors_origins,
            ..Setup::default().http
        },
        ..Default::default()
    })
    .await;
    let asked = api.client.get(api.url("/healthz"));
    let answer = asked.header("origin", "https://shop.example").send().await;
    let allowed = answer.unwrap().headers()["access-control-allow-origin"].clone();
    assert_eq!(allowed, "https://shop.example");
    api.stop().await;
}
