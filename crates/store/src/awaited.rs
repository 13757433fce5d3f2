//! Agents to dispatch as soon as somebody joins: a token records the wish, and an unused token brings no agent.

use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::in_call;
use super::{At, DispatchMetadata, Store, StoreError, on};

/// Rooms that are read at once: more tokens than a cluster has calls.
pub(super) const MOST: i64 = 100_000;

/// An agent to dispatch when somebody joins.
#[derive(Clone, Debug, PartialEq)]
pub struct Awaited {
    /// The room to join.
    pub room_name: String,
    /// The call that it is for.
    pub call_id: Uuid,
    /// What the agent will be told.
    pub metadata: Json<DispatchMetadata>,
    /// When the last token was issued.
    pub since: At,
}

super::from_row!(Awaited {
    room_name,
    call_id,
    metadata,
    since
});

impl Store {
    /// Records that an agent is to be dispatched when somebody joins the room, replacing any earlier entry for the
    /// room. Returns false if there is no such call, or it was erased.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn await_agent(
        &self,
        room_name: &str,
        call_id: Uuid,
        metadata: &DispatchMetadata,
        at: At,
    ) -> Result<bool, StoreError> {
        const UPSERT: &str = "INSERT INTO awaited_agents (room_name, call_id, metadata, since) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (room_name) DO UPDATE SET \
             call_id = excluded.call_id, metadata = excluded.metadata, since = excluded.since";
        Ok(in_call!(self, call_id, |tx| {
            sqlx::query(UPSERT)
                .bind(room_name)
                .bind(call_id)
                .bind(Json(metadata))
                .bind(at)
                .execute(&mut *tx)
                .await?;
            true
        }))
    }

    /// The agent that is awaited in a room.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn awaited_in(&self, room_name: &str) -> Result<Option<Awaited>, StoreError> {
        const SELECT: &str = "SELECT * FROM awaited_agents WHERE room_name = $1";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(room_name)
            .fetch_optional(pool)
            .await?))
    }

    /// All agents awaited since `since` or later, newest first, at most `limit`.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn awaited_since(&self, since: At) -> Result<Vec<(String, At)>, StoreError> {
        const SELECT: &str = "SELECT room_name, since FROM awaited_agents \
             WHERE since >= $1 ORDER BY since DESC LIMIT $2";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(since)
            .bind(MOST)
            .fetch_all(pool)
            .await?))
    }

    /// Deletes a room's entry: its agent has been dispatched, or is not wanted any more. Returns false if none was
    /// awaited.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn awaited_no_more(&self, room_name: &str) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM awaited_agents WHERE room_name = $1";
        Ok(on!(self, |pool| sqlx::query(DELETE)
            .bind(room_name)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }
}
