//! The control plane over HTTP, without LiveKit: shapes, rights, bad input, webhooks.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use serde_json::{Value, json};
use sidetone::config::env::NotConfigured;
use sidetone::control::inbox;
use sidetone::http::HttpConfig;
use sidetone::http::limits::Rate;
use sidetone::store::{CallStatus, CallType, Fact, NewCall, ParticipantKind, Stay, Store};
use support::api::{Api, Setup, checked, sign, user};
use support::livekit::SECRET;
use uuid::Uuid;

const TOKEN: &str = "/api/voice/token";
const AGENT: &str = "/api/voice/agent";
const HISTORY: &str = "/api/voice/history";

async fn new_call(store: &Store, caller: &str, call_type: CallType, room: &str) -> Uuid {
    let call = NewCall {
        id: Uuid::new_v4(),
        room_name: room.into(),
        caller_id: caller.into(),
        callee_id: None,
        call_type,
        metadata: json!({}),
        created_at: sidetone::store::now(),
    };
    store.create_call(&call).await.unwrap().id
}

#[tokio::test]
async fn a_service_that_is_not_configured_says_what_to_set() {
    let missing = NotConfigured::Missing(vec!["LIVEKIT_HOST", "LIVEKIT_API_SECRET"]);
    let api = Api::start(Setup {
        livekit: Err(missing),
        ..Default::default()
    })
    .await;
    let (status, body) = api.call("GET", TOKEN, None, None).await;
    assert_eq!((status, &body["configured"]), (200, &json!(false)));
    assert_eq!(
        body["missing"],
        json!(["LIVEKIT_HOST", "LIVEKIT_API_SECRET"])
    );
    let (status, body) = api.post(TOKEN, &user("ann", false), json!({})).await;
    assert_eq!(
        (status, &body["title"]),
        (503, &json!("Voice service not configured"))
    );
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("LIVEKIT_HOST, LIVEKIT_API_SECRET")
    );
    assert_eq!(api.call("GET", "/readyz", None, None).await.0, 503);
    assert_eq!(api.call("GET", "/healthz", None, None).await.0, 200);
    assert!(
        api.store.open_calls().await.unwrap().is_empty(),
        "no call was written"
    );
    api.stop().await;
}

/// Who may call what; the table of `http::auth` in numbers.
#[tokio::test]
async fn every_route_and_every_role() {
    let api = Api::start(Setup::default()).await;
    let room = "conference-r";
    let over = new_call(&api.store, "ann", CallType::Conference, "conference-over").await;
    let finished = [Fact::RoomFinished(sidetone::store::now())];
    api.store.observe(over, None, &finished).await.unwrap();
    new_call(&api.store, "ann", CallType::Conference, room).await;
    let one = format!("{HISTORY}/{over}");
    let recording = format!("{one}/recording");
    let pause = format!("{recording}/pause");
    let mine = json!({"roomType": "conference", "roomName": "conference-x", "userId": "u"});
    // 200 and the like: let in. 404 or 502 from behind the door counts as let in, too.
    let routes: [(&str, &str, Option<Value>, [bool; 8]); 15] = [
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
        ("POST", "/api/voice/webhook", Some(json!({})), [false; 8]),
        ("GET", "/api/voice/webhook", None, [true; 8]),
        ("GET", "/healthz", None, [true; 8]),
        ("GET", "/openapi.json", None, [true; 8]),
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
        for ((role, credential), allowed) in roles.iter().zip(allowed) {
            let mut body = body.clone();
            // A user's token is for themselves.
            if path == TOKEN
                && !role.starts_with("key")
                && let Some(body) = &mut body
            {
                body.as_object_mut().unwrap().remove("userId");
            }
            let (status, answer) = api.call(method, path, credential.as_deref(), body).await;
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
    // Behind the door, what belongs to others does not exist.
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
    api.stop().await;
    let api = Api::start(Setup::default()).await;
    assert_eq!(api.call("GET", HISTORY, None, None).await.0, 401);
    api.stop().await;
}

#[tokio::test]
async fn tokens_open_one_room_and_carry_no_secret() {
    let api = Api::start(Setup::default()).await;
    let (status, body) = api
        .post(
            TOKEN,
            &user("ann", false),
            json!({"roomType": "conference", "participantName": "John Doe"}),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    let keys: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "agentSpawned",
        "callId",
        "livekitHost",
        "participantName",
        "roomName",
        "token",
    ];
    assert_eq!(keys, expected);
    assert_eq!(body["participantName"], "John Doe");
    assert_eq!(body["agentSpawned"], false);
    let room = body["roomName"].as_str().unwrap();
    let ms = room.strip_prefix("conference-ann-").unwrap();
    assert!(ms.parse::<u64>().unwrap() > 1_700_000_000_000, "{room}");
    let claims = support::claims(body["token"].as_str().unwrap());
    assert_eq!(
        (claims["sub"].as_str(), claims["name"].as_str()),
        (Some("ann"), Some("John Doe"))
    );
    let grants = json!({"roomJoin": true, "room": room, "canPublish": true, "canSubscribe": true,
        "canPublishData": true, "canPublishSources": ["microphone"]});
    assert_eq!(claims["video"], grants);
    let life = claims["exp"].as_u64().unwrap() - claims["nbf"].as_u64().unwrap();
    assert!(life <= 600, "{life} s");
    assert!(claims.get("roomConfig").is_none() && claims.get("metadata").is_none());
    let call = body["callId"].as_str().unwrap().parse().unwrap();
    let call = api.store.call(call).await.unwrap().unwrap();
    assert_eq!(
        (call.status, call.caller_id.as_str()),
        (CallStatus::Pending, "ann")
    );

    // Another user joins the conference by name: the same call.
    let (_, other) = api
        .post(
            TOKEN,
            &user("bob", false),
            json!({"roomType": "conference", "roomName": room}),
        )
        .await;
    assert_eq!(other["callId"], body["callId"]);
    // LiveKit's own clients.
    let (status, standard) = api
        .post(
            TOKEN,
            &user("eve", false),
            json!({"room_name": room, "participant_name": "Eve", "participant_identity": "root"}),
        )
        .await;
    assert_eq!(status, 201, "{standard}");
    let claims = support::claims(standard["participant_token"].as_str().unwrap());
    assert_eq!(claims["sub"], "eve", "who somebody is, their login says");
    assert_eq!(standard["server_url"], "ws://127.0.0.1:9");
    api.stop().await;
}

#[tokio::test]
async fn two_users_talk_and_nobody_else() {
    let api = Api::start(Setup::default()).await;
    let (status, call) = api
        .post(
            TOKEN,
            &user("ann", false),
            json!({"roomType": "user-to-user", "calleeId": "bob"}),
        )
        .await;
    assert_eq!(status, 200, "{call}");
    let join = json!({"roomType": "user-to-user", "roomName": call["roomName"]});
    let (status, answer) = api.post(TOKEN, &user("bob", false), join.clone()).await;
    assert_eq!((status, &answer["callId"]), (200, &call["callId"]));
    assert_eq!(
        support::claims(answer["token"].as_str().unwrap())["sub"],
        "bob"
    );
    let (status, problem) = api.post(TOKEN, &user("eve", false), join).await;
    assert_eq!((status, &problem["field"]), (404, &json!("roomName")));
    // A room of that name is no conference either.
    let sneak = json!({"roomType": "conference", "roomName": call["roomName"]});
    assert_eq!(api.post(TOKEN, &user("eve", false), sneak).await.0, 400);
    api.stop().await;
}

#[tokio::test]
async fn bad_input_names_the_field_and_the_fix() {
    let http = HttpConfig {
        write_rate: Rate {
            burst: 1e6,
            per_second: 1e6,
        },
        ..Setup::default().http
    };
    let api = Api::start(Setup {
        http,
        ..Default::default()
    })
    .await;
    let ann = user("ann", false);
    let long = "x".repeat(16_001);
    for (path, body, field) in [
        (TOKEN, json!({"roomType": "party"}), "roomType"),
        (TOKEN, json!({"roomType": 7}), "roomType"),
        (TOKEN, json!({"roomTyp": "support"}), "roomTyp"),
        (TOKEN, json!({"participantName": ""}), "participantName"),
        (
            TOKEN,
            json!({"participantName": "a\u{7}b"}),
            "participantName",
        ),
        (
            TOKEN,
            json!({"participantName": "a\u{0}b"}),
            "participantName",
        ),
        (
            TOKEN,
            json!({"participantName": "x".repeat(129)}),
            "participantName",
        ),
        (TOKEN, json!({"voice": "bass"}), "voice"),
        (TOKEN, json!({"agent": "nobody"}), "agent"),
        // Not a caller's to choose.
        (TOKEN, json!({"recording": "off"}), "recording"),
        (TOKEN, json!({"roomName": "support-bob-1"}), "roomName"),
        (TOKEN, json!({"roomType": "user-to-user"}), "calleeId"),
        (TOKEN, json!({"calleeId": "bob"}), "calleeId"),
        (
            TOKEN,
            json!({"roomType": "conference", "roomName": "support-ann-1"}),
            "roomName",
        ),
        (TOKEN, json!({"room_name": "elsewhere"}), "room_name"),
        (TOKEN, json!({"variables": {"a": 1}}), "variables.a"),
        (AGENT, json!({}), "roomName"),
        (AGENT, json!({"roomName": ""}), "roomName"),
        (AGENT, json!({"roomName": "r", "voice": "bass"}), "voice"),
        (
            AGENT,
            json!({"roomName": "r", "systemPrompt": " "}),
            "systemPrompt",
        ),
        (
            AGENT,
            json!({"roomName": "r", "systemPrompt": long}),
            "systemPrompt",
        ),
        (AGENT, json!({"roomName": "not-ours"}), "roomName"),
    ] {
        let (status, problem) = api.post(path, &ann, body.clone()).await;
        assert!((400..=404).contains(&status), "{body}: {status} {problem}");
        assert_eq!(problem["field"], field, "{body}: {problem}");
    }
    let (status, problem) = api.post(TOKEN, &ann, json!({"userId": "bob"})).await;
    assert_eq!((status, &problem["field"]), (403, &json!("userId")));
    assert_eq!(
        api.post(TOKEN, "key-token", json!({})).await.1["field"],
        "userId"
    );
    for query in [
        "callType=party",
        "status=lost",
        "limit=0",
        "limit=101",
        "limit=x",
        "offset=-1",
        "includeStats=1",
        "from=yesterday",
        "q=",
        "sort=asc",
        "allUsers=yes",
        "offset=99999999999999999999",
    ] {
        let (status, problem) = api.get(&format!("{HISTORY}?{query}"), &ann).await;
        let field = query.split('=').next().unwrap();
        assert_eq!(
            (status, problem["field"].as_str()),
            (400, Some(field)),
            "{query}: {problem}"
        );
    }
    let problem = api.get(&format!("{HISTORY}?status=lost"), &ann).await.1;
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("pending, ringing, connected")
    );
    assert_eq!(
        api.get(&format!("{HISTORY}/7"), &ann).await.1["field"],
        "callId"
    );
    for raw in ["{", "[]", "7", "{} {}", "null"] {
        let request = api.client.post(api.url(TOKEN)).bearer_auth(&ann).body(raw);
        let (status, problem) = checked(request.send().await.unwrap()).await;
        assert_eq!(status, 400, "{raw}: {problem}");
    }
    let big = api
        .client
        .post(api.url(TOKEN))
        .bearer_auth(&ann)
        .body(vec![b' '; 70_000]);
    assert_eq!(checked(big.send().await.unwrap()).await.0, 413);
    assert_eq!(api.get("/api/voice/nothing", &ann).await.0, 404);
    assert_eq!(api.call("PUT", TOKEN, Some(&ann), None).await.0, 405);
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
        // A problem, too, can be read by a listed origin.
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
async fn every_sample_of_livekits_webhooks_is_kept_once() {
    let api = Api::start(Setup::default()).await;
    new_call(&api.store, "alice", CallType::Support, "r1").await;
    let mut events = 0;
    for file in std::fs::read_dir("fixtures/webhooks").unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let body = std::fs::read_to_string(&path).unwrap();
        let (status, answer) = api.webhook(&body, &sign(&body, SECRET)).await;
        assert_eq!(
            (status, &answer["duplicate"]),
            (200, &json!(false)),
            "{path:?} {answer}"
        );
        let (_, answer) = api.webhook(&body, &sign(&body, SECRET)).await;
        assert_eq!(answer["duplicate"], true, "{path:?}");
        events += 1;
    }
    assert!(events >= 20);
    let control = api.control.as_ref().unwrap();
    support::eventually("the inbox is empty", 10, || async {
        inbox::work_through(control).await.unwrap();
        (api.store.inbox_health().await.unwrap().waiting == 0).then_some(())
    })
    .await;
    let (status, health) = api.call("GET", "/api/voice/webhook", None, None).await;
    assert_eq!(
        (status, &health["status"], &health["waiting"]),
        (200, &json!("ok"), &json!(0))
    );
    assert!(health["lastEventAgeSeconds"].as_i64().unwrap() < 60);
    // The TURN password of rooms is not kept.
    assert!(api.holds("creationTimeMs"));
    assert!(!api.holds("turnPassword"));
    api.stop().await;
}

#[tokio::test]
async fn a_webhook_with_a_wrong_signature_stores_nothing() {
    let api = Api::start(Setup::default()).await;
    let body = std::fs::read_to_string("fixtures/webhooks/room_started_1.json").unwrap();
    let other = body.replace("\"r1\"", "\"r2\"");
    for signature in [
        sign(&body, "another secret of at least thirty-two characters"),
        sign(&other, SECRET),
        "nonsense".into(),
        support::api::user("ann", true),
    ] {
        assert_eq!(api.webhook(&body, &signature).await.0, 401);
    }
    let unsigned = api
        .client
        .post(api.url("/api/voice/webhook"))
        .body(body.clone());
    assert_eq!(checked(unsigned.send().await.unwrap()).await.0, 401);
    assert_eq!(
        api.store.inbox_health().await.unwrap().last_received_at,
        None
    );
    assert_eq!(api.webhook("[]", &sign("[]", SECRET)).await.0, 400);
    assert_eq!(
        api.webhook("not json", &sign("not json", SECRET)).await.0,
        400
    );
    assert_eq!(
        api.webhook(&body, &format!("Bearer {}", sign(&body, SECRET)))
            .await
            .0,
        200
    );
    api.stop().await;
}

#[tokio::test]
async fn webhooks_in_any_order_tell_the_same_call() {
    let api = Api::start(Setup::default()).await;
    let control = api.control.clone().unwrap();
    let event = |n: i64, name: &str, room: &str, participant: Value| {
        json!({"event": name, "id": format!("EV_{room}_{n}"), "createdAt": (1_700_000_000 + n).to_string(),
            "room": {"sid": format!("RM_{room}"), "name": room, "creationTimeMs": "1700000000500"},
            "participant": participant})
        .to_string()
    };
    let person =
        json!({"sid": "PA_1", "identity": "ann", "name": "Ann", "joinedAtMs": "1700000002500"});
    let agent = json!({"sid": "PA_2", "identity": "agent-1", "kind": "AGENT", "joinedAtMs": "1700000001500"});
    let story = |room: &str| {
        [
            event(0, "room_started", room, Value::Null),
            event(1, "participant_joined", room, agent.clone()),
            event(2, "participant_joined", room, person.clone()),
            event(62, "participant_left", room, person.clone()),
            event(63, "participant_left", room, agent.clone()),
            event(83, "room_finished", room, Value::Null),
        ]
    };
    let orders: [&[usize]; 4] = [
        &[0, 1, 2, 3, 4, 5],
        &[5, 4, 3, 2, 1, 0],
        &[2, 2, 0, 5, 3, 1, 4, 0],
        &[3, 4, 5],
    ];
    let mut ends = Vec::new();
    for (n, order) in orders.iter().enumerate() {
        let room = format!("support-ann-{n}");
        let id = new_call(&api.store, "ann", CallType::Support, &room).await;
        let events = story(&room);
        for index in *order {
            assert_eq!(
                api.webhook(&events[*index], &sign(&events[*index], SECRET))
                    .await
                    .0,
                200
            );
            inbox::work_through(&control).await.unwrap();
        }
        let call = api.store.call(id).await.unwrap().unwrap();
        let people = api.store.participants(id).await.unwrap();
        let stays: Vec<_> = people
            .iter()
            .map(|p| (p.user_id.clone(), p.duration_seconds))
            .collect();
        ends.push((
            call.status,
            call.started_at,
            call.connected_at,
            call.ended_at,
            call.duration_seconds,
            stays,
        ));
    }
    assert_eq!(ends[0].0, CallStatus::Completed);
    assert_eq!(ends[0].4, Some(60));
    assert_eq!(
        ends[0].5,
        [("agent-1".into(), Some(62)), ("ann".into(), Some(60))]
    );
    for end in &ends {
        assert_eq!(*end, ends[0]);
    }
    api.stop().await;
}

#[tokio::test]
async fn history_shows_a_call_and_forgets_it() {
    let api = Api::start(Setup::default()).await;
    let id = new_call(&api.store, "ann", CallType::Support, "support-ann-1").await;
    let now = sidetone::store::now();
    let stay = |sid: &str, user: &str, kind| {
        Fact::Seen(Stay {
            sid: sid.into(),
            user_id: user.into(),
            name: user.into(),
            kind,
            joined_at: Some(now),
            left_at: None,
            muted: None,
        })
    };
    let facts = [
        stay("PA_1", "ann", ParticipantKind::User),
        stay("PA_2", "agent-1", ParticipantKind::Agent),
        Fact::RoomFinished(now + chrono::TimeDelta::seconds(30)),
    ];
    api.store.observe(id, None, &facts).await.unwrap();
    let turn = sidetone::store::Turn {
        turn_id: "SG_1".into(),
        speaker: sidetone::store::Speaker::User,
        text: "Where is my parcel?".into(),
        started_at: now,
        ended_at: None,
        interrupted: false,
        latency_ms: None,
        metrics: sqlx::types::Json(json!({"stt_ms": 120})),
    };
    api.store.save_turn(id, &turn).await.unwrap();
    let ann = user("ann", false);
    let (_, page) = api
        .get(&format!("{HISTORY}?q=PARCEL&includeStats=true"), &ann)
        .await;
    assert_eq!(
        (&page["total"], &page["hasMore"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(page["calls"][0]["status"], "completed");
    assert_eq!(page["stats"]["byStatus"]["completed"], 1);
    assert_eq!(page["stats"]["meanDurationSeconds"], 30.0);
    let (_, call) = api.get(&format!("{HISTORY}/{id}"), &ann).await;
    assert_eq!(call["transcript"], "user: Where is my parcel?");
    assert_eq!(call["turns"][0]["metrics"]["stt_ms"], 120);
    assert_eq!(call["participants"][0]["participantName"], "ann");
    let delete = api
        .call(
            "DELETE",
            &format!("{HISTORY}/{id}"),
            Some("key-admin"),
            None,
        )
        .await;
    assert_eq!(delete.0, 204);
    assert_eq!(api.get(HISTORY, &ann).await.1["total"], 0);
    let (_, call) = api.get(&format!("{HISTORY}/{id}"), "key-admin").await;
    assert_eq!(
        (&call["transcript"], &call["durationSeconds"]),
        (&Value::Null, &json!(30))
    );
    api.stop().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_said_and_no_event_is_taken() {
    let api = Api::start(Setup::default()).await;
    api.store.close().await;
    let body = std::fs::read_to_string("fixtures/webhooks/room_started_1.json").unwrap();
    assert_eq!(api.webhook(&body, &sign(&body, SECRET)).await.0, 503);
    assert_eq!(api.post(TOKEN, &user("ann", false), json!({})).await.0, 503);
    assert_eq!(api.get(HISTORY, &user("ann", false)).await.0, 503);
    assert_eq!(api.call("GET", "/readyz", None, None).await.0, 503);
    assert_eq!(api.call("GET", "/healthz", None, None).await.0, 200);
    api.stop().await;
}

#[tokio::test]
async fn the_documents_name_every_route() {
    let api = Api::start(Setup::default()).await;
    let (status, document) = api.call("GET", "/openapi.json", None, None).await;
    assert_eq!(status, 200);
    let paths = document["paths"].as_object().unwrap();
    for path in [
        TOKEN,
        AGENT,
        "/api/voice/agent/{roomName}",
        HISTORY,
        "/api/voice/history/{callId}",
        "/api/voice/webhook",
        "/healthz",
        "/readyz",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let page = api
        .client
        .get(api.url("/docs"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("/api/voice/token") && page.contains("participantName"));
    api.stop().await;
}
