//! What is done for recordings beside the calls: files of killed processes are taken over, complete
//! ones uploaded, and those of deleted calls deleted, until each has worked.

use std::collections::HashSet;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Recordings;
use super::spool::Entry;
use sidetone_store::{At, Recorder, Recording, RecordingState};

/// Time between looks without a reason: another process may have deleted a call, or died.
const INTERVAL: Duration = Duration::from_secs(30);
/// After this many uploads failed in a row the bucket is taken for away.
const AWAY: usize = 3;
/// First pause after failures; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Runs until `shutdown`, in every process that has a data folder.
pub async fn run(recordings: Recordings, shutdown: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    let mut settled = HashSet::new();
    loop {
        let wait = tokio::select! {
            () = shutdown.cancelled() => return,
            done = pass(&recordings, &mut settled) => match done {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    INTERVAL
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "recordings wait here");
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = recordings.woken(), if wait >= INTERVAL => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Does all that can be done now, save for the files that are `settled`: they stay where they are.
///
/// # Errors
/// The first thing that did not work; it is done again the next time.
pub async fn pass(recordings: &Recordings, settled: &mut HashSet<Uuid>) -> anyhow::Result<()> {
    let (mut failed, mut first_error) = (0, Ok(()));
    for entry in recordings.spool().entries()? {
        if settled.contains(&entry.id) {
            continue;
        }
        match tend(recordings, &entry).await {
            Ok(true) => {
                settled.insert(entry.id);
            }
            Ok(false) => {}
            Err(error) => {
                failed += 1;
                first_error = first_error.and(Err(error));
                if failed == AWAY {
                    break;
                }
            }
        }
    }
    for deleted in recordings.store().deleted_recordings().await? {
        if let Err(error) = delete(recordings, &deleted).await {
            first_error = first_error.and(Err(error));
        }
    }
    first_error
}

/// Brings one file on its way; whether it has arrived and stays here.
async fn tend(recordings: &Recordings, entry: &Entry) -> anyhow::Result<bool> {
    // Locked until the end of this function.
    let Some(file) = entry.claim()? else {
        return Ok(false);
    };
    let store = recordings.store();
    let row = store.recording(entry.id).await?;
    let mut recording = match row {
        Some(row) if row.state == RecordingState::Deleting => return Ok(false),
        Some(row) => row,
        None => {
            let began = began(entry.id);
            Recording::begun(entry.id, entry.call_id, Recorder::Process, began)
        }
    };
    if recording.state == RecordingState::Recording {
        match entry.measure(&file) {
            Ok(written) => {
                recording.state = RecordingState::Kept;
                recording.bytes = Some(written.bytes as i64);
                recording.duration_ms = Some(written.duration.as_millis() as i64);
            }
            Err(error) => {
                tracing::warn!(file = %entry.path.display(), %error, "no recording: deleted");
                std::fs::remove_file(&entry.path)?;
                recording.state = RecordingState::Failed;
            }
        }
        let reason = "the process ended before the call did";
        recording.reason.get_or_insert_with(|| reason.to_owned());
        recording.ended_at = Some(sidetone_store::now());
        store.save_recording(&recording).await?;
    }
    if recording.state == RecordingState::Failed {
        return Ok(false);
    }
    let Some(bucket) = recordings.bucket() else {
        return Ok(true);
    };
    let key = recording.bucket_key();
    // Noted first: what is deleted while it is uploaded, is deleted in the bucket too.
    recording.object_key = Some(key.clone());
    if !store.save_recording(&recording).await? {
        return Ok(false);
    }
    bucket.upload(&key, &entry.path).await?;
    let kept = store
        .recording_uploaded(recording.id, recording.call_id, &bucket.url(&key))
        .await?;
    if !kept {
        bucket.delete(&key).await?;
    }
    std::fs::remove_file(&entry.path)?;
    tracing::info!(call_id = %recording.call_id, key, "a recording is in the bucket");
    Ok(false)
}

/// Deletes what is left of a recording whose call was deleted.
async fn delete(recordings: &Recordings, recording: &Recording) -> anyhow::Result<()> {
    let entry = recordings.spool().entry(recording.id, recording.call_id);
    let here = entry.path.exists();
    if here {
        let Some(_claimed) = entry.claim()? else {
            // It is still written or uploaded.
            return Ok(());
        };
        std::fs::remove_file(&entry.path)?;
    }
    match (&recording.object_key, recordings.bucket()) {
        (Some(key), Some(bucket)) => bucket.delete(key).await?,
        (Some(key), None) => anyhow::bail!(
            "the recording {key} of a deleted call is in a bucket: set LIVEKIT_RECORDING_BUCKET \
             to delete it"
        ),
        (None, _) => {}
    }
    if recording.mode == Recorder::Egress && recording.ended_at.is_none() {
        // LiveKit's Egress would write it again.
        return Ok(());
    }
    let uploaded = recording.url.is_some();
    let failed = recording.ended_at.is_some() && recording.bytes.is_none();
    if !here && !uploaded && !failed {
        // Its file lies with another worker, which forgets it when the file is gone.
        return Ok(());
    }
    recordings.store().forget_recording(recording.id).await?;
    Ok(())
}

/// A version 7 UUID says when it was made.
fn began(id: Uuid) -> At {
    let time = id.get_timestamp().map(|at| at.to_unix());
    time.and_then(|(seconds, nanos)| At::from_timestamp(seconds as i64, nanos))
        .map_or_else(sidetone_store::now, sidetone_store::micros)
}
