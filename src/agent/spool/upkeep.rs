//! Delivers what calls have left in the spool, including those of killed processes.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::backlog::longer;
use super::entry::Contents;
use super::{Left, Spool, Tried, attempt, log_refused};
use sidetone_base::claim;
use sidetone_base::metrics::metrics;
use sidetone_store::Store;

/// Time between passes that nothing has triggered: another process may have died.
const INTERVAL: Duration = Duration::from_secs(30);
/// First pause after a failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs until `shutdown`, in every process that has a data folder.
pub async fn run(spool: Spool, store: Store, shutdown: CancellationToken) {
    let mut pause = None;
    loop {
        let passed = tokio::select! {
            () = shutdown.cancelled() => return,
            passed = pass(&spool, &store) => passed,
        };
        let wait = match passed {
            Ok(()) => {
                pause = None;
                INTERVAL
            }
            Err(error) => {
                let wait = longer(pause, FIRST_PAUSE, LONGEST_PAUSE);
                pause = Some(wait);
                tracing::warn!(
                    error = format!("{error:#}"),
                    "records of calls wait on disk"
                );
                wait
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = spool.woken(), if pause.is_none() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Delivers every file that nobody else works on, oldest first.
/// # Errors
/// The database is unavailable, which ends the pass; or a file could not be read or deleted, which does not.
pub async fn pass(spool: &Spool, store: &Store) -> anyhow::Result<()> {
    let looked = spool.clone();
    let (files, bytes) = spawn_blocking(move || look(&looked)).await??;
    spool.measured(bytes);
    let waiting = i64::try_from(files.len()).unwrap_or(i64::MAX);
    metrics().workers.spool_files.set(waiting);
    let mut first_error = Ok(());
    for left in files {
        let claimed = left.clone();
        let delivered = match spawn_blocking(move || open(&claimed)).await? {
            Ok(Some((file, contents))) => {
                // The lock is held until the file is deleted.
                let delivered = deliver(store, &left, contents).await?;
                let bytes = file.metadata().map_or(0, |file| file.len());
                fs::remove_file(&left.path).map(|()| (delivered, bytes))
            }
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        match delivered {
            Ok((delivered, bytes)) => {
                spool.shrank(bytes);
                if delivered > 0 {
                    tracing::info!(
                        call_id = %left.call_id, entries = delivered,
                        "what waited on disk is in the database"
                    );
                }
            }
            Err(error) => {
                let file = left.path.display().to_string();
                first_error = first_error.and(Err::<(), _>(error).context(file));
            }
        }
    }
    first_error
}

/// The files, and their total size.
fn look(spool: &Spool) -> io::Result<(Vec<Left>, u64)> {
    let files = spool.files()?;
    let size = |left: &Left| fs::metadata(&left.path).map_or(0, |file| file.len());
    let bytes = files.iter().map(size).sum();
    Ok((files, bytes))
}

/// A file and its contents. `None` if somebody else works on it.
fn open(left: &Left) -> io::Result<Option<(File, Contents)>> {
    let Some(mut file) = claim::claim(&left.path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let contents = Contents::read(&bytes);
    if contents.skipped > 0 {
        tracing::warn!(
            call_id = %left.call_id, lines = contents.skipped,
            "lines of the call's record on disk cannot be read: skipped"
        );
    }
    Ok(Some((file, contents)))
}

/// Stores the entries of a file. Returns how many there were.
/// # Errors
/// The database is unavailable.
async fn deliver(store: &Store, left: &Left, contents: Contents) -> anyhow::Result<usize> {
    for entry in &contents.entries {
        match attempt(store, left.call_id, entry).await {
            Tried::Stored => {}
            Tried::Refused(error) => log_refused(left.call_id, entry, &error),
            Tried::Away(error) => anyhow::bail!("{error}"),
        }
    }
    Ok(contents.entries.len())
}
