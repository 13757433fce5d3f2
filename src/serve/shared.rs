//! Shares the agents' files within the pool, where `SIDETONE_AGENTS` says so.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::agent::editions::Editions;
use crate::agent::presence;
use sidetone_base::supervise::{Needed, Supervisor};
use sidetone_config::agents_from::AgentsFrom;
use sidetone_config::env::Env;
use sidetone_config::folder::AgentFolder;
use sidetone_control_plane::control::editions::Publisher;
use sidetone_store::Store;

/// A control plane (`publishes`) publishes its files; every process follows what is published. When this returns,
/// the first of both is done, so that the first call is held with the pool's files.
pub(super) async fn share(
    env: &Env,
    agents: &Arc<AgentFolder>,
    store: &Store,
    publishes: bool,
    tasks: &mut Supervisor,
) -> Arc<Editions> {
    let editions = Editions::new(Arc::clone(agents), store.clone(), env.agents);
    let editions = Arc::new(editions);
    if env.agents == AgentsFrom::Folder {
        return editions;
    }
    if publishes {
        let publisher = Publisher::new(store.clone(), Arc::clone(agents), presence::host());
        let publisher = Arc::new(publisher);
        if let Err(error) = publisher.publish().await {
            tracing::warn!(%error, "the agents' files could not be published; they are tried again");
        }
        tasks.spawn("publishing", Needed::Later, move |stop| {
            Arc::clone(&publisher).run(stop)
        });
    }
    let once = CancellationToken::new();
    once.cancel();
    Arc::clone(&editions).follow(once).await;
    let follows = Arc::clone(&editions);
    tasks.spawn("editions", Needed::Later, move |stop| {
        Arc::clone(&follows).follow(stop)
    });
    editions
}
