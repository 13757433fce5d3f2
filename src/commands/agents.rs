//! `sidetone agents`: the editions of the agents' files that a pool shares.

use std::path::PathBuf;

use anyhow::{Context, bail};
use sidetone::agent::presence;
use sidetone::cli::AgentsCommand;
use sidetone_config::edition::short;
use sidetone_config::env::Env;
use sidetone_config::folder::AgentFolder;
use sidetone_config::secret::Secrets;
use sidetone_store::Store;
use sidetone_store::editions::{EditionRow, Published};

/// Ends `sidetone agents use`.
const NEWEST: &str = "newest";

/// Publishes, lists or holds.
pub(super) async fn run(command: AgentsCommand) -> anyhow::Result<()> {
    let store = Store::open(&Env::read()?.database)
        .await
        .context("opening the database")?;
    let done = match command {
        AgentsCommand::Publish { agents } => publish(&store, agents).await,
        AgentsCommand::List => list(&store).await,
        AgentsCommand::Use { version } => hold(&store, &version).await,
    };
    store.close().await;
    done
}

async fn publish(store: &Store, agents: PathBuf) -> anyhow::Result<()> {
    let edition = AgentFolder::open(agents, Secrets::read()).edition()?;
    let published = store.publish_edition(&edition, &presence::host()).await?;
    let what = match published {
        Published::Already => "is the current edition already",
        Published::Current => "is the current edition: the next call uses it",
        Published::Waiting => {
            "is published, and another edition is held; `sidetone agents use newest` ends that"
        }
    };
    println!("{} {what}", short(edition.version()));
    Ok(())
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let editions = store.editions().await?;
    if editions.is_empty() {
        println!("no edition is published: each process reads its own files");
    }
    for (n, edition) in editions.iter().enumerate() {
        let state = match (n, edition.held_at) {
            (_, Some(_)) => "held",
            (0, None) => "current",
            _ => "",
        };
        println!(
            "{}  {state:<7}  {}  {} files, {} kB, by {}",
            short(&edition.version),
            edition.published_at.format("%Y-%m-%d %H:%M:%S UTC"),
            edition.files,
            edition.bytes.div_euclid(1000),
            edition.published_by,
        );
    }
    Ok(())
}

async fn hold(store: &Store, version: &str) -> anyhow::Result<()> {
    if version == NEWEST {
        store.hold_edition(None).await?;
        println!("the edition that was published last is the current one");
        return Ok(());
    }
    let editions = store.editions().await?;
    let begins = |edition: &&EditionRow| edition.version.starts_with(version);
    let found: Vec<&EditionRow> = editions.iter().filter(begins).collect();
    let [edition] = found[..] else {
        let count = found.len();
        bail!("{count} editions begin with {version:?}; `sidetone agents list` shows them");
    };
    if !store.hold_edition(Some(&edition.version)).await? {
        bail!("the edition {version} was deleted meanwhile");
    }
    println!(
        "{} is held: it is the current edition until `sidetone agents use newest`",
        short(&edition.version)
    );
    Ok(())
}
