use serde_json::json;

use super::*;

fn well() -> Parts {
    Parts {
        database: None,
        livekit: None,
        worker: None,
        tasks: Down::default(),
        files: None,
    }
}

fn down(calls_wait: bool) -> Down {
    Down {
        tasks: [("inbox", "restarting; failures in a row: 3".to_owned())].into(),
        calls_wait,
    }
}

fn shown(parts: Parts) -> serde_json::Value {
    serde_json::to_value(Ready::of(parts)).unwrap()
}

#[test]
fn each_part_says_what_is_wrong() {
    assert_eq!(
        shown(well()),
        json!({"ready": true, "database": "ok", "livekit": "ok"})
    );
    let worker = Parts {
        worker: Some(None),
        ..well()
    };
    assert_eq!(
        shown(worker),
        json!({"ready": true, "database": "ok", "livekit": "ok", "worker": "ok"})
    );
    let drains = Parts {
        worker: Some(Some("draining".into())),
        ..well()
    };
    assert_eq!(
        shown(drains),
        json!({"ready": false, "database": "ok", "livekit": "ok", "worker": "draining"})
    );
    let away = Parts {
        database: Some("the database does not answer".into()),
        ..well()
    };
    assert!(!Ready::of(away).ready);
}

#[test]
fn a_task_that_is_down_is_named_and_counts_when_calls_need_it() {
    for calls_wait in [true, false] {
        let parts = Parts {
            tasks: down(calls_wait),
            ..well()
        };
        assert_eq!(
            shown(parts),
            json!({
                "ready": !calls_wait,
                "database": "ok",
                "livekit": "ok",
                "tasks": {"inbox": "restarting; failures in a row: 3"},
            })
        );
    }
}

#[test]
fn scarce_file_descriptors_are_reported_and_the_process_stays_ready() {
    let short = Parts {
        files: Some("900 of 1000 file descriptors are open".into()),
        ..well()
    };
    let told = shown(short);
    assert_eq!(told["ready"], true);
    assert_eq!(told["files"], "900 of 1000 file descriptors are open");
}
