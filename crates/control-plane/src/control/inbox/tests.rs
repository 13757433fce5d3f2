use serde_json::json;
use sidetone_config::env::Database;
use sidetone_store::Json;

use super::*;

#[tokio::test]
async fn an_event_that_panics_fails_with_its_reason_and_the_others_go_on() {
    let folder = std::env::temp_dir().join(format!("sidetone-inbox-{}", Uuid::new_v4()));
    let store = Store::open(&Database::Sqlite(folder.join("sidetone.db"))).await;
    let store = store.unwrap();
    for id in ["EV_1", "EV_2", "EV_3"] {
        let event = Event {
            id: id.into(),
            event: "room_started".into(),
            room_name: None,
            payload: Json(json!({})),
            occurred_at: sidetone_store::now(),
            received_at: sidetone_store::now(),
        };
        assert!(store.keep_event(&event).await.unwrap());
    }
    let acted = |event: Event| async move {
        match event.id.as_str() {
            "EV_1" => anyhow::bail!("LiveKit did not answer"),
            "EV_2" => panic!("a defect"),
            _ => Ok((None, "done".to_owned())),
        }
    };
    assert_eq!(each(&store, acted).await.unwrap(), 3);
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
        each(&store, acted).await.unwrap();
    }
    assert!(waiting().await.is_empty());
    assert_eq!(note("EV_1").await, "LiveKit did not answer");
    assert_eq!(note("EV_2").await, PANICKED);
    store.close().await;
    std::fs::remove_dir_all(folder).unwrap();
}
