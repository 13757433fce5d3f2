//! Recordings by LiveKit's Egress: a real livekit-server with Redis, a worker over its real RPC, a real S3 server, and
//! LiveKit's own webhooks.

use crate::recording::stage::{Egress, Scene, Stage, eventually};
use sidetone_testkit::recording::play;

async fn stage_with(egress: Egress) -> Stage {
    Stage::set(Scene {
        egress,
        ..Scene::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn egress_records_a_call_and_its_object_goes_with_it() {
    let stage = stage_with(Egress::Works).await;
    let call = stage.call(None).await;
    let recording = stage.recording_in(&call, "uploaded").await;
    assert_eq!(recording["mode"], "egress");
    // What the process recorded until Egress took over is gone.
    assert_eq!(stage.recordings(&call).await.unwrap().len(), 1);
    let keys = stage.s3.keys();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].contains(&call), "{keys:?}");

    let (status, bytes) = stage.fetch(&call, None).await;
    assert_eq!(status, 200);
    assert_eq!(recording["bytes"], bytes.len());
    let (left, right) = play(&bytes);
    assert_eq!(left.len(), right.len());
    // The worker's last packet may add a part of its 20 ms.
    let ms = left.len() as i64 / 48;
    assert!(ms.abs_diff(recording["durationMs"].as_i64().unwrap()) <= 40);

    stage.delete(&call).await;
    eventually("the object is gone", || async {
        stage.s3.keys().is_empty().then_some(())
    })
    .await;
    assert_eq!(stage.fetch(&call, None).await.0, 404);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_takes_over_where_no_worker_does() {
    let stage = stage_with(Egress::NoWorker).await;
    let call = stage.call(None).await;
    let failed = stage.recording_in(&call, "failed").await;
    assert_eq!(failed["mode"], "egress");
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.contains("did not start its Egress"), "{reason}");
    let taken_over = stage.recording_in(&call, "uploaded").await;
    assert_eq!(taken_over["mode"], "process");
    let (status, bytes) = stage.fetch(&call, None).await;
    assert_eq!(status, 200);
    let (_, agent) = play(&bytes);
    assert!(agent.iter().any(|s| s.unsigned_abs() > 1_000));
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_between_people_are_recorded_and_a_failure_is_reported() {
    let mut stage = stage_with(Egress::Works).await;
    let (call, rooms, room) = stage.room_for_people().await;
    let recording = stage.recording_in(&call, "recording").await;
    assert_eq!(recording["mode"], "egress");
    // Egress cannot pause, and reports that.
    assert_eq!(stage.post(&format!("{call}/recording/pause")).await, 409);
    assert_eq!(stage.fetch(&call, None).await.0, 409);
    rooms.delete_room(&room).await.unwrap();
    stage.recording_in(&call, "uploaded").await;
    assert_eq!(stage.s3.keys().len(), 1);

    // The bucket is unavailable when the file is to be uploaded.
    let (call, rooms, room) = stage.room_for_people().await;
    stage.recording_in(&call, "recording").await;
    stage.s3.pause();
    rooms.delete_room(&room).await.unwrap();
    let failed = stage.recording_in(&call, "failed").await;
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.starts_with("LiveKit's Egress failed: "), "{reason}");
    assert_eq!(stage.fetch(&call, None).await.0, 404);
    stage.strike().await;
}
