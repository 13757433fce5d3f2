//! What is asked all the time costs no more in a database with a long history.

use std::time::Duration;

use sidetone_config::env::Database;
use sidetone_config::secret::Secret;
use sidetone_store::Store;
use sidetone_testkit::postgres::Postgres;
use sqlx::{Executor as _, PgPool};

use super::at;
use crate::support::eventually;

/// How often tables that grow were read from beginning to end, and how often by an index in all.
async fn reads(cluster: &Postgres) -> (Vec<(String, i64)>, i64) {
    const WHOLE: &str = "SELECT relname::text, seq_scan FROM pg_stat_user_tables WHERE relname IN \
         ('voice_calls', 'dispatches', 'webhook_events', 'call_rooms', 'call_participants') ORDER BY relname";
    const BY_INDEX: &str = "SELECT SUM(idx_scan)::bigint FROM pg_stat_user_tables";
    let pool = PgPool::connect(&cluster.url()).await.unwrap();
    let whole = sqlx::query_as(WHOLE).fetch_all(&pool).await.unwrap();
    let by_index = sqlx::query_scalar(BY_INDEX).fetch_one(&pool).await.unwrap();
    pool.close().await;
    (whole, by_index)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_all_the_time_reads_no_whole_table() {
    let cluster = Postgres::start();
    let database = Database::Postgres(Secret::new(cluster.url()));
    Store::open(&database).await.unwrap().close().await;
    let pool = PgPool::connect(&cluster.url()).await.unwrap();
    // A table this small would be read as a whole in any case: now only if no index helps.
    for sql in [
        "ALTER DATABASE postgres SET enable_seqscan = off",
        "INSERT INTO voice_calls (id, room_name, caller_id, call_type, status, ended_at, room_sid, \
         room_finished_at, created_at) SELECT gen_random_uuid(), 'old-' || i, 'ann', 'support', 'completed', \
         now(), 'RM_' || i, now(), now() FROM generate_series(1, 500) AS i",
        "INSERT INTO dispatches (room_name, call_id, state, attempts, metadata, asked_at, since) \
         SELECT room_name, id, 'ended', 1, '{}', now(), now() FROM voice_calls",
        "ANALYZE",
    ] {
        pool.execute(sql).await.unwrap();
    }
    pool.close().await;
    let (before, by_index) = reads(&cluster).await;

    let store = Store::connect(&database).await.unwrap();
    let (room, sid) = ("old-7", Some("RM_7"));
    // With every event of LiveKit's:
    assert_eq!(store.erased_call("RM_7", Some(room)).await.unwrap(), None);
    store.call_of(room, sid, Some("PA_7")).await.unwrap();
    store.call_in_room(room, None).await.unwrap();
    store.waiting_events(100).await.unwrap();
    store.agents_of_user("ann", room).await.unwrap();
    // In each round of a control plane:
    store.silent_agents(Duration::ZERO).await.unwrap();
    store.guarded_rooms().await.unwrap();
    store.rooms_left_since(at(0)).await.unwrap();
    store.awaited_since(at(0)).await.unwrap();
    store.places("sidetone", at(0)).await.unwrap();
    store.open_calls().await.unwrap();
    store.people_in_open_calls().await.unwrap();
    // Postgres adds up what a connection has read when that is closed.
    store.close().await;
    let after = eventually("the reads are counted", 10, || async {
        let (whole, now) = reads(&cluster).await;
        (now > by_index).then_some(whole)
    });
    assert_eq!(after.await, before);
}
