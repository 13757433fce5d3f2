//! What the database does not accept waits on disk: with a real SQLite that is locked by another process, and a real
//! Postgres that is unavailable for some seconds.

pub mod stage;

use std::time::Duration;

use sidetone::agent::spool::{Spool, Writer, upkeep};
use sidetone_base::clock;
use sidetone_config::env::Database;
use sidetone_config::secret::Secret;
use sidetone_store::Store;
use sidetone_testkit::postgres::Postgres;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use stage::{is_whole, lock, new_call, on_sqlite, turn, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_on_time_and_another_process_delivers_its_record_once() {
    let data = tempfile::tempdir().unwrap();
    let store = on_sqlite(data.path()).await;
    let call = new_call(&store).await;
    let other = lock(&data.path().join("sidetone.db")).await;

    let mut writer = Writer::new(store.clone(), Spool::new(data.path()), call);
    let began = clock::now();
    write(&mut writer).await;
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    writer.end().await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );

    // Another process, on the same data folder; the database is unavailable for it, too.
    let spool = Spool::new(data.path());
    let files = spool.files().unwrap();
    assert_eq!(files.len(), 1);
    upkeep::pass(&spool, &store).await.unwrap_err();
    assert_eq!(spool.files().unwrap(), files);
    let kept = std::fs::read(&files[0].path).unwrap();
    drop(other);
    upkeep::pass(&spool, &store).await.unwrap();
    assert!(is_whole(&store, call).await);
    assert_eq!(spool.files().unwrap(), []);

    // A process that was killed before it deleted the file: everything is written again.
    let mut cut_short = kept.clone();
    cut_short.extend(&kept[..40]);
    std::fs::write(&files[0].path, cut_short).unwrap();
    upkeep::pass(&spool, &store).await.unwrap();
    assert!(is_whole(&store, call).await);
    assert_eq!(spool.files().unwrap(), []);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_had_taken_is_delivered() {
    let data = tempfile::tempdir().unwrap();
    let store = on_sqlite(data.path()).await;
    let call = new_call(&store).await;
    let spool = Spool::new(data.path());
    let mut writer = Writer::new(store.clone(), spool.clone(), call);
    write(&mut writer).await;
    upkeep::pass(&spool, &store).await.unwrap();
    assert_eq!(spool.files().unwrap().len(), 1, "its writer lives");
    // As after a kill: the lock is gone, the file stays.
    drop(writer);
    upkeep::pass(&spool, &store).await.unwrap();
    assert!(is_whole(&store, call).await);
    assert_eq!(spool.files().unwrap(), []);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_on_disk_that_the_database_has_or_no_call_wants() {
    let data = tempfile::tempdir().unwrap();
    let store = on_sqlite(data.path()).await;
    let call = new_call(&store).await;
    let spool = Spool::new(data.path());
    let mut writer = Writer::new(store.clone(), spool.clone(), call);
    write(&mut writer).await;
    let file = spool.files().unwrap().remove(0);
    let emptied = async {
        while std::fs::metadata(&file.path).unwrap().len() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let emptied = tokio::time::timeout(Duration::from_secs(20), emptied);
    writer
        .until(emptied)
        .await
        .expect("emptied while the call goes on");
    assert!(is_whole(&store, call).await);
    writer.end().await;
    assert_eq!(spool.files().unwrap(), []);

    // A call without a row.
    let nobodys = Uuid::now_v7();
    let mut writer = Writer::new(store.clone(), spool.clone(), nobodys);
    write(&mut writer).await;
    drop(writer);
    upkeep::pass(&spool, &store).await.unwrap();
    assert_eq!(spool.files().unwrap(), []);
    assert_eq!(store.turns(nobodys).await.unwrap(), []);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_costs_no_record_while_the_database_does() {
    let data = tempfile::tempdir().unwrap();
    let store = on_sqlite(data.path()).await;
    let call = new_call(&store).await;
    std::fs::write(data.path().join("spool"), "no folder").unwrap();
    let mut writer = Writer::new(store.clone(), Spool::new(data.path()), call);
    write(&mut writer).await;
    writer.end().await;
    assert!(is_whole(&store, call).await);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_way_catches_up_when_the_database_is_back() {
    let data = tempfile::tempdir().unwrap();
    let store = on_sqlite(data.path()).await;
    let call = new_call(&store).await;
    let other = lock(&data.path().join("sidetone.db")).await;
    let spool = Spool::new(data.path());
    let mut writer = Writer::new(store.clone(), spool.clone(), call);
    write(&mut writer).await;
    writer
        .until(tokio::time::sleep(Duration::from_secs(3)))
        .await;
    assert_eq!(store.turns(call).await.unwrap(), []);
    drop(other);
    let whole = async {
        while !is_whole(&store, call).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let whole = tokio::time::timeout(Duration::from_secs(30), whole);
    writer
        .until(whole)
        .await
        .expect("stored while the call goes on");
    writer.end().await;
    assert_eq!(spool.files().unwrap(), []);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_delivers_when_postgres_is_back() {
    let data = tempfile::tempdir().unwrap();
    let mut postgres = Postgres::start();
    let database = Database::Postgres(Secret::new(postgres.url()));
    let store = Store::open(&database).await.unwrap();
    let call = new_call(&store).await;
    postgres.stop();
    let spool = Spool::new(data.path());
    let stop = CancellationToken::new();
    let upkeep = tokio::spawn(upkeep::run(spool.clone(), store.clone(), stop.clone()));
    let mut writer = Writer::new(store.clone(), spool.clone(), call);
    write(&mut writer).await;
    writer
        .until(tokio::time::sleep(Duration::from_secs(3)))
        .await;
    let began = clock::now();
    writer.end().await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(spool.files().unwrap().len(), 1);
    postgres.start_again();
    let delivered = async {
        while !spool.files().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), delivered)
        .await
        .expect("delivered");
    assert!(is_whole(&store, call).await);
    stop.cancel();
    upkeep.await.unwrap();
    store.close().await;
}

/// A value that the database will never accept must not delay the others.
#[tokio::test(flavor = "multi_thread")]
async fn what_postgres_refuses_is_dropped_and_the_rest_is_stored() {
    let data = tempfile::tempdir().unwrap();
    let postgres = Postgres::start();
    let database = Database::Postgres(Secret::new(postgres.url()));
    let store = Store::open(&database).await.unwrap();
    let call = new_call(&store).await;
    let spool = Spool::new(data.path());
    let mut writer = Writer::new(store.clone(), spool.clone(), call);
    writer.take(turn(9, "U+0000: \0")).await;
    write(&mut writer).await;
    writer.end().await;
    assert!(is_whole(&store, call).await);
    assert_eq!(spool.files().unwrap(), []);
    store.close().await;
}
