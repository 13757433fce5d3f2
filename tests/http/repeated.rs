//! Requests that are repeated with the same `Idempotency-Key`.

use futures::future::join_all;
use serde_json::{Value, json};
use sidetone_control_plane::http::HttpConfig;
use sidetone_control_plane::http::limits::Rate;
use sidetone_testkit::Postgres;
use uuid::Uuid;

use super::{AGENT, HISTORY, TOKEN};
use crate::support;
use crate::support::api::{Api, LOGIN_SECRET, Setup, checked, user};

async fn send(api: &Api, path: &str, who: &str, key: &str, body: Value) -> (u16, Value) {
    let request = api.client.post(api.url(path)).bearer_auth(who).json(&body);
    let request = request.header("Idempotency-Key", key);
    checked(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_key_is_done_once() {
    let postgres = Postgres::start();
    let login = ("SIDETONE_JWT_SECRET", LOGIN_SECRET.to_owned());
    let shared = vec![login.clone(), ("DATABASE_URL", postgres.url())];
    for variables in [vec![login], shared] {
        let often = Rate {
            burst: 1e6,
            per_second: 1e6,
        };
        let api = Api::start(Setup {
            variables,
            http: HttpConfig {
                write_rate: often,
                ..Setup::default().http
            },
            ..Setup::default()
        })
        .await;
        tokens(&api).await;
        agents(&api).await;
        api.stop().await;
    }
}

async fn tokens(api: &Api) {
    let ann = user("ann", false);
    let body = || json!({"roomType": "support", "participantName": "Ann"});
    // All at once, and again later.
    let all = join_all((0..12).map(|_| send(api, TOKEN, &ann, "one", body()))).await;
    let again = send(api, TOKEN, &ann, "one", body()).await;
    let (_, first) = &all[0];
    for (status, answer) in all.iter().chain([&again]) {
        assert_eq!(*status, 200, "{answer}");
        for field in ["callId", "roomName", "participantName", "agentSpawned"] {
            assert_eq!(answer[field], first[field], "{field}");
        }
        let claims = support::claims(answer["token"].as_str().unwrap());
        assert_eq!(claims["video"]["room"], first["roomName"]);
    }
    let (_, history) = api.get(HISTORY, &ann).await;
    assert_eq!(history["total"], 1, "{history}");

    // A different body, key, user or route.
    let other = json!({"roomType": "support", "participantName": "Eve"});
    let (status, problem) = send(api, TOKEN, &ann, "one", other).await;
    assert_eq!(
        (status, &problem["field"]),
        (422, &json!("Idempotency-Key"))
    );
    for (who, key, body) in [
        (ann.as_str(), "two", body()),
        (&user("bob", false), "one", body()),
        ("key-token", "one", json!({"userId": "ann"})),
    ] {
        let (status, answer) = send(api, TOKEN, who, key, body).await;
        assert_eq!(status, 200, "{answer}");
        assert_ne!(answer["callId"], first["callId"]);
    }
    let path = format!("{HISTORY}/{}", first["callId"].as_str().unwrap());
    assert_eq!(api.get(&path, &ann).await.0, 200);

    // LiveKit's own clients, too.
    let standard = || json!({"participant_name": "Ann"});
    let (status, one) = send(api, TOKEN, &ann, "three", standard()).await;
    assert_eq!(status, 201, "{one}");
    let (_, two) = send(api, TOKEN, &ann, "three", standard()).await;
    let room = |answer: &Value| {
        support::claims(answer["participant_token"].as_str().unwrap())["video"]["room"].clone()
    };
    assert_eq!(room(&one), room(&two));

    // A token that nobody used is not a call any more, and becomes one again when it is requested again.
    let call: Uuid = first["callId"].as_str().unwrap().parse().unwrap();
    let later = sidetone_store::now() + chrono::TimeDelta::seconds(1);
    assert!(api.store.forget_unused(call, later).await.unwrap());
    let (status, again) = send(api, TOKEN, &ann, "one", body()).await;
    assert_eq!((status, &again["callId"]), (200, &first["callId"]));
    assert_eq!(again["roomName"], first["roomName"]);
    assert!(api.store.call(call).await.unwrap().is_some());

    // An idempotency key does not bring back deleted data.
    let finished = [sidetone_store::Fact::RoomFinished(sidetone_store::now())];
    api.store.observe(call, None, &finished).await.unwrap();
    assert_eq!(api.store.delete_personal_data(&[call]).await.unwrap(), 1);
    let (status, anew) = send(api, TOKEN, &ann, "one", body()).await;
    assert_eq!(status, 200, "{anew}");
    assert_ne!(anew["callId"], first["callId"]);

    let too_long = "k".repeat(256);
    for bad in ["", " ", too_long.as_str()] {
        let (status, problem) = send(api, TOKEN, &ann, bad, body()).await;
        assert_eq!(
            (status, &problem["field"]),
            (400, &json!("Idempotency-Key"))
        );
    }
    // A refused request does not use up its key.
    let wrong = json!({"roomType": "party"});
    assert_eq!(send(api, TOKEN, &ann, "four", wrong).await.0, 400);
    assert_eq!(send(api, TOKEN, &ann, "four", body()).await.0, 200);
}

async fn agents(api: &Api) {
    let cleo = user("cleo", false);
    let conference = json!({"roomType": "conference"});
    let (_, token) = api.post(TOKEN, &cleo, conference).await;
    let into = || json!({"roomName": token["roomName"]});
    let (status, known) = send(api, AGENT, &cleo, "one", into()).await;
    assert_eq!(status, 200, "{known}");
    let (status, problem) = send(
        api,
        AGENT,
        &cleo,
        "one",
        json!({"roomName": token["roomName"], "voice": "echo"}),
    )
    .await;
    assert_eq!(
        (status, &problem["field"]),
        (422, &json!("Idempotency-Key"))
    );
}
