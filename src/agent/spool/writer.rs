//! Writes the entries of one call: to its file, then to the database, and retries while that is unavailable.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::backlog::{Backlog, Next};
use super::journal::Journal;
use super::{Entry, Spool, Tried, attempt, log_refused};
use sidetone_base::clock;
use sidetone_base::metrics::metrics;
use sidetone_store::Store;

/// Longest time that a call's end waits for a database that has responded so far. One that is known to be unavailable
/// is not waited for.
pub const LAST: Duration = Duration::from_secs(1);

/// Writes the entries of one call. They survive the process; dropping the writer leaves the rest to
/// [`super::upkeep`].
pub struct Writer {
    store: Store,
    call_id: Uuid,
    journal: Journal,
    backlog: Backlog,
    /// The attempt to store the backlog's first entry.
    attempt: Option<BoxFuture<'static, Tried>>,
    /// A failed write to disk is logged only once.
    disk_failed: bool,
}

impl Writer {
    /// A writer without entries.
    pub fn new(store: Store, spool: Spool, call_id: Uuid) -> Self {
        Self {
            store,
            call_id,
            journal: Journal::new(spool, call_id),
            backlog: Backlog::default(),
            attempt: None,
            disk_failed: false,
        }
    }

    /// Takes an entry. After this returns a kill does not lose it; the database gets it later.
    pub async fn take(&mut self, entry: Entry) {
        let (call_id, what) = (self.call_id, entry.kind());
        let on_disk = match self.on_disk(&entry).await {
            Ok(()) => true,
            Err(error) => {
                if !self.disk_failed {
                    tracing::error!(
                        %call_id, %error,
                        "the spool does not take the call's record: what the database does not take \
                         before the call ends is lost"
                    );
                }
                self.disk_failed = true;
                false
            }
        };
        if !self.backlog.push(entry, on_disk) {
            metrics().workers.entries_lost.inc();
            tracing::error!(%call_id, what, "an entry of the call's record is lost");
        }
    }

    /// Writes waiting entries until `event` completes.
    pub async fn until<T>(&mut self, event: impl Future<Output = T>) -> T {
        let mut event = pin!(event);
        loop {
            tokio::select! {
                event = &mut event => return event,
                all = self.step() => if all { self.journal.clear().await },
            }
        }
    }

    /// Writes waiting entries for a second at most, and leaves the rest to [`super::upkeep`].
    pub async fn end(self) {
        self.end_by(clock::now() + LAST).await;
    }

    /// Like [`Writer::end`], with a deadline that may be nearer.
    pub async fn end_by(mut self, until: std::time::Instant) {
        let until = until.min(clock::now() + LAST);
        let mut enough = pin!(sleep_until(until.into()));
        while self.backlog.is_promising() {
            tokio::select! {
                () = &mut enough => break,
                all = self.step() => if all { self.journal.clear().await },
            }
        }
        self.leave().await;
    }

    /// Leaves all waiting entries to [`super::upkeep`] at once.
    pub async fn leave(self) {
        let (call_id, rest) = (self.call_id, self.backlog.rest());
        if rest.lost > 0 {
            metrics().workers.entries_lost.inc_by(rest.lost as u64);
            tracing::error!(%call_id, lost = rest.lost, "entries of the call's record are lost");
        }
        if rest.on_disk {
            tracing::warn!(%call_id, "the database is away: the call's record waits on disk");
        }
        self.journal.end(rest.on_disk).await;
    }

    async fn on_disk(&mut self, entry: &Entry) -> std::io::Result<()> {
        self.journal.append(&entry.line()?).await
    }

    /// Takes the next step for the backlog. `true` if the whole file is in the database. Dropping the future loses
    /// nothing.
    async fn step(&mut self) -> bool {
        let trying = match &mut self.attempt {
            Some(trying) => trying,
            None => match self.backlog.next(clock::now()) {
                Next::Nothing => return pending().await,
                Next::Wait(until) => {
                    sleep_until(Instant::from_std(until)).await;
                    return false;
                }
                Next::Store(entry) => {
                    let (store, call_id, entry) = (self.store.clone(), self.call_id, entry.clone());
                    let trying = async move { attempt(&store, call_id, &entry).await };
                    self.attempt.insert(trying.boxed())
                }
            },
        };
        let tried = trying.await;
        self.attempt = None;
        match tried {
            Tried::Stored => self.backlog.done(),
            Tried::Refused(error) => {
                if let Some(entry) = self.backlog.first() {
                    log_refused(self.call_id, entry, &error);
                }
                self.backlog.done()
            }
            Tried::Away(error) => {
                tracing::debug!(call_id = %self.call_id, error, "the database does not answer");
                self.backlog.failed(clock::now());
                false
            }
        }
    }
}
