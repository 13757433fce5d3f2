//! The worker processes that share this store: each regularly reports its state by writing its row, and reads back
//! whether it is asked to drain. So any control plane sees and drains any worker, on any machine.

use std::time::Duration;

use uuid::Uuid;

use super::{At, Json, Store, StoreError, on};
use sidetone_base::metrics::recent::Recent;
use sidetone_base::text_enum;

/// A worker that was not heard from for this long counts as lost: six reports, plus what two machines' clocks may
/// differ.
pub const LOST_AFTER: Duration = Duration::from_secs(20);

text_enum! {
    /// The state of a worker process.
    WorkerState {
        /// Not registered with LiveKit, or no longer.
        Connecting = "connecting",
        /// Takes jobs.
        Ready = "ready",
        /// Takes no more jobs, but still has calls.
        Draining = "draining",
        /// Takes no more jobs and has no calls.
        Drained = "drained",
    }
}

/// A worker process, as it last reported itself.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerRow {
    /// The id of this process, not of the machine: a new one after each restart.
    pub id: Uuid,
    /// The machine's name.
    pub host: String,
    /// The name under which it is dispatched.
    pub agent_name: String,
    /// Sidetone's version.
    pub version: String,
    /// LiveKit's id of the worker, `AW_…`, while it is registered.
    pub livekit_id: Option<String>,
    /// Its state.
    pub state: WorkerState,
    /// Its load, 0 to 1.
    pub load: f32,
    /// The number of its calls.
    pub calls: i32,
    /// How many calls it takes at most.
    pub max_calls: i32,
    /// When the process started.
    pub started_at: At,
    /// When it last reported, by its own clock.
    pub seen_at: At,
    /// When it was first asked to drain.
    pub drain_requested_at: Option<At>,
    /// While it drains: when the last of its calls is ended.
    pub drain_until: Option<At>,
    /// Recent measurements. `None` from an older version.
    pub recent: Option<Json<Recent>>,
    /// The version of the edition that its next call is held with, if no other is named. `None` if it reads its disk.
    pub edition: Option<String>,
}

super::from_row!(WorkerRow {
    id,
    host,
    agent_name,
    version,
    livekit_id,
    state: text,
    load,
    calls,
    max_calls,
    started_at,
    seen_at,
    drain_requested_at,
    drain_until,
    recent,
    edition,
});

impl Store {
    /// Writes a worker's row, except the request to drain, which others write, and returns that request.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn worker_beat(&self, row: &WorkerRow) -> Result<Option<At>, StoreError> {
        const UPSERT: &str = "INSERT INTO workers (id, host, agent_name, version, livekit_id, \
             state, load, calls, max_calls, started_at, seen_at, drain_until, recent, edition) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
             ON CONFLICT (id) DO UPDATE SET livekit_id = excluded.livekit_id, \
             state = excluded.state, load = excluded.load, calls = excluded.calls, \
             seen_at = excluded.seen_at, drain_until = excluded.drain_until, \
             recent = excluded.recent, edition = excluded.edition RETURNING drain_requested_at";
        Ok(on!(self, |pool| sqlx::query_scalar(UPSERT)
            .bind(row.id)
            .bind(&row.host)
            .bind(&row.agent_name)
            .bind(&row.version)
            .bind(&row.livekit_id)
            .bind(row.state.as_str())
            .bind(row.load)
            .bind(row.calls)
            .bind(row.max_calls)
            .bind(row.started_at)
            .bind(row.seen_at)
            .bind(row.drain_until)
            .bind(&row.recent)
            .bind(&row.edition)
            .fetch_one(pool)
            .await?))
    }

    /// All workers that have a row, oldest first, at most 500.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        const SELECT: &str = "SELECT * FROM workers ORDER BY started_at, id LIMIT 500";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }

    /// Asks a worker to drain, once: later requests change nothing. Returns false if there is no such worker.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn request_drain(&self, id: Uuid, at: At) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE workers SET \
             drain_requested_at = COALESCE(drain_requested_at, $2) WHERE id = $1";
        Ok(on!(self, |pool| sqlx::query(UPDATE)
            .bind(id)
            .bind(at)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }

    /// Deletes the row of a worker that has ended.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn worker_gone(&self, id: Uuid) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM workers WHERE id = $1";
        on!(self, |pool| sqlx::query(DELETE)
            .bind(id)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Deletes the rows of workers that were last heard from before `before`.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn forget_workers(&self, before: At) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM workers WHERE seen_at < $1";
        on!(self, |pool| sqlx::query(DELETE)
            .bind(before)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }
}
