//! The edition of the agents' files that a pool shares.

use tokio::time::timeout;

use super::{DEADLINE, Item};
use sidetone_config::agents_from::AgentsFrom;
use sidetone_config::edition::short;
use sidetone_config::env::Env;
use sidetone_config::folder::AgentFolder;
use sidetone_store::editions::EditionRow;
use sidetone_store::{Store, StoreError};

/// Where calls are held with a shared edition: which one it is, and whether it is this folder. `None` elsewhere, and where
/// the check of the database says already what is wrong.
pub async fn editions(env: &Env, folder: &AgentFolder) -> Option<Item> {
    if env.agents != AgentsFrom::Store {
        return None;
    }
    let read = async {
        let store = Store::connect(&env.database).await?;
        let editions: Result<_, StoreError> = match store.has_tables().await {
            true => store.editions().await,
            false => Ok(Vec::new()),
        };
        store.close().await;
        editions
    };
    let editions = timeout(DEADLINE, read).await.ok()?.ok()?;
    Some(match folder.edition() {
        Ok(own) => compared(own.version(), editions.first()),
        Err(problems) => Item::wrong(
            "editions",
            format!("this folder cannot be published: {problems}"),
            "fix the files, and set the secrets that they name for control planes, too",
        ),
    })
}

/// Compares this folder's version with the current edition, which is the first of the list.
fn compared(own: &str, current: Option<&EditionRow>) -> Item {
    let Some(current) = current else {
        return Item::note(
            "editions",
            "none is published, so each worker uses the files on its own disk",
            "start a control plane with SIDETONE_AGENTS=store, or run `sidetone agents publish`",
        );
    };
    let (version, by) = (short(&current.version), &current.published_by);
    if current.version == own {
        return Item::ok(
            "editions",
            format!("calls are held with this folder's files, edition {version}"),
        );
    }
    if current.held_at.is_some() {
        return Item::note(
            "editions",
            format!("the pool is held at edition {version}, which is not this folder's files"),
            "`sidetone agents use newest` ends that",
        );
    }
    Item::note(
        "editions",
        format!("calls are held with edition {version} of {by}, which is not this folder's files"),
        "`sidetone agents publish` publishes this folder, as does a control plane that starts with it",
    )
}

#[cfg(test)]
mod tests;
