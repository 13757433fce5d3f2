//! Editions: which one is current, which one a call is held with, and which ones are kept.

use std::collections::BTreeMap;

use sidetone_config::edition::Edition;
use sidetone_store::editions::Published;
use sidetone_store::tools::HeldBy;
use sidetone_store::{CallType, Fact, Store};
use tokio::join;
use uuid::Uuid;

use super::{at, new_call};

const CALLER: &str = "edition";

fn edition(greeting: &str) -> Edition {
    let files = [
        ("default.toml", format!("greeting = {greeting:?}")),
        ("../prompts/support.md", "Be kind.\0".into()),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes().into()));
    Edition::new(BTreeMap::from(files)).unwrap()
}

async fn publish(store: &Store, edition: &Edition, by: &str) -> Published {
    store.publish_edition(edition, by).await.unwrap()
}

/// A new call's id.
async fn call(store: &Store, n: i64) -> Uuid {
    let new = new_call(n, CALLER, CallType::Support);
    store.create_call(&new).await.unwrap().id
}

async fn current(store: &Store) -> Option<String> {
    store.current_edition().await.unwrap()
}

fn version(edition: &Edition) -> Option<String> {
    Some(edition.version().to_owned())
}

pub async fn who_publishes_last_wins(store: &Store) {
    assert_eq!(current(store).await, None);
    assert_eq!(store.edition_for_call(None).await.unwrap(), None);
    let (old, new) = (edition("Hello!"), edition("Good day!"));
    // Control planes that start with the same files publish one edition, and the first of them did.
    let (one, two) = join!(
        store.publish_edition(&old, "one"),
        store.publish_edition(&old, "two")
    );
    let mut both = [one.unwrap(), two.unwrap()];
    both.sort_by_key(|published| *published != Published::Current);
    assert_eq!(both, [Published::Current, Published::Already]);
    assert_eq!(store.editions().await.unwrap().len(), 1);
    assert_eq!(
        store.edition(old.version()).await.unwrap(),
        Some(old.clone())
    );
    assert_eq!(store.edition(new.version()).await.unwrap(), None);

    assert_eq!(publish(store, &new, "two").await, Published::Current);
    assert_eq!(current(store).await, version(&new));
    // The older files again are the older edition again, with nothing stored twice.
    assert_eq!(publish(store, &old, "three").await, Published::Current);
    assert_eq!(current(store).await, version(&old));
    let rows = store.editions().await.unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (row.version.as_str(), row.published_by.as_str(), row.files))
        .collect();
    assert_eq!(
        shown,
        [(old.version(), "three", 2), (new.version(), "two", 2)]
    );
    let bytes: usize = old.files().values().map(|content| content.len()).sum();
    assert_eq!(rows[0].bytes, bytes as i64);
}

/// Comes after [`who_publishes_last_wins`].
pub async fn an_edition_can_be_held(store: &Store) {
    let (old, new, newest) = (
        edition("Hello!"),
        edition("Good day!"),
        edition("Good evening!"),
    );
    assert!(!store.hold_edition(Some("none")).await.unwrap());
    assert_eq!(current(store).await, version(&old));
    assert!(store.hold_edition(Some(new.version())).await.unwrap());
    assert_eq!(current(store).await, version(&new));
    for again in [&newest, &newest, &old] {
        assert_eq!(publish(store, again, "one").await, Published::Waiting);
    }
    let first = &store.editions().await.unwrap()[0];
    assert_eq!(
        (first.version.as_str(), first.held_at.is_some()),
        (new.version(), true)
    );
    // Another one is held instead, and then none.
    assert!(store.hold_edition(Some(newest.version())).await.unwrap());
    assert_eq!(current(store).await, version(&newest));
    assert!(store.hold_edition(None).await.unwrap());
    assert_eq!(current(store).await, version(&old));
    let rows = store.editions().await.unwrap();
    assert!(rows.iter().all(|row| row.held_at.is_none()), "{rows:?}");
}

/// Comes after [`who_publishes_last_wins`].
pub async fn a_call_keeps_its_edition(store: &Store) {
    let (old, new) = (edition("Hello!"), edition("Good day!"));
    publish(store, &old, "one").await;
    let (first, second) = (call(store, 80).await, call(store, 81).await);
    let of = async |id| store.edition_for_call(Some(id)).await.unwrap();
    assert_eq!(of(first).await, version(&old));
    publish(store, &new, "one").await;
    // An agent that takes the first call over is told the same as the one before.
    assert_eq!(of(first).await, version(&old));
    assert_eq!(of(second).await, version(&new));
    assert_eq!(
        of(Uuid::from_u128(0xed)).await,
        version(&new),
        "no such call"
    );
    // What a worker holds it with counts, also where that was another.
    let by = HeldBy {
        agent: "default".into(),
        agent_version: "0123456789ab".into(),
        variant: None,
        edition: None,
    };
    store.agent_of_call(second, &by).await.unwrap();
    assert_eq!(store.version_of_call(second).await.unwrap(), Some(by));
}

/// Comes after [`a_call_keeps_its_edition`].
pub async fn old_editions_go_unless_calls_of_the_last_day_were_held_with_them(store: &Store) {
    let (old, new) = (edition("Hello!"), edition("Good day!"));
    let numbered = |n: usize| edition(&format!("Number {n}."));
    let is_there = async |edition: &Edition| {
        let found = store.edition(edition.version()).await.unwrap();
        found.is_some()
    };
    publish(store, &numbered(0), "one").await;
    let third = call(store, 82).await;
    store.edition_for_call(Some(third)).await.unwrap();
    let over = [
        Fact::RoomStarted(at(1)),
        Fact::RoomFinished(sidetone_store::now()),
    ];
    store.observe(third, None, &over).await.unwrap();
    for n in 1..25 {
        publish(store, &numbered(n), "one").await;
    }
    // One call that goes on was held with the old edition, one that has just ended with the first of those after it.
    let there = [&old, &new, &numbered(0), &numbered(1), &numbered(5)];
    let mut found = Vec::new();
    for edition in there {
        found.push(is_there(edition).await);
    }
    assert_eq!(found, [true, false, true, false, true]);
    assert_eq!(store.editions().await.unwrap().len(), 22);
    let first = new_call(80, CALLER, CallType::Support).id;
    let over = [Fact::RoomStarted(at(1)), Fact::RoomFinished(at(2))];
    store.observe(first, None, &over).await.unwrap();
    publish(store, &numbered(25), "one").await;
    assert_eq!(
        (is_there(&old).await, is_there(&numbered(0)).await),
        (false, true)
    );
}
