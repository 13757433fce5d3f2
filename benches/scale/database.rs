//! A database that is as full as that of a pool with so many open calls, and what is read of it after a measurement.

use std::time::Duration;

use sidetone::agent::presence::introduce;
use sidetone_store::workers::WorkerState;
use sidetone_store::{At, Store};
use sqlx::{AssertSqlSafe, Executor as _, PgPool, SqlitePool};
use uuid::Uuid;

use super::{PER_WORKER, began};

/// Calls that are over, with their events.
pub const EARLIER: u64 = 50_000;

/// A second way into the database, for what the store has no method for.
pub enum Sql {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs one expression on either pool.
macro_rules! on {
    ($sql:expr, |$pool:ident| $body:expr) => {
        match $sql {
            Sql::Sqlite($pool) => $body,
            Sql::Postgres($pool) => $body,
        }
    };
}

impl Sql {
    async fn run(&self, sql: String, at: At) {
        on!(self, |pool| {
            let done = sqlx::query(AssertSqlSafe(sql)).bind(at).execute(pool).await;
            done.map(|_| ()).unwrap();
        });
    }

    /// `calls` open calls, each with its caller, its agent and ten turns; [`EARLIER`] ones that are over; and the rows
    /// of the workers that hold the open ones. Returns the workers.
    pub async fn fill(&self, store: &Store, calls: usize) -> Vec<Uuid> {
        let mut workers = Vec::new();
        for _ in 0..calls.div_ceil(PER_WORKER) {
            let mut worker = introduce("sidetone", 2 * PER_WORKER);
            worker.state = WorkerState::Ready;
            worker.calls = PER_WORKER as i32;
            worker.seen_at += chrono::TimeDelta::days(1);
            store.worker_beat(&worker).await.unwrap();
            store.worker_lives(worker.id).await.unwrap();
            workers.push(worker.id);
        }
        let series = |name: &str, column: &str, count: u64| match self {
            Self::Sqlite(_) => format!(
                "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
                 SELECT i AS {column} FROM n) AS {name}"
            ),
            Self::Postgres(_) => format!("generate_series(1, {count}) AS {name}({column})"),
        };
        let id = |i: &str| match self {
            Self::Sqlite(_) => format!("unhex(printf('%032x', {i}))"),
            Self::Postgres(_) => format!("lpad(to_hex({i}), 32, '0')::uuid"),
        };
        let (open, old) = (series("n", "i", calls as u64), series("n", "i", EARLIER));
        let turns = series("t", "j", 10);
        let (now, before) = (id("i"), id("1000000 + i"));
        let prompt = "You are friendly. ".repeat(100);
        let worker = format!(
            "(SELECT id FROM workers ORDER BY id LIMIT 1 OFFSET i % {})",
            workers.len()
        );
        for sql in [
            format!(
                "INSERT INTO voice_calls (id, room_name, caller_id, call_type, status, started_at, \
                 connected_at, room_sid, transcript, created_at) SELECT {now}, 'open-' || i, \
                 'user' || i, 'support', 'connected', $1, $1, 'RM_open-' || i, \
                 'user: Where is my parcel?', $1 FROM {open}"
            ),
            format!(
                "INSERT INTO call_rooms (call_id, room_sid, opened_at) \
                 SELECT {now}, 'RM_open-' || i, $1 FROM {open}"
            ),
            participants(&now, &open, "user"),
            participants(&now, &open, "agent"),
            format!(
                "INSERT INTO call_turns (call_id, turn_id, speaker, text, started_at, ended_at) \
                 SELECT {now}, 'turn-' || j, 'user', 'Where is my parcel? It should have come on Friday.', \
                 $1, $1 FROM {open} CROSS JOIN {turns}"
            ),
            format!(
                "INSERT INTO dispatches (room_name, call_id, state, attempts, dispatch_id, worker_id, \
                 agent_identity, metadata, asked_at, since, epoch, worker) SELECT 'open-' || i, {now}, \
                 'joined', 1, 'AD_' || i, 'AW_1', 'agent-open-' || i, \
                 '{{\"systemPrompt\": \"{prompt}\"}}', $1, $1, 1, {worker} FROM {open}"
            ),
            format!(
                "INSERT INTO voice_calls (id, room_name, caller_id, call_type, status, started_at, \
                 connected_at, ended_at, duration_seconds, room_sid, room_finished_at, created_at) \
                 SELECT {before}, 'old-' || i, 'user' || i, 'support', 'completed', $1, $1, $1, 98, \
                 'RM_old-' || i, $1, $1 FROM {old}"
            ),
            format!(
                "INSERT INTO dispatches (room_name, call_id, state, attempts, metadata, asked_at, \
                 since, epoch) SELECT 'old-' || i, {before}, 'ended', 1, \
                 '{{\"systemPrompt\": \"{prompt}\"}}', $1, $1, 1 FROM {old}"
            ),
            format!(
                "INSERT INTO webhook_events (id, event, room_name, payload, occurred_at, received_at, \
                 processed_at, attempts, call_id) SELECT 'EV_old-' || i, 'participant_joined', \
                 'old-' || i, '{{\"participant\": {{\"identity\": \"ann\"}}}}', $1, $1, $1, 1, {before} \
                 FROM {old}"
            ),
        ] {
            // Calls that are over are so for an hour.
            let age = if sql.contains("'old-'") { 3_600 } else { 0 };
            self.run(sql, began() - chrono::TimeDelta::seconds(age))
                .await;
        }
        let analyse = match self {
            Self::Sqlite(_) => "ANALYZE",
            Self::Postgres(_) => "VACUUM ANALYZE",
        };
        on!(self, |pool| pool
            .execute(analyse)
            .await
            .map(|_| ())
            .unwrap());
        workers
    }

    /// How long each event with this beginning of its id took from its acceptance until it was acted on.
    pub async fn lags(&self, ids: &str) -> Vec<Duration> {
        const SELECT: &str = "SELECT received_at, processed_at FROM webhook_events \
             WHERE id LIKE $1 || '%' AND processed_at IS NOT NULL";
        let times: Vec<(At, At)> = on!(self, |pool| sqlx::query_as(SELECT)
            .bind(ids)
            .fetch_all(pool)
            .await
            .unwrap());
        let lag = |(received, processed): (At, At)| (processed - received).to_std();
        times
            .into_iter()
            .map(|times| lag(times).unwrap_or_default())
            .collect()
    }

    pub async fn close(self) {
        on!(self, |pool| pool.close().await);
    }
}

fn participants(id: &str, series: &str, kind: &str) -> String {
    format!(
        "INSERT INTO call_participants (call_id, user_id, participant_name, joined_at, \
         participant_sid, kind) SELECT {id}, '{kind}-open-' || i, 'Ann', $1, \
         'PA_{kind}_open-' || i, '{kind}' FROM {series}"
    )
}
