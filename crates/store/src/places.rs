//! Whether the pool has room for another call, by its workers' own latest reports.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::types::Json;

use super::dispatches::WANT;
use super::turnstile::Turnstile as _;
use super::workers::{LOST_AFTER, WorkerRow, WorkerState};
use super::{At, DispatchMetadata, Store, StoreError, in_transaction, on};

/// LiveKit does not pick a worker at this load or above.
const LOADED: f32 = 0.7;
/// For how long after its dispatch an agent may still be about to take a place; later it either has one or never came.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(5);
/// How many of the latest calls the usual length of a call is averaged over.
const RECENT: i64 = 100;
/// The length assumed if no call has ended.
const USUAL: Duration = Duration::from_secs(120);
/// From a request to drain to the end of the worker, by the default drain time.
const DRAIN: Duration = Duration::from_secs(600);

/// The workers of one name, and the agents on their way to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    /// The workers.
    pub workers: Vec<WorkerRow>,
    /// Agents that were dispatched just now and that no worker reports yet.
    pub asked: usize,
    /// The time by the clock that the workers tell their own by, the database's.
    pub at: At,
}

/// Why there is no room for another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// No worker is running, or none that was heard from lately.
    Nobody,
    /// Each worker holds as many calls as it may: this many in all.
    Calls(usize),
    /// Each worker with a free place has too much load.
    Load,
    /// All are draining; the first of them ends at this time at the latest, if known.
    Draining(Option<At>),
}

impl Places {
    /// How many more calls the pool takes; at least 1.
    ///
    /// # Errors
    /// Why it takes none.
    pub fn room(&self) -> Result<usize, Full> {
        let lost = TimeDelta::from_std(LOST_AFTER).unwrap_or(TimeDelta::MAX);
        let alive = |worker: &&WorkerRow| worker.seen_at + lost >= self.at;
        let drains = |worker: &&WorkerRow| {
            worker.drain_requested_at.is_some()
                || matches!(worker.state, WorkerState::Draining | WorkerState::Drained)
        };
        let workers: Vec<&WorkerRow> = self.workers.iter().filter(alive).collect();
        let ready: Vec<&WorkerRow> = workers
            .iter()
            .filter(|worker| !drains(worker) && worker.state == WorkerState::Ready)
            .copied()
            .collect();
        let places = |worker: &&WorkerRow| usize::try_from(worker.max_calls - worker.calls);
        let free = |workers: &[&WorkerRow]| -> usize {
            workers
                .iter()
                .filter_map(|worker| places(worker).ok())
                .sum()
        };
        let able: Vec<&WorkerRow> = ready
            .iter()
            .filter(|worker| worker.load < LOADED)
            .copied()
            .collect();
        match free(&able).checked_sub(self.asked) {
            Some(room) if room > 0 => return Ok(room),
            _ => {}
        }
        if !ready.is_empty() {
            let calls = ready.iter().map(|worker| worker.calls);
            let calls: usize = calls.filter_map(|calls| usize::try_from(calls).ok()).sum();
            // Each dispatched agent takes a place, whichever worker holds it.
            let is_loaded = able.len() < ready.len() && free(&ready) > self.asked;
            return Err(if is_loaded {
                Full::Load
            } else {
                Full::Calls(self.asked + calls)
            });
        }
        let draining = workers.iter().filter(|worker| drains(worker));
        let ends: Vec<Option<At>> = draining
            .map(|worker| Some(worker.drain_requested_at? + TimeDelta::from_std(DRAIN).ok()?))
            .collect();
        match ends.is_empty() {
            true => Err(Full::Nobody),
            false => Err(Full::Draining(ends.into_iter().flatten().min())),
        }
    }
}

impl Full {
    /// After how many seconds a retry makes sense, if a call usually lasts this long.
    pub fn retry_after(self, lasts: Duration, now: At) -> u32 {
        let lasts = u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX);
        match self {
            // A worker is being restarted, or another one started.
            Self::Nobody => 10,
            // With this many calls under way, the first ends after that fraction of a call's length.
            Self::Calls(calls) => {
                let calls = u32::try_from(calls).unwrap_or(u32::MAX).max(1);
                (lasts / calls).clamp(2, 120)
            }
            Self::Load => 5,
            Self::Draining(ends) => {
                let left = ends.map(|ends| (ends - now).num_seconds().max(0));
                let left = left.map_or(lasts, |left| u32::try_from(left).unwrap_or(u32::MAX));
                left.min(lasts).clamp(5, 600)
            }
        }
    }
}

/// The outcome of [`Store::want_agent_if_free`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// An agent is to be dispatched.
    Noted,
    /// An agent is already dispatched or in the room, or the call was erased.
    Already,
    /// No worker could take the call, and nothing was recorded.
    Full(Full),
}

const WORKERS: &str = "SELECT * FROM workers WHERE agent_name = $1 LIMIT 500";
const ASKED: &str = "SELECT COUNT(*) FROM dispatches \
     WHERE state = 'asked' AND agent_identity IS NULL AND since > $1";

impl Store {
    /// The workers of this name, and the agents on their way to them.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn places(&self, agent_name: &str, now: At) -> Result<Places, StoreError> {
        let at = self.database_now().await?;
        let (workers, asked): (Vec<WorkerRow>, i64) = on!(self, |pool| (
            sqlx::query_as(WORKERS)
                .bind(agent_name)
                .fetch_all(pool)
                .await?,
            sqlx::query_scalar(ASKED)
                .bind(now - ON_ITS_WAY)
                .fetch_one(pool)
                .await?,
        ));
        let asked = usize::try_from(asked).unwrap_or_default();
        Ok(Places { workers, asked, at })
    }

    /// Like [`Store::want_agent`], if a worker of this name could take the call; simultaneous requests are counted one
    /// after the other.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn want_agent_if_free(
        &self,
        room_name: &str,
        metadata: &DispatchMetadata,
        agent_name: &str,
        at: At,
    ) -> Result<Wish, StoreError> {
        const LIVE: &str = "SELECT COUNT(*) FROM dispatches \
             WHERE room_name = $1 AND state IN ('asked', 'joined')";
        let told_at = self.database_now().await?;
        Ok(in_transaction!(self, |tx| {
            tx.pass("places of the pool").await?;
            let live: i64 = sqlx::query_scalar(LIVE)
                .bind(room_name)
                .fetch_one(&mut *tx)
                .await?;
            let workers = sqlx::query_as(WORKERS)
                .bind(agent_name)
                .fetch_all(&mut *tx)
                .await?;
            let asked: i64 = sqlx::query_scalar(ASKED)
                .bind(at - ON_ITS_WAY)
                .fetch_one(&mut *tx)
                .await?;
            let asked = usize::try_from(asked).unwrap_or_default();
            let places = Places {
                workers,
                asked,
                at: told_at,
            };
            match places.room() {
                _ if live > 0 => Wish::Already,
                Err(full) => Wish::Full(full),
                Ok(_) => {
                    let rows = sqlx::query(WANT)
                        .bind(room_name)
                        .bind(metadata.call_id)
                        .bind(Json(metadata))
                        .bind(at)
                        .execute(&mut *tx)
                        .await?
                        .rows_affected();
                    if rows > 0 { Wish::Noted } else { Wish::Already }
                }
            }
        }))
    }

    /// The average length of the calls that ended last.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn calls_last(&self) -> Result<Duration, StoreError> {
        const SELECT: &str = "SELECT CAST(AVG(duration_seconds) AS DOUBLE PRECISION) FROM ( \
             SELECT duration_seconds FROM voice_calls WHERE ended_at IS NOT NULL \
             AND duration_seconds IS NOT NULL ORDER BY ended_at DESC LIMIT $1) AS recent";
        let seconds: Option<f64> = on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(RECENT)
            .fetch_one(pool)
            .await?);
        let known = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(known.unwrap_or(USUAL))
    }
}

#[cfg(test)]
mod tests;
