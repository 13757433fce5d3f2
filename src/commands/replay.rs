//! `sidetone replay`.

use std::process::ExitCode;
use std::sync::Arc;

use sidetone::cli::ReplayArgs;
use sidetone::eval::run::Minds;
use sidetone::replay::{self, Stored};
use sidetone_config::env::Env;
use sidetone_config::folder::AgentFolder;
use sidetone_config::secret::Secrets;
use sidetone_store::Store;

use super::live_clients;

/// Prints both conversations side by side.
pub(super) async fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    // The database is used as it is: reading calls changes no tables.
    let store = Store::connect(&Env::read()?.database).await?;
    let stored = Stored::load(&store, args.call).await?;
    store.close().await;
    let agents = AgentFolder::open(&args.agents, Secrets::read());
    let clients = live_clients().await?;
    let minds: Arc<Minds> = Arc::new(move |agent| {
        let agent = clients.settle(agent);
        let models = clients.for_call(&agent);
        (agent, Arc::new(models).into())
    });
    let replay = replay::replay(&stored, args.agent.as_deref(), &agents, minds).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&replay)?);
    } else {
        print!("{replay}");
    }
    Ok(ExitCode::SUCCESS)
}
