//! What a call has recorded and the database does not have yet: turns, tool runs, errors, figures, results.
//!
//! A call never waits for the database. Each [`Entry`] is first appended to a file of the call and then written to
//! the database; once everything is there, the file is emptied. While the database is unavailable, the call's
//! [`Writer`] retries with pauses ([`backlog`], PURE, decides). What is left when the call ends stays on disk, and
//! [`upkeep`] delivers it: in this process or in another one on the same data folder, even after the first was
//! killed.
//!
//! - **What a kill costs**: nothing that a call has recorded. A line is handed to the kernel before the database is
//!   asked. It is not synced to the disk: a power failure may lose the last seconds, as with SQLite's own log.
//! - **Idempotent**: each entry has an id, or replaces what it wrote before. Delivering a file again changes nothing.
//! - **Bounded**: [`LIMIT`] bytes in all, [`CALL_LIMIT`] in a file. The oldest entries stay; new ones are rejected,
//!   with an error in the log that names the call, never its words.
//! - **Private**: these files contain callers' words. Only the owner can read the folder (0700, files 0600), and a
//!   file is deleted once the database has it. Entries of deleted calls, or of calls without a row, are dropped.

pub mod backlog;
pub mod entry;
pub mod journal;
pub mod upkeep;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use sidetone_base::metrics::metrics;
use sidetone_store::{Store, StoreError};

use entry::Contents;
pub use entry::{Asking, Entry};
pub use writer::{LAST, Writer};

/// Size limit of the folder in bytes: some five thousand calls.
const LIMIT: u64 = 256 << 20;
/// Size limit of one call's file in bytes, because it is read in one go.
const CALL_LIMIT: u64 = 16 << 20;
/// Longest wait for one response of the database.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// The folder; cheap to clone.
#[derive(Clone, Debug)]
pub struct Spool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    limit: u64,
    /// Bytes in the folder: the size that [`upkeep`] last saw plus what was written here since.
    used: AtomicU64,
    /// Signals [`upkeep`] that a call has left something.
    work: Notify,
}

/// A file of the spool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The file's id; it begins with the time, so files sort by age.
    pub id: Uuid,
    /// Of the call.
    pub call_id: Uuid,
    /// The file's path.
    pub path: PathBuf,
}

impl Spool {
    /// The spool of a data folder. Nothing is created before it is needed.
    pub fn new(data_dir: &Path) -> Self {
        Self::with_limit(data_dir, LIMIT)
    }

    /// A spool that holds at most `limit` bytes.
    pub fn with_limit(data_dir: &Path, limit: u64) -> Self {
        Self(Arc::new(Shared {
            folder: data_dir.join("spool"),
            limit,
            used: AtomicU64::new(0),
            work: Notify::new(),
        }))
    }

    /// All files, oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn files(&self) -> io::Result<Vec<Left>> {
        let files = match fs::read_dir(&self.0.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut left: Vec<Left> = files
            .filter_map(|file| Left::parse(&file.ok()?.path()))
            .collect();
        left.sort();
        Ok(left)
    }

    /// The waiting entries of a call, in order, even if another process works on them.
    pub fn entries_of(&self, call_id: Uuid) -> Vec<Entry> {
        let files = self.files().unwrap_or_default();
        let mut entries = Vec::new();
        for left in files.into_iter().filter(|left| left.call_id == call_id) {
            // A file that was delivered meanwhile is gone.
            let bytes = fs::read(&left.path).unwrap_or_default();
            entries.extend(Contents::read(&bytes).entries);
        }
        entries
    }

    fn file(&self, id: Uuid, call_id: Uuid) -> Left {
        let path = self.0.folder.join(format!("{call_id}.{id}.jsonl"));
        Left { id, call_id, path }
    }

    fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    fn grew(&self, bytes: u64) {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
        self.show();
    }

    fn shrank(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        // Some is always given: it cannot fail.
        let _ = (self.0.used).fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.show();
    }

    fn measured(&self, bytes: u64) {
        self.0.used.store(bytes, Ordering::Relaxed);
        self.show();
    }

    /// Updates the metric of waiting bytes.
    fn show(&self) {
        let bytes = i64::try_from(self.used()).unwrap_or(i64::MAX);
        metrics().workers.spool_bytes.set(bytes);
    }

    fn wake(&self) {
        self.0.work.notify_one();
    }

    async fn woken(&self) {
        self.0.work.notified().await;
    }
}

impl Left {
    fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
        let (call_id, id) = name.split_once('.')?;
        Some(Self {
            id: id.parse().ok()?,
            call_id: call_id.parse().ok()?,
            path: path.to_owned(),
        })
    }
}

/// The outcome of an attempt to store an entry.
#[derive(Debug)]
enum Tried {
    /// It is stored, or there is no call to store it with.
    Stored,
    /// The database will never accept it.
    Refused(StoreError),
    /// The database was unavailable, busy or full: the same entry may be stored later.
    Away(String),
}

/// Tries to store an entry, for at most [`ANSWER_DEADLINE`].
async fn attempt(store: &Store, call_id: Uuid, entry: &Entry) -> Tried {
    match timeout(ANSWER_DEADLINE, entry.store(store, call_id)).await {
        Ok(Ok(())) => Tried::Stored,
        Ok(Err(error)) if error.is_refusal() => Tried::Refused(error),
        Ok(Err(error)) => Tried::Away(error.to_string()),
        Err(_) => Tried::Away(format!("no answer within {ANSWER_DEADLINE:?}")),
    }
}

/// Rejected entries are lost; their content is not logged.
fn log_refused(call_id: Uuid, entry: &Entry, error: &StoreError) {
    metrics().workers.entries_lost.inc();
    let what = entry.kind();
    // A database's message may quote the value, so only its code is logged.
    let code = error.code().unwrap_or_default();
    tracing::error!(%call_id, what, %code, "the database refused an entry of the call: it is lost");
}
