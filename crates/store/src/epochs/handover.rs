//! Handover: an agent whose worker is drained asks for its successor, and leaves it the call. Who has the call is decided
//! by the successor's identity in the row: it is stored when the successor hears the caller.

use super::Agent;
use crate::{Store, StoreError, on};

impl Store {
    /// Records that an agent hands its call over, so that another is dispatched. Returns false if no worker of its pool
    /// has a free place, or the call is not this agent's own.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_yields(&self, agent: &Agent) -> Result<bool, StoreError> {
        const POOL: &str = "SELECT agent_name FROM workers WHERE id = $1";
        // An older control plane sees `lost_at`, asks the agent whether it lives, and leaves it alone.
        const UPDATE: &str = "UPDATE dispatches SET yields = epoch, lost_at = $4 \
             WHERE room_name = $1 AND epoch = $2 AND agent_identity = $3 \
             AND state IN ('asked', 'joined')";
        let pool_name: Option<String> = on!(self, |pool| sqlx::query_scalar(POOL)
            .bind(agent.worker)
            .fetch_optional(pool)
            .await?);
        let Some(pool_name) = pool_name else {
            return Ok(false);
        };
        let mut places = self.places(&pool_name, crate::now()).await?;
        // Its row may not say yet that it drains.
        places.workers.retain(|one| Some(one.id) != agent.worker);
        if places.room().is_err() {
            return Ok(false);
        }
        let now = self.database_now().await?;
        let rows = on!(self, |pool| sqlx::query(UPDATE)
            .bind(&agent.room)
            .bind(agent.epoch)
            .bind(&agent.identity)
            .bind(now)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(rows > 0)
    }

    /// Whether the successor of an agent is in the room and hears the caller.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_is_followed(&self, agent: &Agent) -> Result<bool, StoreError> {
        const SELECT: &str = "SELECT COUNT(*) FROM dispatches \
             WHERE room_name = $1 AND epoch > $2 AND agent_identity <> $3";
        let next: i64 = on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(&agent.room)
            .bind(agent.epoch)
            .bind(&agent.identity)
            .fetch_one(pool)
            .await?);
        Ok(next > 0)
    }

    /// Takes [`Store::agent_yields`] back: a successor that comes later leaves. Returns false if it has come, and has
    /// the call.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_yields_no_more(&self, agent: &Agent) -> Result<bool, StoreError> {
        // As long as `yields` names it, its word on the call's end counts, though another was dispatched.
        const UPDATE: &str = "UPDATE dispatches SET lost_at = NULL, \
             yields = CASE WHEN epoch = $2 THEN NULL ELSE yields END, \
             state = CASE WHEN epoch = $2 THEN state ELSE 'ended' END \
             WHERE room_name = $1 AND epoch >= $2 \
             AND (agent_identity IS NULL OR agent_identity = $3)";
        let rows = on!(self, |pool| sqlx::query(UPDATE)
            .bind(&agent.room)
            .bind(agent.epoch)
            .bind(&agent.identity)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(rows > 0)
    }

    /// Records that an agent has left the call to its successor.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_has_yielded(&self, agent: &Agent) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE dispatches SET yields = NULL \
             WHERE room_name = $1 AND yields = $2 AND epoch > $2 AND agent_identity <> $3";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(&agent.room)
            .bind(agent.epoch)
            .bind(&agent.identity)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Records that the call has ended while its agent was handing it over: its successor, which waits in the room or is
    /// on its way, leaves, too.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn yielded_call_has_ended(&self, agent: &Agent) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE dispatches SET state = 'ended', since = $3 \
             WHERE room_name = $1 AND epoch >= $2 AND state IN ('asked', 'joined')";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(&agent.room)
            .bind(agent.epoch)
            .bind(crate::now())
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }
}
