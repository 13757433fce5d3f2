//! History over a million calls, on SQLite and on a real Postgres: how long a page takes, and the query plans. `make
//! bench-history`, or `cargo bench --profile dev --bench history -- --calls 100000`.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::time::{Duration, Instant};

use sidetone_config::env::Database;
use sidetone_config::secret::Secret;
use sidetone_store::history::HistoryFilter;
use sidetone_store::{CallStatus, CallType, Store};
use sidetone_testkit::postgres::Postgres;
use sqlx::{AssertSqlSafe, Executor as _, PgPool, SqlitePool};

const ROUNDS: usize = 15;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip_while(|arg| arg != "--calls").skip(1);
    let calls: u64 = args.next().map_or(1_000_000, |n| n.parse().unwrap());

    let folder = std::env::temp_dir().join(format!("sidetone-bench-{}", std::process::id()));
    let database = Database::Sqlite(folder.join("bench.db"));
    let store = Store::open(&database).await.unwrap();
    let pool = SqlitePool::connect(&format!("sqlite:{}/bench.db", folder.display()))
        .await
        .unwrap();
    pool.execute(AssertSqlSafe(format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {calls}) \
         INSERT INTO voice_calls (id, room_name, caller_id, callee_id, call_type, status, \
         started_at, connected_at, ended_at, duration_seconds, transcript, created_at) \
         SELECT randomblob(16), 'support-user' || (i % 10000) || '-' || i, 'user' || (i % 10000), \
         CASE WHEN i % 5 = 0 THEN 'user' || (i % 777) END, \
         CASE WHEN i % 5 = 0 THEN 'user-to-user' ELSE 'support' END, \
         CASE WHEN i % 20 = 0 THEN 'missed' WHEN i % 33 = 0 THEN 'failed' ELSE 'completed' END, \
         strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + i * 20, 'unixepoch') || '+00:00', \
         strftime('%Y-%m-%dT%H:%M:%S', 1700000002 + i * 20, 'unixepoch') || '+00:00', \
         strftime('%Y-%m-%dT%H:%M:%S', 1700000100 + i * 20, 'unixepoch') || '+00:00', 98, \
         'user: Where is my parcel ' || i || '?', \
         strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + i * 20, 'unixepoch') || '+00:00' FROM n"
    )))
    .await
    .unwrap();
    for (kind, user) in [("user", "caller_id"), ("agent", "'agent-' || hex(id)")] {
        pool.execute(AssertSqlSafe(participants(kind, user)))
            .await
            .unwrap();
    }
    pool.execute("ANALYZE").await.unwrap();
    measure(&store, calls).await;
    for sql in PLANS {
        let rows: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(&pool)
                .await
                .unwrap();
        println!("  {sql}");
        rows.iter().for_each(|row| println!("    {}", row.3));
    }
    store.close().await;
    pool.close().await;
    std::fs::remove_dir_all(folder).unwrap();

    let cluster = Postgres::start();
    let store = Store::open(&Database::Postgres(Secret::new(cluster.url())))
        .await
        .unwrap();
    let pool = PgPool::connect(&cluster.url()).await.unwrap();
    pool.execute(AssertSqlSafe(format!(
        "INSERT INTO voice_calls (id, room_name, caller_id, callee_id, call_type, status, \
         started_at, connected_at, ended_at, duration_seconds, transcript, created_at) \
         SELECT gen_random_uuid(), 'support-user' || (i % 10000) || '-' || i, 'user' || (i % 10000), \
         CASE WHEN i % 5 = 0 THEN 'user' || (i % 777) END, \
         CASE WHEN i % 5 = 0 THEN 'user-to-user' ELSE 'support' END, \
         CASE WHEN i % 20 = 0 THEN 'missed' WHEN i % 33 = 0 THEN 'failed' ELSE 'completed' END, \
         to_timestamp(1700000000 + i * 20), to_timestamp(1700000002 + i * 20), \
         to_timestamp(1700000100 + i * 20), 98, 'user: Where is my parcel ' || i || '?', \
         to_timestamp(1700000000 + i * 20) FROM generate_series(1, {calls}) AS i"
    )))
    .await
    .unwrap();
    for (kind, user) in [("user", "caller_id"), ("agent", "'agent-' || id")] {
        pool.execute(AssertSqlSafe(participants(kind, user)))
            .await
            .unwrap();
    }
    pool.execute("VACUUM ANALYZE").await.unwrap();
    measure(&store, calls).await;
    for sql in PLANS {
        let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN {sql}")))
            .fetch_all(&pool)
            .await
            .unwrap();
        println!("  {sql}");
        rows.iter().for_each(|row| println!("    {}", row.0));
    }
    store.close().await;
    pool.close().await;
}

/// What `Store::history` and `Store::stats` send, with their values filled in.
const PLANS: [&str; 5] = [
    "SELECT * FROM voice_calls WHERE TRUE ORDER BY created_at DESC, id DESC LIMIT 21 OFFSET 0",
    "SELECT COUNT(*) FROM (SELECT 1 FROM voice_calls WHERE TRUE LIMIT 10001) AS counted",
    "SELECT * FROM voice_calls WHERE TRUE AND status = 'failed' ORDER BY created_at DESC, id DESC \
     LIMIT 21 OFFSET 0",
    "SELECT * FROM voice_calls WHERE TRUE AND deleted_at IS NULL AND id IN (SELECT id FROM voice_calls \
     WHERE caller_id = 'user42' UNION SELECT id FROM voice_calls WHERE callee_id = 'user42' UNION SELECT \
     call_id FROM call_participants WHERE user_id = 'user42') ORDER BY created_at DESC, id DESC LIMIT 21 \
     OFFSET 0",
    "SELECT status, call_type, COUNT(*), COUNT(connected_at), SUM(duration_seconds) FROM \
     voice_calls WHERE TRUE GROUP BY status, call_type",
];

/// One participant of this kind in each call; `user` is SQL.
fn participants(kind: &str, user: &str) -> String {
    format!(
        "INSERT INTO call_participants (call_id, user_id, participant_name, joined_at, \
         participant_sid, kind) SELECT id, {user}, 'Ann', started_at, 'PA_{kind}', '{kind}' \
         FROM voice_calls"
    )
}

async fn measure(store: &Store, calls: u64) {
    println!(
        "{} with {calls} calls, median and worst of {ROUNDS}:",
        store.kind()
    );
    let all = HistoryFilter::default();
    let user = HistoryFilter {
        user_id: Some("user42".into()),
        ..all.clone()
    };
    let failed = HistoryFilter {
        status: Some(CallStatus::Failed),
        ..all.clone()
    };
    let support = HistoryFilter {
        call_type: Some(CallType::Support),
        ..all.clone()
    };
    let week = HistoryFilter {
        from: chrono::DateTime::from_timestamp(1_700_000_000 + calls as i64 * 20 - 604_800, 0),
        ..all.clone()
    };
    let (word, nothing) = (said("parcel 9999"), said("no such words"));
    let mine = HistoryFilter {
        text: Some("no such words".into()),
        ..user.clone()
    };
    for (name, filter, offset) in [
        ("everybody's, first page", &all, 0),
        ("everybody's, page 100", &all, 1_980),
        ("one user's", &user, 0),
        ("failed calls", &failed, 0),
        ("support calls", &support, 0),
        ("last week's", &week, 0),
        ("one user's, by words", &mine, 0),
        ("everybody's, by words", &word, 0),
        ("everybody's, no such words", &nothing, 0),
    ] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let start = now();
            let page = store.history(filter, 20, offset).await.unwrap();
            times.push(now() - start);
            assert!(page.calls.len() == 20 || filter.text.is_some());
        }
        times.sort();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "  {name:<26} {:7.2} ms {:7.2} ms",
            ms(times[ROUNDS / 2]),
            ms(times[ROUNDS - 1])
        );
    }
    for (name, filter) in [
        ("statistics, everybody", &all),
        ("statistics, one user", &user),
    ] {
        let start = now();
        store.stats(filter).await.unwrap();
        println!(
            "  {name:<26} {:7.2} ms",
            (now() - start).as_secs_f64() * 1e3
        );
    }
}

fn said(words: &str) -> HistoryFilter {
    HistoryFilter {
        text: Some(words.into()),
        ..HistoryFilter::default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock"
)]
fn now() -> Instant {
    Instant::now()
}
