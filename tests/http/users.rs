//! A user's data: exported, erased, and not restored by any route.

use serde_json::{Value, json};
use sidetone_control_plane::control::inbox;
use sidetone_store::{
    CallType, DispatchMetadata, Fact, ParticipantKind, Speaker, Stay, Store, StoredTurn,
};
use sidetone_testkit::postgres::Postgres;
use uuid::Uuid;

use super::{HISTORY, new_call};
use crate::support::api::{Api, SECRET, Setup, sign, user};

const USERS: &str = "/api/voice/users";

/// A turn of the caller with these words.
fn said(text: &str) -> StoredTurn {
    StoredTurn {
        turn_id: "SG_1".into(),
        speaker: Speaker::User,
        person: None,
        name: None,
        text: text.into(),
        started_at: sidetone_store::now(),
        ended_at: None,
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms: None,
        metrics: sidetone_store::Json(json!({})),
    }
}

/// An event from LiveKit about a person in a room with this name and id.
fn event(id: &str, name: &str, room: &str, sid: &str, person: &str) -> String {
    json!({"event": name, "id": id, "createdAt": "1700000000",
        "room": {"sid": sid, "name": room, "creationTimeMs": "1700000000500"},
        "participant": {"sid": format!("PA_{id}"), "identity": person, "name": person,
            "joinedAtMs": "1700000002500"}})
    .to_string()
}

/// Posts an event and processes it.
async fn told(api: &Api, body: &str) {
    let (status, answer) = api.webhook(body, &sign(body, SECRET)).await;
    assert_eq!(status, 200, "{answer}");
    let control = api.control.as_ref().unwrap();
    inbox::work_through(control).await.unwrap();
}

async fn over(store: &Store, call: Uuid) {
    let finished = [Fact::RoomFinished(sidetone_store::now())];
    store.observe(call, None, &finished).await.unwrap().unwrap();
}

async fn delete(api: &Api, path: &str) -> (u16, Value) {
    api.call("DELETE", path, Some("key-admin"), None).await
}

#[tokio::test]
async fn an_old_calls_deletion_leaves_the_live_one_in_a_room_of_its_name() {
    let api = Api::start(Setup::default()).await;
    let room = "conference-weekly";
    let old = new_call(&api.store, "ann", CallType::Conference, room).await;
    told(
        &api,
        &event("EV_1", "participant_joined", room, "RM_1", "ann"),
    )
    .await;
    told(&api, &event("EV_2", "room_finished", room, "RM_1", "")).await;
    let live = new_call(&api.store, "bob", CallType::Conference, room).await;
    told(
        &api,
        &event("EV_3", "participant_joined", room, "RM_2", "bob"),
    )
    .await;
    let wanted = DispatchMetadata {
        call_id: Some(live),
        ..Default::default()
    };
    let now = sidetone_store::now();
    assert!(api.store.want_agent(room, &wanted, now).await.unwrap());

    assert_eq!(delete(&api, &format!("{HISTORY}/{old}")).await.0, 204);
    let agent = api.store.agent_in(room).await.unwrap().unwrap();
    assert_eq!(agent.call_id, Some(live));
    let again = event("EV_3", "participant_joined", room, "RM_2", "bob");
    let (_, answer) = api.webhook(&again, &sign(&again, SECRET)).await;
    assert_eq!(answer["duplicate"], true, "the live call's event is kept");
    // The end of the old room, reported again and late, ends neither the live call nor its agent.
    told(&api, &event("EV_9", "room_finished", room, "RM_1", "ann")).await;
    let call = api.store.call(live).await.unwrap().unwrap();
    assert_eq!(call.ended_at, None);
    let agent = api.store.agent_in(room).await.unwrap().unwrap();
    assert_eq!(agent.state.as_str(), "asked");
    api.stop().await;
}

#[tokio::test]
async fn deleted_data_comes_back_by_no_way() {
    let api = Api::start(Setup::default()).await;
    let room = "support-ann-1";
    let id = new_call(&api.store, "ann-4711", CallType::Support, room).await;
    let joined = |id: &str| event(id, "participant_joined", room, "RM_a", "ann-4711");
    told(&api, &joined("EV_1")).await;
    api.store.save_turn(id, &said("It is 4711.")).await.unwrap();
    told(&api, &event("EV_2", "room_finished", room, "RM_a", "")).await;
    assert!(api.holds("4711"));
    let one = format!("{HISTORY}/{id}");
    assert_eq!(delete(&api, &one).await.0, 204);
    assert!(!api.holds("4711"));

    let late = api.store.save_turn(id, &said("It is 4711.")).await;
    assert!(!late.unwrap());
    told(&api, &joined("EV_1")).await;
    told(&api, &joined("EV_3")).await;
    told(
        &api,
        &event("EV_4", "participant_left", room, "RM_a", "ann-4711"),
    )
    .await;
    assert!(!api.holds("4711"), "not in the database's files, either");
    let (status, call) = api.get(&one, "key-admin").await;
    assert_eq!((status, &call["turns"]), (200, &json!([])));
    assert!(call["deletedAt"].is_string(), "{call}");
    assert_eq!(delete(&api, &one).await.0, 204, "idempotent");
    api.stop().await;
}

#[tokio::test]
async fn a_user_named_deleted_sees_nobodys_erased_calls() {
    let api = Api::start(Setup::default()).await;
    let id = new_call(&api.store, "ann", CallType::Support, "support-ann-1").await;
    over(&api.store, id).await;
    let one = format!("{HISTORY}/{id}");
    assert_eq!(delete(&api, &one).await.0, 204);
    let own = new_call(
        &api.store,
        "deleted",
        CallType::Support,
        "support-deleted-1",
    )
    .await;
    let deleted = user("deleted", false);
    let (_, page) = api
        .get(&format!("{HISTORY}?includeStats=true"), &deleted)
        .await;
    assert_eq!(
        (&page["total"], &page["calls"][0]["id"]),
        (&json!(1), &json!(own))
    );
    assert_eq!(page["stats"]["byStatus"], json!({"pending": 1}));
    assert_eq!(api.get(&one, &deleted).await.0, 404);
    assert_eq!(api.get(&format!("{one}/recording"), &deleted).await.0, 404);
    api.stop().await;
}

#[tokio::test]
async fn a_users_data_is_exported_and_erased() {
    let api = Api::start(Setup::default()).await;
    let store = &api.store;
    // A user's id may contain anything.
    let ann = "ann/\"4711\" %?";
    let path = format!("{USERS}/ann%2F%224711%22%20%25%3F");
    let made = new_call(store, ann, CallType::Support, "support-a-1").await;
    let was_in = new_call(store, "bob", CallType::Conference, "conference-c").await;
    let others = new_call(store, "bob", CallType::Support, "support-b-1").await;
    let open = new_call(store, ann, CallType::Support, "support-a-2").await;
    let stay = Fact::Seen(Stay {
        sid: "PA_1".into(),
        user_id: ann.into(),
        name: "Ann".into(),
        kind: ParticipantKind::User,
        joined_at: Some(sidetone_store::now()),
        left_at: None,
        muted: None,
    });
    store.observe(was_in, None, &[stay]).await.unwrap();
    for (call, words) in [(made, "It is 4711."), (was_in, "Ann?"), (others, "Bob.")] {
        assert!(store.save_turn(call, &said(words)).await.unwrap());
        over(store, call).await;
    }
    let export = format!("{path}/export");
    let (status, all) = api.get(&export, "key-history").await;
    assert_eq!((status, &all["userId"]), (200, &json!(ann)), "{all}");
    assert!(all["exportedAt"].is_string());
    let ids: Vec<&Value> = all["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["id"])
        .collect();
    assert_eq!(ids, [&json!(made), &json!(was_in), &json!(open)]);
    assert_eq!(all["calls"][0]["turns"][0]["text"], "It is 4711.");
    assert_eq!(all["calls"][1]["participants"][0]["userId"], ann);
    let (status, none) = api.get(&format!("{USERS}/zoe/export"), "key-history").await;
    assert_eq!((status, &none["calls"]), (200, &json!([])));

    let (status, erased) = delete(&api, &path).await;
    let expected = json!({"erasedCalls": 2, "openCalls": [open]});
    assert_eq!((status, erased), (200, expected));
    let (_, all) = api.get(&export, "key-history").await;
    assert_eq!(all["calls"].as_array().unwrap().len(), 1, "the open one");
    over(store, open).await;
    assert_eq!(delete(&api, &path).await.1["erasedCalls"], 1);
    assert!(!api.holds("4711"));
    let kept = store.turns(others).await.unwrap();
    assert_eq!(kept[0].text, "Bob.");
    let (status, problem) = delete(&api, &format!("{USERS}/%00")).await;
    assert_eq!((status, &problem["field"]), (400, &json!("userId")));
    api.stop().await;
}

/// On Postgres, whose columns used to have a maximum length.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_any_length_are_taken_or_refused_as_what_they_are() {
    let postgres = Postgres::start();
    let mut setup = Setup::default();
    setup.variables.push(("DATABASE_URL", postgres.url()));
    let api = Api::start(setup).await;
    // LiveKit's own limit.
    let (room, person) = ("r".repeat(256), "p".repeat(256));
    let id = new_call(&api.store, "ann", CallType::Conference, &room).await;
    told(
        &api,
        &event("EV_1", "participant_joined", &room, "RM_1", &person),
    )
    .await;
    let people = api.store.participants(id).await.unwrap();
    assert_eq!(people[0].user_id, person);
    let (room_name, asked_at) = (room.clone(), sidetone_store::now());
    let to_record = sidetone_store::RoomToRecord {
        call_id: id,
        room_name,
        until_egress: false,
        asked_at,
    };
    api.store.ask_recorder(&to_record).await.unwrap();
    let agent = format!("/api/voice/agent/{room}");
    assert_eq!(delete(&api, &agent).await.0, 404, "no such agent");
    assert_eq!(delete(&api, &format!("{USERS}/{person}")).await.0, 200);
    for (field, body) in [
        (
            "room.name",
            event("EV_2", "room_started", &"r".repeat(513), "RM_2", "ann"),
        ),
        ("event", event("EV_3", &"e".repeat(513), "r", "RM_2", "ann")),
        (
            "participant.identity",
            event("EV_4", "e", "r", "RM_2", &"p".repeat(40_000)),
        ),
    ] {
        let (status, problem) = api.webhook(&body, &sign(&body, SECRET)).await;
        assert_eq!(
            (status, &problem["field"]),
            (400, &json!(field)),
            "{problem}"
        );
    }
    api.stop().await;
}
