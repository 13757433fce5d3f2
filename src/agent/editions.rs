//! Which files a call is held with: those of the edition that its job names, else those that are current in the pool.
//! What cannot be read is no reason for silence: the call is then held with the files that this process last had.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use sidetone_base::metrics::metrics;
use sidetone_config::agent::Problems;
use sidetone_config::agents_from::AgentsFrom;
use sidetone_config::edition::short;
use sidetone_config::folder::{AgentFolder, Roster};
use sidetone_store::{Store, StoreError};

/// Longest wait of a call for its edition: the caller is on the line.
const DEADLINE: Duration = Duration::from_secs(1);
/// How often it is looked which edition is current.
const LOOK: Duration = Duration::from_secs(1);
/// Editions in memory: those of running calls that may be taken over, and one or two that come.
const KEPT: usize = 8;

/// The editions that this process knows.
#[derive(Debug)]
pub struct Editions {
    agents: Arc<AgentFolder>,
    store: Store,
    from: AgentsFrom,
    /// The one that was used last is the last.
    kept: Mutex<VecDeque<Arc<Roster>>>,
}

/// Why an edition cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the store has no such edition, or not all of its files")]
    Missing,
    #[error("its default agent cannot be used on this machine: {0}")]
    Wrong(#[from] Problems),
    #[error("the database did not answer within {DEADLINE:?}")]
    Late,
}

impl Editions {
    /// None is read yet: `agents` are those of this machine's folder.
    pub fn new(agents: Arc<AgentFolder>, store: Store, from: AgentsFrom) -> Self {
        Self {
            agents,
            store,
            from,
            kept: Mutex::default(),
        }
    }

    /// The agents for a call: of the edition that is named, else of the current one.
    pub(super) async fn named(&self, version: Option<&str>) -> Arc<Roster> {
        let now = self.agents.now();
        let Some(version) = version.filter(|version| now.edition() != Some(version)) else {
            return now;
        };
        let edition = short(version);
        if self.from == AgentsFrom::Folder {
            tracing::warn!(
                edition,
                "a job names an edition of the agents' files, and this worker reads its own; set SIDETONE_AGENTS=store \
                 for every process of the pool"
            );
            return now;
        }
        let read = timeout(DEADLINE, self.read(version)).await;
        read.unwrap_or(Err(Unread::Late)).unwrap_or_else(|error| {
            metrics().calls.edition_unread.inc();
            let instead = now.edition().map_or("this machine's files", short);
            tracing::warn!(edition, instead, %error, "a call is held with other files than its edition's");
            now
        })
    }

    async fn read(&self, version: &str) -> Result<Arc<Roster>, Unread> {
        // Of many calls that begin at once, one reads.
        let mut kept = self.kept.lock().await;
        let known = kept
            .iter()
            .position(|roster| roster.edition() == Some(version));
        if let Some(roster) = known.and_then(|at| kept.remove(at))
            && self.agents.is_up_to_date(&roster)
        {
            kept.push_back(Arc::clone(&roster));
            return Ok(roster);
        }
        let edition = self.store.edition(version).await?.ok_or(Unread::Missing)?;
        let roster = Arc::new(self.agents.read(&edition)?);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&roster));
        Ok(roster)
    }

    /// Reads the current edition, unless it is known.
    async fn catch_up(&self) -> Result<(), Unread> {
        let Some(version) = self.store.current_edition().await? else {
            return Ok(());
        };
        let now = self.agents.known();
        if now.edition() != Some(&version) || !self.agents.is_up_to_date(&now) {
            let roster = self.read(&version).await?;
            self.agents.follow(roster);
        }
        Ok(())
    }

    /// Follows what is current in the pool, until `stop`. Returns after the first look if that is already given.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut told = None;
        loop {
            let looked = timeout(LOOK, self.catch_up()).await;
            let trouble = looked.unwrap_or(Err(Unread::Late)).err();
            let trouble = trouble.map(|error| error.to_string());
            if let Some(error) = &trouble
                && told != trouble
            {
                tracing::warn!(
                    error,
                    "the current edition of the agents' files cannot be used; calls go on with those before"
                );
            }
            told = trouble;
            if stop.run_until_cancelled(sleep(LOOK)).await.is_none() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
