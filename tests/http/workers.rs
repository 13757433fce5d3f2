//! The pool's workers: their rows in the API, and the drain request.

use chrono::TimeDelta;
use serde_json::json;
use sidetone::agent::presence::introduce;
use sidetone_store::workers::{LOST_AFTER, WorkerState};
use uuid::Uuid;

use super::WORKERS;
use crate::support::api::{Api, Setup};

#[tokio::test]
async fn workers_are_listed_told_to_drain_once_and_shown_as_lost() {
    let api = Api::start(Setup {
        places: 0,
        ..Setup::default()
    })
    .await;
    assert_eq!(
        api.get(WORKERS, "key-admin").await.1,
        json!({"workers": [], "editions": []})
    );
    let mut near = introduce("sidetone", 25);
    near.state = WorkerState::Ready;
    (near.load, near.calls) = (0.25, 3);
    near.livekit_id = Some("AW_1".into());
    let mut far = introduce("sidetone", 4);
    far.host = "far".into();
    far.seen_at = sidetone_store::now() - LOST_AFTER - TimeDelta::seconds(1);
    for row in [&near, &far] {
        assert_eq!(api.store.worker_beat(row).await.unwrap(), None);
    }
    let (_, list) = api.get(WORKERS, "key-admin").await;
    let [one, other] = list["workers"].as_array().unwrap().as_slice() else {
        panic!("{list}");
    };
    assert_eq!(one["id"], near.id.to_string());
    assert_eq!(
        (&one["state"], &other["state"]),
        (&"ready".into(), &"lost".into())
    );
    assert_eq!(
        (&one["calls"], &one["maxCalls"], &one["load"]),
        (&3.into(), &25.into(), &0.25.into())
    );
    assert_eq!(
        (&one["livekitId"], &other["host"]),
        (&"AW_1".into(), &"far".into())
    );
    assert_eq!(one["version"], env!("CARGO_PKG_VERSION"));
    assert!(one["drainRequestedAt"].is_null());

    let drain = |id: &str| format!("{WORKERS}/{id}/drain");
    let path = drain(&near.id.to_string());
    assert_eq!(api.post(&path, "key-admin", json!({})).await.0, 202);
    let asked = api.store.worker_beat(&near).await.unwrap();
    assert!(
        asked.is_some(),
        "the worker reads the request with its next beat"
    );
    assert_eq!(api.post(&path, "key-admin", json!({})).await.0, 202);
    assert_eq!(
        api.store.worker_beat(&near).await.unwrap(),
        asked,
        "the first request counts"
    );
    assert_eq!(
        api.store.worker_beat(&far).await.unwrap(),
        None,
        "another's request is not its own"
    );
    for (id, status) in [(Uuid::new_v4().to_string(), 404), ("one".into(), 400)] {
        let (answered, problem) = api.post(&drain(&id), "key-admin", json!({})).await;
        assert_eq!((answered, &problem["field"]), (status, &json!("workerId")));
    }

    api.store
        .forget_workers(sidetone_store::now() - LOST_AFTER)
        .await
        .unwrap();
    api.store.worker_gone(near.id).await.unwrap();
    assert_eq!(
        api.get(WORKERS, "key-admin").await.1,
        json!({"editions": [], "workers": []})
    );
    api.stop().await;
}
