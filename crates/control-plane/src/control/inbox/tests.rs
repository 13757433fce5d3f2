use serde_json::json;
use sidetone_config::env::Database;
use sidetone_store::Json;

use std::sync::Mutex;

use tokio::sync::Barrier;

use super::*;

async fn store() -> (Store, std::path::PathBuf) {
    let folder = std::env::temp_dir().join(format!("sidetone-inbox-{}", Uuid::new_v4()));
    let store = Store::open(&Database::Sqlite(folder.join("sidetone.db"))).await;
    (store.unwrap(), folder)
}

async fn keep(store: &Store, id: &str, room: Option<&str>) {
    let event = Event {
        id: id.into(),
        event: "room_started".into(),
        room_name: room.map(str::to_owned),
        payload: Json(json!({})),
        occurred_at: sidetone_store::now(),
        received_at: sidetone_store::now(),
    };
    assert!(store.keep_event(&event).await.unwrap());
}

#[tokio::test]
async fn rooms_are_worked_through_side_by_side_and_each_in_its_order() {
    let (store, folder) = store().await;
    for n in 0..3 {
        for room in ["a", "b"] {
            keep(&store, &format!("EV_{room}{n}"), Some(room)).await;
        }
    }
    // Nobody passes before both rooms are there.
    let (both, seen) = (Barrier::new(2), Mutex::new(Vec::new()));
    let (both, seen) = (&both, &seen);
    let acted = |event: Event| async move {
        both.wait().await;
        seen.lock().unwrap().push(event.id);
        Ok((None, String::new()))
    };
    assert_eq!(each(&store, 2, acted).await.unwrap(), 6);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    for room in ["a", "b"] {
        let of_room = seen.iter().filter(|id| id.contains(room));
        let order: Vec<_> = of_room.cloned().collect();
        assert_eq!(order, [0, 1, 2].map(|n| format!("EV_{room}{n}")));
    }
    store.close().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn an_event_that_panics_fails_with_its_reason_and_the_others_go_on() {
    let (store, folder) = store().await;
    for id in ["EV_1", "EV_2", "EV_3"] {
        keep(&store, id, None).await;
    }
    let acted = |event: Event| async move {
        match event.id.as_str() {
            "EV_1" => anyhow::bail!("LiveKit did not answer"),
            "EV_2" => panic!("a defect"),
            _ => Ok((None, "done".to_owned())),
        }
    };
    assert_eq!(each(&store, 1, acted).await.unwrap(), 3);
    let waiting = async || {
        let events = store.waiting_events(BATCH).await.unwrap();
        events.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(waiting().await, ["EV_1", "EV_2"], "they are tried again");
    let note = async |id| store.event_note(id).await.unwrap().unwrap();
    assert_eq!(note("EV_2").await, PANICKED);
    assert_eq!(note("EV_3").await, "done");
    // After five attempts they are set aside, with the reason.
    for _ in 0..4 {
        each(&store, 1, acted).await.unwrap();
    }
    assert!(waiting().await.is_empty());
    assert_eq!(note("EV_1").await, "LiveKit did not answer");
    assert_eq!(note("EV_2").await, PANICKED);
    store.close().await;
    std::fs::remove_dir_all(folder).unwrap();
}
