//! LiveKit's events: stored before they are answered, then processed one by one, so that a crash loses none and a
//! repetition has no effect.

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::HOLD;
use super::{At, Store, StoreError, in_transaction, on};

/// An event from LiveKit.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// LiveKit's id, `EV_…`; each event is acted on once.
    pub id: String,
    /// Its type, such as `participant_joined`.
    pub event: String,
    /// The room that it is about.
    pub room_name: Option<String>,
    /// The body, without the room's TURN password.
    pub payload: Json<Value>,
    /// When it happened, by LiveKit's clock.
    pub occurred_at: At,
    /// When it was received, by our clock.
    pub received_at: At,
}

super::from_row!(Event {
    id,
    event,
    room_name,
    payload,
    occurred_at,
    received_at
});

/// State of the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxHealth {
    /// When the last event was received.
    pub last_received_at: Option<At>,
    /// Events that are not processed yet.
    pub waiting: i64,
    /// When the oldest of those was received.
    pub oldest_waiting_at: Option<At>,
}

super::from_row!(InboxHealth {
    last_received_at,
    waiting,
    oldest_waiting_at
});

/// An event that has failed this often is set aside with its note.
const MAX_ATTEMPTS: i32 = 5;

impl Store {
    /// Stores an event. Returns false if it is already known.
    ///
    /// # Errors
    /// The database did not answer: do not tell LiveKit that the event was accepted.
    pub async fn keep_event(&self, event: &Event) -> Result<bool, StoreError> {
        const INSERT: &str = "INSERT INTO webhook_events \
             (id, event, room_name, payload, occurred_at, received_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
        let rows = on!(self, |pool| sqlx::query(INSERT)
            .bind(&event.id)
            .bind(&event.event)
            .bind(&event.room_name)
            .bind(&event.payload)
            .bind(event.occurred_at)
            .bind(event.received_at)
            .execute(pool)
            .await?
            .rows_affected());
        Ok(rows > 0)
    }

    /// The oldest events that are not processed yet.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn waiting_events(&self, limit: i64) -> Result<Vec<Event>, StoreError> {
        const SELECT: &str = "SELECT id, event, room_name, payload, occurred_at, received_at \
             FROM webhook_events WHERE processed_at IS NULL ORDER BY received_at, id LIMIT $1";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(limit)
            .fetch_all(pool)
            .await?))
    }

    /// Marks an event as processed, with its call and a note for whoever looks at it later. The event of an erased
    /// call is deleted, because it names people.
    ///
    /// # Errors
    /// The database did not answer; the event will come up again.
    pub async fn event_done(
        &self,
        id: &str,
        at: At,
        call_id: Option<Uuid>,
        note: &str,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE webhook_events SET processed_at = $2, \
             attempts = attempts + 1, call_id = $3, note = $4 WHERE id = $1";
        const DELETE: &str = "DELETE FROM webhook_events WHERE id = $1";
        in_transaction!(self, |tx| {
            let held: Option<Option<At>> = sqlx::query_scalar(HOLD)
                .bind(call_id)
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(Some(_erased)) = held {
                sqlx::query(DELETE).bind(id).execute(&mut *tx).await?;
            } else {
                sqlx::query(UPDATE)
                    .bind(id)
                    .bind(at)
                    .bind(call_id)
                    .bind(note)
                    .execute(&mut *tx)
                    .await?;
            }
        });
        Ok(())
    }

    /// Records a failed attempt; after five the event is set aside.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn event_failed(&self, id: &str, at: At, note: &str) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE webhook_events SET attempts = attempts + 1, note = $3, \
             processed_at = CASE WHEN attempts + 1 >= $4 THEN $2 ELSE NULL END WHERE id = $1";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(id)
            .bind(at)
            .bind(note)
            .bind(MAX_ATTEMPTS)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// The note on an event. `None` before it was acted on.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn event_note(&self, id: &str) -> Result<Option<String>, StoreError> {
        const SELECT: &str = "SELECT note FROM webhook_events WHERE id = $1";
        let note: Option<Option<String>> = on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(id)
            .fetch_optional(pool)
            .await?);
        Ok(note.flatten())
    }

    /// The state of the inbox.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn inbox_health(&self) -> Result<InboxHealth, StoreError> {
        const SELECT: &str = "SELECT \
             (SELECT MAX(received_at) FROM webhook_events) AS last_received_at, \
             COUNT(*) AS waiting, MIN(received_at) AS oldest_waiting_at \
             FROM webhook_events WHERE processed_at IS NULL";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_one(pool)
            .await?))
    }

    /// Deletes events received before `before`, including any that were never processed, and returns their number.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn forget_events(&self, before: At) -> Result<u64, StoreError> {
        const DELETE: &str = "DELETE FROM webhook_events WHERE received_at < $1";
        Ok(on!(self, |pool| sqlx::query(DELETE)
            .bind(before)
            .execute(pool)
            .await?
            .rows_affected()))
    }
}
