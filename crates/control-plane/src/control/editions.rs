//! Publishes the agents' files of this machine as the edition of the whole pool: at start, and whenever they change.
//! Whoever publishes last wins; an operator may hold the pool at one edition (`sidetone agents use`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use sidetone_config::edition::short;
use sidetone_config::folder::AgentFolder;
use sidetone_store::editions::Published;
use sidetone_store::{Store, StoreError};

/// Several files are saved one after the other: they are published when they have been the same for two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Publishes one folder.
#[derive(Debug)]
pub struct Publisher {
    store: Store,
    agents: Arc<AgentFolder>,
    /// The name of this machine.
    by: String,
    /// The changes of the folder that were published or refused: a task that is started again publishes nothing anew.
    done: AtomicU64,
}

impl Publisher {
    /// Nothing is published yet.
    pub fn new(store: Store, agents: Arc<AgentFolder>, by: String) -> Self {
        Self {
            store,
            agents,
            by,
            done: AtomicU64::new(0),
        }
    }

    /// Publishes the files as they are, unless they have mistakes; the log then says which.
    ///
    /// # Errors
    /// The database did not answer: they are still to be published.
    pub async fn publish(&self) -> Result<(), StoreError> {
        let changes = self.agents.changes();
        let agents = Arc::clone(&self.agents);
        let read = tokio::task::spawn_blocking(move || agents.edition()).await;
        match read {
            Ok(Ok(edition)) => {
                let published = self.store.publish_edition(&edition, &self.by).await?;
                let version = short(edition.version());
                match published {
                    Published::Already => {}
                    Published::Current => {
                        tracing::info!(
                            edition = version,
                            "the agents' files are published: the next call uses them"
                        );
                    }
                    Published::Waiting => tracing::warn!(
                        edition = version,
                        "the agents' files are published but not used, because the pool is held \
                         at another edition; `sidetone agents use newest` ends that"
                    ),
                }
            }
            Ok(Err(problems)) => tracing::error!(
                "the agents' files are not published, and calls go on with the edition before: {problems}"
            ),
            Err(error) => tracing::error!(%error, "the agents' files could not be read"),
        }
        self.done.store(changes, Ordering::Relaxed);
        Ok(())
    }

    /// Publishes every change, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut last = self.done.load(Ordering::Relaxed);
        while stop.run_until_cancelled(sleep(LOOK)).await.is_some() {
            let changes = self.agents.changes();
            let is_quiet = changes == last;
            last = changes;
            if !is_quiet || changes == self.done.load(Ordering::Relaxed) {
                continue;
            }
            if let Err(error) = self.publish().await {
                tracing::warn!(%error, "the agents' files could not be published; they are tried again");
            }
        }
    }
}
