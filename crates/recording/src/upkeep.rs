//! Background work for recordings: files of killed processes are taken over, complete ones uploaded, and those of
//! deleted calls deleted; each is retried until it succeeds.

use std::collections::HashSet;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Recordings;
use super::spool::Entry;
use sidetone_base::clock;
use sidetone_store::{At, Recorder, Recording, RecordingState};

/// Time between passes that nothing has triggered: another process may have deleted a call, or died.
const INTERVAL: Duration = Duration::from_secs(30);
/// Files in progress at once: one that takes long does not block the others.
const AT_ONCE: usize = 4;
/// Passes at once, each over the files that the others do not work on.
const PASSES: usize = 4;
/// After this many failed uploads in a pass the bucket counts as unavailable.
const AWAY: usize = 3;
/// First pause after failures; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Runs until `shutdown`, in every process that has a data folder.
pub async fn run(recordings: Recordings, shutdown: CancellationToken) {
    let settled = Settled::default();
    let mut passes = JoinSet::new();
    let (mut pause, mut next) = (FIRST_PAUSE, clock::now());
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            // A slow upload does not block those after it.
            () = sleep_until(next.into()), if passes.len() < PASSES => {}
            () = recordings.woken(), if pause == FIRST_PAUSE && passes.len() < PASSES => {}
            Some(done) = passes.join_next() => {
                match done.map_err(Into::into).flatten() {
                    Ok(()) => pause = FIRST_PAUSE,
                    Err(error) => {
                        tracing::error!(error = format!("{error:#}"), "recordings could not be uploaded; they wait on this disk");
                        next = clock::now() + pause;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
                continue;
            }
        }
        next = clock::now() + INTERVAL;
        let (recordings, settled) = (recordings.clone(), settled.clone());
        passes.spawn(async move { pass(&recordings, &settled).await });
    }
}

/// Files that stay where they are; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Settled(Arc<Mutex<HashSet<Uuid>>>);

impl Settled {
    fn files(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        // A panic while the lock was held leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does everything that can be done now, except for the files that are `settled`. Files that another pass works on are
/// locked and skipped.
///
/// # Errors
/// The first failure; it is retried on the next pass.
pub async fn pass(recordings: &Recordings, settled: &Settled) -> anyhow::Result<()> {
    let mut entries = recordings.spool().entries()?;
    entries.retain(|entry| !settled.files().contains(&entry.id));
    let failed = AtomicUsize::new(0);
    let tended = stream::iter(entries)
        // Uploads in progress continue.
        .take_while(|_| ready(failed.load(Ordering::Relaxed) < AWAY))
        .map(async |entry| {
            let tended = tend(recordings, &entry).await;
            match &tended {
                Ok(true) => drop(settled.files().insert(entry.id)),
                Ok(false) => {}
                Err(_) => drop(failed.fetch_add(1, Ordering::Relaxed)),
            }
            tended.map(drop)
        })
        .buffer_unordered(AT_ONCE);
    let first = tended.fold(Ok(()), async |first: anyhow::Result<()>, one| {
        first.and(one)
    });
    let first = first.await;
    let deleted = recordings.store().deleted_recordings().await?;
    let deleted = stream::iter(deleted)
        .map(async |recording| delete(recordings, &recording).await)
        .buffer_unordered(AT_ONCE);
    let then = deleted.fold(Ok(()), async |first: anyhow::Result<()>, one| {
        first.and(one)
    });
    first.and(then.await)
}

/// Takes one file a step further. Returns whether it is finished and stays here.
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
    // Stored first, so that a call deleted during the upload is deleted from the bucket too.
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
            // It is still being written or uploaded.
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
        // Its file is on another worker, which forgets the recording once it has deleted the file.
        return Ok(());
    }
    recordings.store().forget_recording(recording.id).await?;
    Ok(())
}

/// A version 7 UUID contains the time of its creation.
fn began(id: Uuid) -> At {
    let time = id.get_timestamp().map(|at| at.to_unix());
    time.and_then(|(seconds, nanos)| At::from_timestamp(seconds as i64, nanos))
        .map_or_else(sidetone_store::now, sidetone_store::micros)
}
