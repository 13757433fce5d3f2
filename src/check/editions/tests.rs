//! What `sidetone check` says of the pool's edition.

use super::super::Outcome;
use super::*;
use sidetone_config::secret::Secrets;
use std::path::Path;

fn env(data: &Path, agents: &str) -> Env {
    let data = data.display().to_string();
    Env::from_lookup(|name| match name {
        "SIDETONE_AGENTS" => Some(agents.to_owned()),
        "SIDETONE_DATA_DIR" => Some(data.clone()),
        _ => None,
    })
    .unwrap()
}

fn write(folder: &Path, greeting: &str) {
    std::fs::write(folder.join("p.md"), "Be kind.").unwrap();
    let text = format!("prompt = \"p.md\"\ngreeting = {greeting:?}");
    std::fs::write(folder.join("default.toml"), text).unwrap();
}

#[tokio::test]
async fn a_folder_is_compared_with_what_the_pool_holds_calls_with() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(files.path(), "Old.");
    let folder = AgentFolder::open(files.path(), Secrets::default());
    let own = env(data.path(), "folder");
    assert_eq!(editions(&own, &folder).await, None, "nothing is shared");

    let shared = env(data.path(), "store");
    let look = async || editions(&shared, &folder).await.unwrap();
    let store = Store::open(&shared.database).await.unwrap();
    let nothing = look().await;
    assert_eq!(nothing.outcome, Outcome::Note);
    assert!(
        nothing.found.starts_with("none is published"),
        "{nothing:?}"
    );

    let old = folder.edition().unwrap();
    store.publish_edition(&old, "a machine").await.unwrap();
    assert_eq!(look().await.outcome, Outcome::Ok);

    write(files.path(), "New.");
    let other = look().await;
    assert_eq!(other.outcome, Outcome::Note);
    assert!(other.found.contains("of a machine"), "{other:?}");

    store.hold_edition(Some(old.version())).await.unwrap();
    let held = look().await;
    assert!(held.found.contains("is held at edition"), "{held:?}");
    assert!(held.fix.unwrap().contains("use newest"));

    std::fs::write(files.path().join("default.toml"), "prompt = \"none.md\"").unwrap();
    let broken = look().await;
    assert_eq!(broken.outcome, Outcome::Wrong);
    assert!(broken.found.contains("none.md"), "{broken:?}");
    store.close().await;
}
