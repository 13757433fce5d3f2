//! Tokens, and the responses to invalid input.

use serde_json::json;
use sidetone_config::env::NotConfigured;
use sidetone_control_plane::http::HttpConfig;
use sidetone_control_plane::http::limits::Rate;
use sidetone_store::CallStatus;

use super::{AGENT, HISTORY, TOKEN};
use crate::support::{
    self,
    api::{Api, Setup, checked, user},
};

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
        "participant_token",
        "roomName",
        "server_url",
        "token",
    ];
    assert_eq!(keys, expected);
    assert_eq!(body["participantName"], "John Doe");
    assert_eq!(body["agentSpawned"], false);
    let room = body["roomName"].as_str().unwrap();
    // 128 bits that cannot be guessed, and nothing that identifies the requester.
    let secret = room.strip_prefix("conference-").unwrap();
    assert!(
        secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_hexdigit()),
        "{room}"
    );
    assert_eq!(
        (&body["participant_token"], &body["server_url"]),
        (&body["token"], &body["livekitHost"])
    );
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

    // Another user joins the conference by name and gets the same call.
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
    // The requests that they send without options.
    for body in [
        json!({}),
        json!({"room_config": {}}),
        json!({"participantName": "Eve"}),
    ] {
        let (status, answer) = api.post(TOKEN, &user("eve", false), body.clone()).await;
        assert!(status < 300, "{body}: {answer}");
        let claims = support::claims(answer["participant_token"].as_str().unwrap());
        assert_eq!(claims["video"]["room"], answer["roomName"]);
        assert_eq!(answer["server_url"], "ws://127.0.0.1:9");
    }
    // A chosen name could be guessed: users join only existing rooms.
    let chosen = json!({"roomType": "conference", "roomName": "conference-weekly"});
    let (status, problem) = api.post(TOKEN, &user("eve", false), chosen.clone()).await;
    assert_eq!((status, &problem["field"]), (404, &json!("roomName")));
    let mut by_backend = chosen.clone();
    by_backend["userId"] = json!("ann");
    assert_eq!(api.post(TOKEN, "key-token", by_backend).await.0, 200);
    assert_eq!(api.post(TOKEN, &user("eve", false), chosen).await.0, 200);
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
    // The same room cannot be joined as a conference, either.
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
        // Callers may not choose this.
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
    // The + of an offset, encoded or as it is.
    for from in ["2026-01-31T12:00:00%2B02:00", "2026-01-31T12:00:00+02:00"] {
        let (status, page) = api.get(&format!("{HISTORY}?from={from}"), &ann).await;
        assert_eq!(status, 200, "{from}: {page}");
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
