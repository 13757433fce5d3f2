//! Dispatched agents: one row per room, from the dispatch to the end.

use std::time::Duration;

use sqlx::types::Json;
use uuid::Uuid;

use super::{At, Store, StoreError, on};
use crate::DispatchMetadata;
use sidetone_base::text_enum;

text_enum! {
    /// The state of an agent.
    DispatchState {
        /// Dispatched, not in the room yet.
        Asked = "asked",
        /// In the room.
        Joined = "joined",
        /// Gone, after an orderly end.
        Ended = "ended",
        /// It never joined.
        Failed = "failed",
    }
}

impl DispatchState {
    /// Whether an agent is wanted.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Asked | Self::Joined)
    }
}

/// A dispatched agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The room to join.
    pub room_name: String,
    /// The call that it is for.
    pub call_id: Option<Uuid>,
    /// Its state.
    pub state: DispatchState,
    /// The number of dispatch attempts.
    pub attempts: i32,
    /// LiveKit's id of the last dispatch, `AD_…`.
    pub dispatch_id: Option<String>,
    /// The worker that runs it, when known.
    pub worker_id: Option<String>,
    /// Its identity in the room, when known.
    pub agent_identity: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// What the agent is told.
    pub metadata: Json<DispatchMetadata>,
    /// When it was first dispatched.
    pub asked_at: At,
    /// When `state` last changed.
    pub since: At,
    /// Number of the last dispatch: see [`epochs`](crate::epochs).
    pub epoch: i64,
    /// The epoch of an agent that [hands the call over](Store::agent_yields) to another one. `None` if none does.
    pub yields: Option<i64>,
}

impl Dispatch {
    /// Whether the call is being handed over to an agent that has not come yet.
    pub fn is_handed_over(&self) -> bool {
        let yields = self.yields;
        yields.is_some_and(|epoch| epoch == self.epoch || self.agent_identity.is_none())
    }

    /// Whether a participant is this agent, or one that was asked for after it, by its identity and the epoch that it
    /// says it has come for. An agent of another product says none.
    pub fn is(&self, identity: &str, epoch: Option<i64>) -> bool {
        self.agent_identity.as_deref() == Some(identity)
            || epoch.is_some_and(|epoch| epoch >= self.epoch)
    }
}

super::from_row!(Dispatch {
    room_name,
    call_id,
    state: text,
    attempts,
    dispatch_id,
    worker_id,
    agent_identity,
    reason,
    metadata,
    asked_at,
    since,
    epoch,
    yields,
});

/// A room in which an agent is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardedRoom {
    /// Its name.
    pub room_name: String,
    /// Whether the agent has been there.
    pub state: DispatchState,
}

super::from_row!(GuardedRoom {
    room_name,
    state: text
});

/// Records that an agent is wanted, unless one is dispatched or in the room.
pub(super) const WANT: &str = "INSERT INTO dispatches \
     (room_name, call_id, state, metadata, asked_at, since) \
     SELECT $1, $2, 'asked', $3, $4, $4 WHERE NOT EXISTS ( \
     SELECT 1 FROM voice_calls WHERE id = $2 AND deleted_at IS NOT NULL) \
     ON CONFLICT (room_name) DO UPDATE SET state = 'asked', attempts = 0, \
     call_id = excluded.call_id, metadata = excluded.metadata, reason = NULL, \
     dispatch_id = NULL, worker_id = NULL, worker = NULL, agent_identity = NULL, \
     epoch = dispatches.epoch + 1, lost_at = NULL, yields = NULL, claimed_at = NULL, \
     claimed_until = NULL, looked_at = NULL, \
     asked_at = excluded.asked_at, since = excluded.since \
     WHERE dispatches.state IN ('ended', 'failed')";

impl Store {
    /// Records that an agent is wanted in a room. Idempotent: returns false and changes nothing while one is
    /// dispatched or in the room. Also returns false for a call that was erased.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn want_agent(
        &self,
        room_name: &str,
        metadata: &DispatchMetadata,
        at: At,
    ) -> Result<bool, StoreError> {
        let rows = on!(self, |pool| sqlx::query(WANT)
            .bind(room_name)
            .bind(metadata.call_id)
            .bind(Json(metadata))
            .bind(at)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(rows > 0)
    }

    /// Claims the check whether a room's agent is still there: one process gets true, once per `age`. It only spares
    /// LiveKit redundant requests.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn claim_look(&self, room_name: &str, age: Duration) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE dispatches SET looked_at = $2 \
             WHERE room_name = $1 AND (looked_at IS NULL OR looked_at <= $3)";
        let now = self.database_now().await?;
        let rows = on!(self, |pool| sqlx::query(UPDATE)
            .bind(room_name)
            .bind(now)
            .bind(now - age)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(rows > 0)
    }

    /// Records that the agent of this epoch was in the room and is not wanted any more. One that was dispatched in the
    /// meantime is not affected.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_over(&self, room_name: &str, epoch: i64, at: At) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE dispatches SET state = 'ended', since = $2 \
             WHERE room_name = $1 AND epoch = $3 AND state = 'joined'";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(room_name)
            .bind(at)
            .bind(epoch)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Moves the agent of this epoch to another state, with the reason if it failed. Changes nothing if another was
    /// dispatched since.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_is(
        &self,
        room_name: &str,
        epoch: i64,
        state: DispatchState,
        at: At,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE dispatches SET \
             since = CASE WHEN state = $2 THEN since ELSE $3 END, \
             reason = CASE WHEN $2 = 'failed' THEN $4 ELSE reason END, state = $2 \
             WHERE room_name = $1 AND epoch = $5 AND NOT (state = 'ended' AND $2 = 'joined')";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(room_name)
            .bind(state.as_str())
            .bind(at)
            .bind(reason)
            .bind(epoch)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// The agent dispatched to a room.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_in(&self, room_name: &str) -> Result<Option<Dispatch>, StoreError> {
        Ok(on!(self, |pool| sqlx::query_as(
            "SELECT * FROM dispatches WHERE room_name = $1"
        )
        .bind(room_name)
        .fetch_optional(pool)
        .await?))
    }

    /// Agents that are dispatched or in a room, newest first.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn live_agents(&self) -> Result<Vec<Dispatch>, StoreError> {
        const SELECT: &str = "SELECT * FROM dispatches WHERE state IN ('asked', 'joined') \
             ORDER BY since DESC";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }

    /// The rooms of [`Store::live_agents`], without what their agents are told: a control plane reads them all every few
    /// seconds, and prompts are long.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn guarded_rooms(&self) -> Result<Vec<GuardedRoom>, StoreError> {
        const SELECT: &str = "SELECT room_name, state FROM dispatches \
             WHERE state IN ('asked', 'joined') ORDER BY since DESC";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }
}
