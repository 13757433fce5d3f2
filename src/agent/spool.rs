//! What the database has not taken yet of a call: turns, tool runs, errors, figures, results.
//!
//! A call never waits for the database. Each [`Entry`] is appended to a file of the call first and then
//! written to the database; when all of the file is there, the file is emptied. While the database does
//! not answer, the call's [`Writer`] tries again with pauses ([`backlog`], PURE, decides). What is left
//! when the call ends stays on disk, and [`upkeep`] delivers it: in this process or in another one on the
//! same data folder, also for a process that was killed.
//!
//! - **What a kill costs**: nothing that a call has told its record. A line is handed to the kernel before
//!   the database is asked. It is not synced to the disk: a power failure may lose the last seconds, which
//!   SQLite's own log may lose, too.
//! - **Twice is once**: each entry has an id, or replaces what it wrote before. Delivering a file again
//!   changes nothing.
//! - **Bounded**: [`LIMIT`] bytes in all, [`CALL_LIMIT`] in a file. The oldest stay, the newest are refused
//!   with an error in the log that names the call, never its words.
//! - **Private**: there are words in these files. The folder is its owner's alone (0700, files 0600), and a
//!   file is deleted when the database has it. Entries of calls without a row, or deleted ones, are dropped.

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

/// Bytes that the folder may hold: some five thousand calls.
const LIMIT: u64 = 256 << 20;
/// Bytes that the file of one call may hold: it is read at once.
const CALL_LIMIT: u64 = 16 << 20;
/// Longest wait for one answer of the database.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// The folder; cheap to clone.
#[derive(Clone, Debug)]
pub struct Spool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    limit: u64,
    /// Bytes in the folder: what [`upkeep`] saw at last, and what was written here since.
    used: AtomicU64,
    /// A call has left something for [`upkeep`].
    work: Notify,
}

/// A file of the spool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// Of the file; its first part is the time, so files sort by age.
    pub id: Uuid,
    /// Of the call.
    pub call_id: Uuid,
    /// Where.
    pub path: PathBuf,
}

impl Spool {
    /// The spool of a data folder. Nothing is created before it is needed.
    pub fn new(data_dir: &Path) -> Self {
        Self::with_limit(data_dir, LIMIT)
    }

    /// One that holds at most `limit` bytes.
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

    /// What waits of a call, in order, whoever works on it.
    pub fn entries_of(&self, call_id: Uuid) -> Vec<Entry> {
        let files = self.files().unwrap_or_default();
        let mut entries = Vec::new();
        for left in files.into_iter().filter(|left| left.call_id == call_id) {
            // One that was delivered meanwhile is gone.
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

    /// Tells whoever watches how much waits.
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

/// What became of an attempt to store an entry.
#[derive(Debug)]
enum Tried {
    /// It is stored, or there is no call to store it with.
    Stored,
    /// The database will never take it.
    Refused(StoreError),
    /// The database was away, busy or full: the same entry may be stored later.
    Away(String),
}

/// Asks the database to take an entry, for [`ANSWER_DEADLINE`].
async fn attempt(store: &Store, call_id: Uuid, entry: &Entry) -> Tried {
    match timeout(ANSWER_DEADLINE, entry.store(store, call_id)).await {
        Ok(Ok(())) => Tried::Stored,
        Ok(Err(error)) if error.is_refusal() => Tried::Refused(error),
        Ok(Err(error)) => Tried::Away(error.to_string()),
        Err(_) => Tried::Away(format!("no answer within {ANSWER_DEADLINE:?}")),
    }
}

/// Refused entries are lost; what they say is not told.
fn log_refused(call_id: Uuid, entry: &Entry, error: &StoreError) {
    metrics().workers.entries_lost.inc();
    let what = entry.kind();
    // A database's message may quote the value: only its code is told.
    let code = error.code().unwrap_or_default();
    tracing::error!(%call_id, what, %code, "the database refused an entry of the call: it is lost");
}
