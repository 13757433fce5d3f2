//! What is used when an edition cannot be read.

use super::*;
use sidetone_config::env::Database;
use sidetone_config::secret::Secrets;

struct Pool {
    folder: tempfile::TempDir,
    store: Store,
    agents: Arc<AgentFolder>,
}

impl Pool {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("sidetone.db"));
        let agents = folder.path().join("agents");
        std::fs::create_dir(&agents).unwrap();
        let this = Self {
            store: Store::open(&database).await.unwrap(),
            agents: Arc::new(AgentFolder::open(&agents, Secrets::default())),
            folder,
        };
        this.write("Disk.");
        this
    }

    fn write(&self, greeting: &str) {
        let folder = self.folder.path().join("agents");
        std::fs::write(folder.join("p.md"), "Be kind.").unwrap();
        let text = format!("prompt = \"p.md\"\ngreeting = {greeting:?}");
        std::fs::write(folder.join("default.toml"), text).unwrap();
    }

    /// Publishes these files, and writes those of before again.
    async fn publish(&self, greeting: &str) -> String {
        self.write(greeting);
        let edition = self.agents.edition().unwrap();
        self.store.publish_edition(&edition, "plane").await.unwrap();
        self.write("Disk.");
        edition.version().to_owned()
    }

    fn editions(&self, from: AgentsFrom) -> Editions {
        Editions::new(Arc::clone(&self.agents), self.store.clone(), from)
    }
}

/// How the agent for this edition greets.
async fn greets(editions: &Editions, version: Option<&str>) -> String {
    let team = editions.named(version).await.team("default").unwrap();
    team[0].greeting.clone()
}

#[tokio::test]
async fn a_call_is_held_with_the_edition_that_it_names_else_with_the_current_one() {
    let pool = Pool::open().await;
    let editions = pool.editions(AgentsFrom::Store);
    let (old, new) = (pool.publish("Old.").await, pool.publish("New.").await);
    assert_eq!(
        greets(&editions, None).await,
        "Disk.",
        "nothing is read yet"
    );
    editions.catch_up().await.unwrap();
    assert_eq!(greets(&editions, None).await, "New.");
    assert_eq!(greets(&editions, Some(&old)).await, "Old.");
    assert_eq!(greets(&editions, Some(&new)).await, "New.");
    // A worker without the setting reads its own files, whatever is named.
    let other = Pool::open().await;
    let folder = other.editions(AgentsFrom::Folder);
    assert_eq!(greets(&folder, Some(&old)).await, "Disk.");
}

#[tokio::test]
async fn what_cannot_be_read_is_no_reason_for_silence() {
    let pool = Pool::open().await;
    let editions = pool.editions(AgentsFrom::Store);
    let unread = || metrics().calls.edition_unread.get();
    let before = unread();
    assert_eq!(greets(&editions, Some("0123")).await, "Disk.");
    let (old, other) = (pool.publish("Old.").await, pool.publish("New.").await);
    assert_eq!(greets(&editions, Some(&old)).await, "Old.");
    editions.catch_up().await.unwrap();
    pool.store.close().await;
    // What is in memory needs no database.
    assert_eq!(greets(&editions, Some(&old)).await, "Old.");
    assert_eq!(greets(&editions, Some(&other)).await, "New.");
    assert_eq!(greets(&editions, Some("0123")).await, "New.");
    assert!(unread() >= before + 2);
    assert!(editions.catch_up().await.is_err());
}

#[tokio::test]
async fn only_so_many_editions_are_kept_in_memory() {
    let pool = Pool::open().await;
    let editions = pool.editions(AgentsFrom::Store);
    for n in 0..KEPT + 2 {
        let greeting = format!("Number {n}.");
        let version = pool.publish(&greeting).await;
        assert_eq!(greets(&editions, Some(&version)).await, greeting);
    }
    assert_eq!(editions.kept.lock().await.len(), KEPT);
}
