//! A backend's metadata of a call: stored, shown, searchable, and sent in webhooks.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};
use sidetone_config::secret::Secret;
use sidetone_control_plane::control::ControlConfig;
use sidetone_store::{CallType, Fact, NewCall, ParticipantKind, Stay};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{HISTORY, TOKEN};
use crate::support::api::{Api, Setup, user};
use crate::support::eventually;

/// Requests a token with a backend's key; returns the call's id and room.
async fn token(api: &Api, mut body: Value) -> (Uuid, String) {
    if body.get("userId").is_none() {
        body["userId"] = json!("ann");
    }
    let (status, answer) = api.post(TOKEN, "key-token", body.clone()).await;
    assert_eq!(status, 200, "{body}: {answer}");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("callId").parse().unwrap(), text("roomName"))
}

async fn metadata(api: &Api, id: Uuid, credential: &str) -> Value {
    let (status, call) = api.get(&format!("{HISTORY}/{id}"), credential).await;
    assert_eq!(status, 200, "{call}");
    call["metadata"].clone()
}

/// The ids that a query finds.
async fn found(api: &Api, query: &str, credential: &str) -> Vec<Uuid> {
    let (status, page) = api.get(&format!("{HISTORY}?{query}"), credential).await;
    assert_eq!(status, 200, "{query}: {page}");
    let calls = page["calls"].as_array().unwrap();
    assert_eq!(page["total"], calls.len(), "{query}");
    let id = |call: &Value| call["id"].as_str().unwrap().parse().unwrap();
    calls.iter().map(id).collect()
}

#[tokio::test]
async fn what_a_backend_says_of_a_call_is_kept_and_found() {
    let api = Api::start(Setup::default()).await;
    let said = json!({"order": 42, "customer": "Lovelace & Co", "vip": true,
        "odd 'name' \"$\"": "x", "nested": {"order": 43}});
    let (first, _) = token(&api, json!({"metadata": said})).await;
    let (second, _) = token(&api, json!({"metadata": {"order": "42", "vip": false}})).await;
    let (plain, _) = token(&api, json!({})).await;
    assert_eq!(metadata(&api, first, "key-history").await, said);
    assert_eq!(metadata(&api, plain, "key-history").await, json!({}));
    let (_, page) = api.get(HISTORY, "key-history").await;
    let listed = page["calls"].as_array().unwrap().iter();
    let listed = listed.filter(|call| call["id"] == json!(first));
    assert!(listed.into_iter().all(|call| call["metadata"] == said));
    let (_, export) = api.get("/api/voice/users/ann/export", "key-history").await;
    let exported = export["calls"].as_array().unwrap();
    assert!(
        exported.iter().any(|call| call["metadata"] == said),
        "{export}"
    );

    for (query, expected) in [
        ("metadata.order=42", vec![second, first]),
        ("metadata.order=42.0", vec![first]),
        ("metadata.order=43", vec![]),
        ("metadata.order=4", vec![]),
        ("metadata.customer=Lovelace+%26+Co", vec![first]),
        ("metadata.customer=lovelace", vec![]),
        ("metadata.vip=true", vec![first]),
        ("metadata.vip=1", vec![]),
        ("metadata.odd+%27name%27+%22%24%22=x", vec![first]),
        ("metadata.order=42&metadata.vip=false", vec![second]),
        ("metadata.order=42&status=completed", vec![]),
        ("metadata.nested=43", vec![]),
        ("metadata.nobody=x", vec![]),
        ("metadata.%27+OR+1%3D1--=x", vec![]),
    ] {
        assert_eq!(found(&api, query, "key-history").await, expected, "{query}");
    }
    let stats = format!("{HISTORY}?metadata.order=42&includeStats=true");
    let (_, page) = api.get(&stats, "key-history").await;
    assert_eq!(page["stats"]["byStatus"]["pending"], 2, "{page}");
    let series = format!("{HISTORY}/stats/series?metadata.order=42");
    assert_eq!(api.get(&series, "key-history").await.0, 200);
    let nine: Vec<_> = (0..9).map(|n| format!("metadata.f{n}=x")).collect();
    for bad in [
        "metadata.=x",
        "metadata=x",
        "metadata.a=%00",
        &nine.join("&"),
    ] {
        let (status, problem) = api.get(&format!("{HISTORY}?{bad}"), "key-history").await;
        assert_eq!(status, 400, "{bad}: {problem}");
    }
    api.stop().await;
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_with_the_reason() {
    let api = Api::start(Setup::default()).await;
    let long = json!({"text": "x".repeat(9_000)});
    for (metadata, told) in [
        (long, "at most 8192"),
        (json!("order 42"), "an object"),
        (json!([1]), "an object"),
        (json!({"a": ["b\u{0}"]}), "zero character"),
        (json!({"a\u{0}": 1}), "zero character"),
    ] {
        let body = json!({"userId": "ann", "metadata": metadata});
        let (status, problem) = api.post(TOKEN, "key-token", body).await;
        assert_eq!((status, &problem["field"]), (400, &json!("metadata")));
        assert!(
            problem["detail"].as_str().unwrap().contains(told),
            "{problem}"
        );
    }
    let body = json!({"metadata": {"order": 42}});
    let (status, problem) = api.post(TOKEN, &user("ann", false), body.clone()).await;
    assert_eq!((status, &problem["field"]), (403, &json!("metadata")));
    assert!(api.store.open_calls().await.unwrap().is_empty());
    // An admin may.
    let (status, answer) = api.post(TOKEN, &user("boss", true), body).await;
    assert_eq!(status, 200, "{answer}");
    api.stop().await;
}

#[tokio::test]
async fn what_is_said_later_is_added() {
    let api = Api::start(Setup::default()).await;
    let conference = |metadata| json!({"roomType": "conference", "metadata": metadata});
    let (id, room) = token(&api, conference(json!({"order": 42, "step": 1}))).await;
    let later = async |metadata: Value| {
        let body = json!({"userId": "bob", "roomName": room, "metadata": metadata});
        api.post(TOKEN, "key-token", body).await
    };
    let (status, answer) = later(json!({"step": 2, "by": "bob"})).await;
    assert_eq!(
        (status, answer["callId"].as_str()),
        (200, Some(id.to_string().as_str()))
    );
    let both = json!({"order": 42, "step": 2, "by": "bob"});
    assert_eq!(metadata(&api, id, "key-history").await, both);
    // Without metadata nothing changes, and all metadata together may not exceed the limit of a call.
    let (status, _) = api
        .post(
            TOKEN,
            "key-token",
            json!({"userId": "eve", "roomName": room}),
        )
        .await;
    assert_eq!(status, 200);
    let (status, problem) = later(json!({"a": "x".repeat(8_160)})).await;
    assert_eq!(
        (status, &problem["field"]),
        (400, &json!("metadata")),
        "{problem}"
    );
    assert_eq!(metadata(&api, id, "key-history").await, both);

    // Ann made the call, Bob joined it.
    let bob = Fact::Seen(Stay {
        sid: "PA_bob".into(),
        user_id: "bob".into(),
        name: "Bob".into(),
        kind: ParticipantKind::User,
        joined_at: Some(sidetone_store::now()),
        left_at: None,
        muted: None,
    });
    api.store.observe(id, None, &[bob]).await.unwrap();
    let (ann, bob) = (user("ann", false), user("bob", false));
    assert_eq!(metadata(&api, id, &ann).await, both);
    assert_eq!(metadata(&api, id, &bob).await, json!({}));
    let (_, page) = api.get(HISTORY, &bob).await;
    assert_eq!(page["calls"][0]["metadata"], json!({}), "{page}");
    assert_eq!(found(&api, "metadata.order=42", &ann).await, [id]);
    assert_eq!(
        found(&api, "metadata.order=42", &bob).await,
        Vec::<Uuid>::new()
    );
    api.stop().await;
}

#[tokio::test]
async fn the_webhook_of_a_calls_end_has_it() {
    let posts = Arc::<Mutex<Vec<Value>>>::default();
    let kept = Arc::clone(&posts);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/calls", listener.local_addr().unwrap());
    let take = async move |body: String| {
        kept.lock()
            .unwrap()
            .push(serde_json::from_str(&body).unwrap());
    };
    let receiver = Router::new().route("/calls", post(take));
    tokio::spawn(async { axum::serve(listener, receiver).await.unwrap() });
    let control = ControlConfig {
        webhook_secret: Some(Secret::new("0123456789abcdef01234567")),
        ..ControlConfig::new("sidetone")
    };
    let api = Api::start(Setup {
        control,
        ..Setup::default()
    })
    .await;
    let (id, _) = token(&api, json!({"metadata": {"order": 42}})).await;
    let (now, store) = (sidetone_store::now(), &api.store);
    store.will_tell(id, &url, &[], now).await.unwrap();
    let over = [Fact::RoomFinished(now)];
    store.observe(id, None, &over).await.unwrap();
    let made = sidetone_store::results::CallResult {
        result: None,
        error: Some("none".into()),
        made_at: now,
    };
    store.save_result(id, &made).await.unwrap();
    let told = eventually("the post", 60, || async {
        posts.lock().unwrap().first().cloned()
    })
    .await;
    assert_eq!(told["call"]["metadata"], json!({"order": 42}), "{told}");
    api.stop().await;
}

/// What was stored before tokens had `metadata`: an agent's dispatch with arbitrary content.
#[tokio::test]
async fn older_rows_are_read_as_they_are() {
    let api = Api::start(Setup::default()).await;
    for (n, old) in [
        json!({"dispatch": "vip"}),
        json!(["a", 1]),
        json!("text"),
        Value::Null,
    ]
    .into_iter()
    .enumerate()
    {
        let id = Uuid::new_v4();
        let call = NewCall {
            id,
            room_name: format!("conference-old-{n}"),
            caller_id: "ann".into(),
            callee_id: None,
            call_type: CallType::Conference,
            metadata: old.clone(),
            created_at: sidetone_store::now(),
        };
        api.store.create_call(&call).await.unwrap();
        assert_eq!(metadata(&api, id, "key-history").await, old);
        let added = json!({"order": n}).as_object().unwrap().clone();
        api.store.add_metadata(id, &added).await.unwrap();
        assert_eq!(
            found(&api, &format!("metadata.order={n}"), "key-history").await,
            [id]
        );
    }
    assert_eq!(
        found(&api, "metadata.dispatch=vip", "key-history")
            .await
            .len(),
        1
    );
    api.stop().await;
}
