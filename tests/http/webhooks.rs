//! LiveKit's events: verified, stored once, applied in any order.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sidetone_control_plane::control::inbox;
use sidetone_store::{CallStatus, CallType, Fact, ParticipantKind, Stay};
use sidetone_testkit::Postgres;

use super::new_call;
use crate::support::{
    self,
    api::{Api, LOGIN_SECRET, SECRET, Setup, checked, sign},
};

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
    // The rooms' TURN password is not stored.
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
    // A participant whose join is reported after the room's end, and of whom nothing else is known, was in the call.
    let id = new_call(&api.store, "ann", CallType::Support, "support-ann-late").await;
    let events = story("support-ann-late");
    for index in [5, 2] {
        let signature = sign(&events[index], SECRET);
        assert_eq!(api.webhook(&events[index], &signature).await.0, 200);
        inbox::work_through(&control).await.unwrap();
    }
    let people = api.store.participants(id).await.unwrap();
    assert_eq!(people[0].user_id, "ann");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_postgres_does_not_store_hides_nobody() {
    let postgres = Postgres::start();
    let api = Api::start(Setup {
        variables: vec![
            ("SIDETONE_JWT_SECRET", LOGIN_SECRET.into()),
            ("DATABASE_URL", postgres.url()),
        ],
        ..Setup::default()
    })
    .await;
    let id = new_call(&api.store, "ann", CallType::Support, "support-ann-0").await;
    let joined = json!({"event": "participant_joined", "id": "EV_1", "createdAt": "1700000000",
        "room": {"sid": "RM_1", "name": "support-ann-0", "creationTimeMs": "1700000000500"},
        "participant": {"sid": "PA_1", "identity": "ev\0e", "name": "E\0ve", "joinedAtMs": "1700000002500",
            "attributes": {"a\0b": "c\0d"}}})
    .to_string();
    let (status, answer) = api.webhook(&joined, &sign(&joined, SECRET)).await;
    assert_eq!(status, 200, "{answer}");
    inbox::work_through(api.control.as_ref().unwrap())
        .await
        .unwrap();
    // As an agent and reconciliation report it.
    let stay = Stay {
        sid: "PA_2".into(),
        user_id: "m\0al".into(),
        name: "M\0al".into(),
        kind: ParticipantKind::User,
        joined_at: Some(sidetone_store::now()),
        left_at: None,
        muted: None,
    };
    let seen = [Fact::Seen(stay)];
    api.store.observe(id, None, &seen).await.unwrap();
    let at = sidetone_store::now();
    assert!(api.store.note_muted(id, "m\0al", at, true).await.unwrap());
    support::eventually("both are known", 10, || async {
        let people = api.store.participants(id).await.unwrap();
        let names: BTreeSet<_> = people
            .iter()
            .map(|p| (&*p.user_id, &*p.participant_name))
            .collect();
        (names == [("eve", "Eve"), ("mal", "Mal")].into()).then_some(())
    })
    .await;
    api.stop().await;
}
