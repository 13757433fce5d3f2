//! Takeover: who may dispatch an agent to a room, which of several agents is the current one, and whose worker is
//! silent. `handover` is the takeover from an agent that lives.
//!
//! Each dispatch has a number, its epoch. Whoever dispatches takes the next one under a claim that expires; a job stores
//! its identity for its own epoch only, and the same applies to whatever an agent writes late. All times are the
//! database's, so that the clocks of several machines need not agree.

use std::time::Duration;

use sqlx::types::Json;
use uuid::Uuid;

use super::{At, Store, StoreError, on};
use crate::DispatchMetadata;
use crate::dispatches::Dispatch;

mod handover;

/// How many silent agents one round reads; the next round reads the rest.
const AT_ONCE: i64 = 500;
/// A worker that has beaten within this holds its calls.
const BEATS: Duration = Duration::from_secs(2);

/// A room's agent, as its job reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its room.
    pub room: String,
    /// The epoch of the dispatch that it comes for. `None` from a control plane without epochs.
    pub epoch: Option<i64>,
    /// Its identity in the room, which no other job has.
    pub identity: String,
    /// LiveKit's id of its worker, `AW_…`.
    pub worker_id: String,
    /// The row of its worker, which sends heartbeats. `None` if its silence means nothing.
    pub worker: Option<Uuid>,
}

/// An agent whose worker is silent, or that reported that it lost its room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilentAgent {
    /// Its room.
    pub room_name: String,
    /// The epoch of its dispatch.
    pub epoch: i64,
}

super::from_row!(SilentAgent { room_name, epoch });

impl Store {
    /// Claims the right to dispatch an agent to a room, and returns the new epoch: of all who saw `row`, one gets it,
    /// and nobody else until the claim expires. With `silence`, only for an agent whose worker has been silent for
    /// that long, or that is lost. `None` if somebody else holds the claim, or the room needs no other agent any more.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn claim_agent(
        &self,
        row: &Dispatch,
        lasts: Duration,
        silence: Option<Duration>,
    ) -> Result<Option<i64>, StoreError> {
        // An older process that runs beside this one claims by `attempts` and `claimed_at`.
        const UPDATE: &str = "UPDATE dispatches SET epoch = epoch + 1, attempts = attempts + 1, \
             claimed_at = $4, claimed_until = $5 \
             WHERE room_name = $1 AND epoch = $2 AND attempts = $3 \
             AND state IN ('asked', 'joined') \
             AND (claimed_until IS NULL OR claimed_until <= $4) \
             AND ($6 IS NULL OR lost_at IS NOT NULL OR NOT EXISTS ( \
             SELECT 1 FROM workers WHERE id = dispatches.worker AND beat_at > $6)) \
             RETURNING epoch";
        let now = self.database_now().await?;
        Ok(on!(self, |pool| sqlx::query_scalar(UPDATE)
            .bind(&row.room_name)
            .bind(row.epoch)
            .bind(row.attempts)
            .bind(now)
            .bind(now + lasts)
            .bind(silence.map(|silence| now - silence))
            .fetch_optional(pool)
            .await?))
    }

    /// Releases the claim, because LiveKit did not accept the dispatch.
    ///
    /// # Errors
    /// The database did not answer; the claim expires.
    pub async fn release_claim(&self, room: &str, epoch: i64) -> Result<(), StoreError> {
        const UPDATE: &str =
            "UPDATE dispatches SET claimed_until = NULL WHERE room_name = $1 AND epoch = $2";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(room)
            .bind(epoch)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Records LiveKit's id of the dispatch, and that the previous agent is gone; nobody dispatches again within
    /// `free_after`. Changes nothing if somebody else has dispatched since.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_asked(
        &self,
        before: &Dispatch,
        epoch: i64,
        dispatch_id: &str,
        free_after: Duration,
    ) -> Result<(), StoreError> {
        // The new job may already have stored its identity.
        const UPDATE: &str = "UPDATE dispatches SET dispatch_id = $3, claimed_until = $4, \
             yields = CASE WHEN $6 THEN yields ELSE NULL END, \
             lost_at = CASE WHEN agent_identity = $5 THEN NULL ELSE lost_at END, \
             worker = CASE WHEN agent_identity = $5 THEN NULL ELSE worker END, \
             worker_id = CASE WHEN agent_identity = $5 THEN NULL ELSE worker_id END, \
             agent_identity = CASE WHEN agent_identity = $5 THEN NULL ELSE agent_identity END \
             WHERE room_name = $1 AND epoch = $2";
        let until = self.database_now().await? + free_after;
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(&before.room_name)
            .bind(epoch)
            .bind(dispatch_id)
            .bind(until)
            .bind(&before.agent_identity)
            .bind(before.is_handed_over())
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Adopts an agent that somebody else has dispatched, such as a SIP rule, so that the guard replaces it when it
    /// dies. Returns its epoch, or `None` if the room already has or expects an agent of ours, so that this one is one
    /// too many.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn adopt_agent(
        &self,
        agent: &Agent,
        dispatch_id: &str,
        metadata: &DispatchMetadata,
        at: At,
    ) -> Result<Option<i64>, StoreError> {
        const UPSERT: &str = "INSERT INTO dispatches (room_name, call_id, state, metadata, \
             asked_at, since, dispatch_id, attempts, agent_identity, worker_id, worker) \
             VALUES ($1, $2, 'joined', $3, $4, $4, $5, 1, $6, $7, $8) \
             ON CONFLICT (room_name) DO UPDATE SET state = 'joined', attempts = 1, \
             call_id = excluded.call_id, metadata = excluded.metadata, reason = NULL, \
             dispatch_id = excluded.dispatch_id, worker_id = excluded.worker_id, \
             worker = excluded.worker, agent_identity = excluded.agent_identity, \
             epoch = dispatches.epoch + 1, lost_at = NULL, yields = NULL, claimed_at = NULL, \
             claimed_until = NULL, looked_at = NULL, \
             asked_at = excluded.asked_at, since = excluded.since \
             WHERE dispatches.state IN ('ended', 'failed') \
             OR dispatches.agent_identity = excluded.agent_identity RETURNING epoch";
        if let Some(worker) = agent.worker {
            self.worker_lives(worker).await?;
        }
        Ok(on!(self, |pool| sqlx::query_scalar(UPSERT)
            .bind(&agent.room)
            .bind(metadata.call_id)
            .bind(Json(metadata))
            .bind(at)
            .bind(dispatch_id)
            .bind(&agent.identity)
            .bind(&agent.worker_id)
            .bind(agent.worker)
            .fetch_optional(pool)
            .await?))
    }

    /// Stores the identity of a room's agent that has just come, and a heartbeat of its worker. Returns false if another
    /// agent has been dispatched since, or none is wanted any more: its call was ended while it was on its way. True for
    /// a room that nobody guards.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_runs(&self, agent: &Agent) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE dispatches SET agent_identity = $3, worker_id = $4, \
             worker = $5, lost_at = NULL \
             WHERE room_name = $1 AND ($2 IS NULL OR (epoch = $2 AND state <> 'ended'))";
        const ENDED: &str = "SELECT COUNT(*) FROM dispatches \
             WHERE room_name = $1 AND epoch = $2 AND state = 'ended'";
        if let Some(worker) = agent.worker {
            // First, because a worker without calls sends no heartbeats.
            self.worker_lives(worker).await?;
        }
        let rows = on!(self, |pool| sqlx::query(UPDATE)
            .bind(&agent.room)
            .bind(agent.epoch)
            .bind(&agent.identity)
            .bind(&agent.worker_id)
            .bind(agent.worker)
            .execute(pool)
            .await?
            .rows_affected());
        if rows > 0 {
            return Ok(true);
        }
        let ended: i64 = on!(self, |pool| sqlx::query_scalar(ENDED)
            .bind(&agent.room)
            .bind(agent.epoch)
            .fetch_one(pool)
            .await?);
        Ok(ended == 0 && self.is_wanted(agent).await?)
    }

    /// Records that an agent has lost its room: another is to be dispatched, although its worker is alive.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_is_lost(&self, agent: &Agent) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE dispatches SET lost_at = $4 WHERE room_name = $1 \
             AND agent_identity = $3 AND ($2 IS NULL OR epoch = $2) \
             AND state IN ('asked', 'joined')";
        let now = self.database_now().await?;
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(&agent.room)
            .bind(agent.epoch)
            .bind(&agent.identity)
            .bind(now)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Records that an agent is back in its room. Returns false if another was dispatched in the meantime; this one is
    /// then to leave.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_is_back(&self, agent: &Agent) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE dispatches SET lost_at = NULL WHERE room_name = $1 \
             AND agent_identity = $3 AND ($2 IS NULL OR epoch = $2)";
        let rows = on!(self, |pool| sqlx::query(UPDATE)
            .bind(&agent.room)
            .bind(agent.epoch)
            .bind(&agent.identity)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(rows > 0 || self.is_wanted(agent).await?)
    }

    /// Records that an agent has ended its call, unless another was dispatched since: a late report must not end the
    /// guard over a later agent.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_has_ended(
        &self,
        room: &str,
        epoch: Option<i64>,
        identity: &str,
        at: At,
    ) -> Result<(), StoreError> {
        // Storing its identity may have failed when it came.
        const UPDATE: &str = "UPDATE dispatches SET state = 'ended', since = $4 \
             WHERE room_name = $1 AND ($2 IS NULL OR epoch = $2) \
             AND (agent_identity = $3 OR (agent_identity IS NULL AND epoch = $2)) \
             AND state IN ('asked', 'joined')";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(room)
            .bind(epoch)
            .bind(identity)
            .bind(at)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Whether another agent was dispatched for the same call after the one of this epoch, which does not hold it any
    /// more. One that hands it over does until it leaves.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn is_taken_over(
        &self,
        call_id: Uuid,
        room: &str,
        epoch: i64,
    ) -> Result<bool, StoreError> {
        const SELECT: &str = "SELECT COUNT(*) FROM dispatches \
             WHERE room_name = $1 AND call_id = $2 AND epoch > $3 \
             AND (yields IS NULL OR yields <> $3)";
        let later: i64 = on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(room)
            .bind(call_id)
            .bind(epoch)
            .fetch_one(pool)
            .await?);
        Ok(later > 0)
    }

    /// Whether no other agent was dispatched after this one; also true if nobody guards its room.
    async fn is_wanted(&self, agent: &Agent) -> Result<bool, StoreError> {
        const SELECT: &str = "SELECT epoch FROM dispatches WHERE room_name = $1";
        let newest: Option<i64> = on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(&agent.room)
            .fetch_optional(pool)
            .await?);
        Ok(newest.is_none_or(|newest| agent.epoch.is_none_or(|own| own == newest)))
    }

    /// Writes a control plane's own heartbeat, and then reads the agents whose worker has been silent for `silence`,
    /// or that are lost. Those for which somebody already dispatches another are not among them.
    ///
    /// # Errors
    /// The database did not answer, or accepts no writes: silence means nothing then.
    pub async fn silent_agents(&self, silence: Duration) -> Result<Vec<SilentAgent>, StoreError> {
        const BEAT: &str = "INSERT INTO guard_beat (id, beat_at) VALUES (1, $1) \
             ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at";
        // The workers that beat are few and read once, whereas a join would look up each agent's.
        const SELECT: &str = "SELECT room_name, epoch FROM dispatches \
             WHERE state IN ('asked', 'joined') AND agent_identity IS NOT NULL \
             AND (claimed_until IS NULL OR claimed_until <= $1) \
             AND (lost_at IS NOT NULL OR (worker IS NOT NULL \
             AND worker NOT IN (SELECT id FROM workers WHERE beat_at > $2))) LIMIT $3";
        let now = self.database_now().await?;
        on!(self, |pool| sqlx::query(BEAT)
            .bind(now)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(now)
            .bind(now - silence)
            .bind(AT_ONCE)
            .fetch_all(pool)
            .await?))
    }

    /// Rooms in which agents are, by the word of workers that beat, the latest first.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn rooms_held(&self) -> Result<Vec<String>, StoreError> {
        const SELECT: &str = "SELECT d.room_name FROM dispatches d JOIN workers w ON w.id = d.worker \
             WHERE d.state = 'joined' AND d.agent_identity IS NOT NULL AND d.lost_at IS NULL \
             AND w.beat_at > $1 ORDER BY d.since DESC LIMIT $2";
        let since = self.database_now().await? - BEATS;
        Ok(on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(since)
            .bind(AT_ONCE)
            .fetch_all(pool)
            .await?))
    }

    /// A worker's heartbeat: one write for all its calls.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn worker_lives(&self, worker: Uuid) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE workers SET beat_at = $2 WHERE id = $1";
        let now = self.database_now().await?;
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(worker)
            .bind(now)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }
}
