//! Calls, and which call a room belongs to.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::types::Json;
use uuid::Uuid;

use super::awaited::MOST;
use super::erasure::in_call;
use super::outbound::Outbound;
use super::{At, CallStatus, CallType, Store, StoreError, on, storable};

/// A call as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The call's own id.
    pub id: Uuid,
    /// The name of its LiveKit room.
    pub room_name: String,
    /// The user who requested the call.
    pub caller_id: String,
    /// The user who is called, between users.
    pub callee_id: Option<String>,
    /// Who talks with whom.
    pub call_type: CallType,
    /// The call's state.
    pub status: CallStatus,
    /// When the room was first known to exist.
    pub started_at: Option<At>,
    /// When both sides were first in the room together.
    pub connected_at: Option<At>,
    /// When the call ended.
    pub ended_at: Option<At>,
    /// From `connected_at` to `ended_at`.
    pub duration_seconds: Option<i32>,
    /// Where the recording is stored.
    pub recording_url: Option<String>,
    /// Everything that was said, one line per turn.
    pub transcript: Option<String>,
    /// Free for the product's own use.
    pub metadata: Json<Value>,
    /// When the row was written.
    pub created_at: At,
    /// The last token for it was given, where that was later.
    pub token_at: Option<At>,
    /// LiveKit's id of the room that it is, or was last, in; once known.
    pub room_sid: Option<String>,
    /// When LiveKit closed the room.
    pub room_finished_at: Option<At>,
    /// When its agent ended it.
    pub over_at: Option<At>,
    /// Whether somebody hung up on purpose.
    pub hung_up: bool,
    /// When it last resumed after it was over.
    pub resumed_at: Option<At>,
    /// When something broke.
    pub failed_at: Option<At>,
    /// What broke.
    pub failure_reason: Option<String>,
    /// When its personal data was deleted. Nothing is written to it after that.
    pub deleted_at: Option<At>,
    /// Set if an agent makes the call: the number and the outcome.
    pub outbound: Option<Json<Outbound>>,
}

impl Call {
    /// When the last token for it was given.
    pub fn last_token_at(&self) -> At {
        self.token_at.unwrap_or(self.created_at)
    }

    /// Whether a user made the call, or is one of the two of it: then all of it is theirs to see.
    pub fn is_of(&self, user_id: &str) -> bool {
        let is_callee = self.callee_id.as_deref() == Some(user_id);
        self.caller_id == user_id || (is_callee && self.call_type == CallType::UserToUser)
    }
}

super::from_row!(Call {
    id,
    room_name,
    caller_id,
    callee_id,
    call_type: text,
    status: text,
    started_at,
    connected_at,
    ended_at,
    duration_seconds,
    recording_url,
    transcript,
    metadata,
    created_at,
    token_at,
    room_sid,
    room_finished_at,
    over_at,
    hung_up,
    resumed_at,
    failed_at,
    failure_reason,
    deleted_at,
    outbound,
});

/// A call to create.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewCall {
    /// Its id.
    pub id: Uuid,
    /// Its room.
    pub room_name: String,
    /// The user who requests it.
    pub caller_id: String,
    /// The user who is called.
    pub callee_id: Option<String>,
    /// Who talks with whom.
    pub call_type: CallType,
    /// Free for the product's own use.
    pub metadata: Value,
    /// When it is created.
    pub created_at: At,
}

/// Writes a call, or returns the one that is under way in its room.
pub(super) const INSERT: &str = "INSERT INTO voice_calls \
     (id, room_name, caller_id, callee_id, call_type, metadata, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (room_name) WHERE ended_at IS NULL \
     DO UPDATE SET room_name = excluded.room_name RETURNING *";

/// [`INSERT`] of a call, for either database.
macro_rules! insert {
    ($call:expr) => {
        sqlx::query_as::<_, $crate::Call>($crate::calls::INSERT)
            .bind($call.id)
            .bind(&$call.room_name)
            .bind($crate::storable::text(&$call.caller_id))
            .bind(&$call.callee_id)
            .bind($call.call_type.as_str())
            .bind($crate::Json(&$call.metadata))
            .bind($call.created_at)
    };
}
pub(super) use insert;

impl Store {
    /// Writes a call. A room has one call at a time: if one is under way, that one is returned instead (its id then
    /// differs from the requested one).
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn create_call(&self, call: &NewCall) -> Result<Call, StoreError> {
        Ok(on!(self, |pool| insert!(call).fetch_one(pool).await?))
    }

    /// Writes a call for a room that Sidetone did not create, unless it is already stored or another call is under way
    /// in the room. Returns true if the call has a row.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn found_call(&self, call: &NewCall) -> Result<bool, StoreError> {
        const INSERT: &str = "INSERT INTO voice_calls \
             (id, room_name, caller_id, callee_id, call_type, metadata, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        on!(self, |pool| sqlx::query(INSERT)
            .bind(call.id)
            .bind(&call.room_name)
            .bind(storable::text(&call.caller_id))
            .bind(&call.callee_id)
            .bind(call.call_type.as_str())
            .bind(Json(&call.metadata))
            .bind(call.created_at)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(self.call(call.id).await?.is_some())
    }

    /// Records the caller of a call that was stored before its caller was known.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn caller_is(&self, id: Uuid, caller_id: &str) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET caller_id = $2 \
             WHERE id = $1 AND caller_id = '' AND deleted_at IS NULL";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(id)
            .bind(storable::text(caller_id))
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Adds to a call's metadata; a new value replaces an existing one of the same name.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn add_metadata(
        &self,
        id: Uuid,
        said: &Map<String, Value>,
    ) -> Result<(), StoreError> {
        const SELECT: &str = "SELECT metadata FROM voice_calls WHERE id = $1";
        const UPDATE: &str = "UPDATE voice_calls SET metadata = $2 WHERE id = $1";
        in_call!(self, id, |tx| {
            let before: Json<Value> = sqlx::query_scalar(SELECT)
                .bind(id)
                .fetch_one(&mut *tx)
                .await?;
            let mut all = match before.0 {
                Value::Object(before) => before,
                _ => Map::new(),
            };
            all.extend(said.clone());
            sqlx::query(UPDATE)
                .bind(id)
                .bind(Json(all))
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// A call by id.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn call(&self, id: Uuid) -> Result<Option<Call>, StoreError> {
        Ok(on!(self, |pool| sqlx::query_as(
            "SELECT * FROM voice_calls WHERE id = $1"
        )
        .bind(id)
        .fetch_optional(pool)
        .await?))
    }

    /// The newest call of a room that was not erased. With LiveKit's id of the room: the newest call that has had this
    /// room; otherwise the open call of that room name, which goes on in the new room (a restarted server gives a room
    /// a new id), or one whose LiveKit room was never known. Once a call that had this room is known to be closed,
    /// news of the room belongs to no other call.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn call_in_room(
        &self,
        room_name: &str,
        room_sid: Option<&str>,
    ) -> Result<Option<Call>, StoreError> {
        self.call_of(room_name, room_sid, None).await
    }

    /// Like [`Store::call_in_room`], for news of a participant: a call that knows this stay takes precedence, because
    /// a room may have had several calls in succession.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn call_of(
        &self,
        room_name: &str,
        room_sid: Option<&str>,
        participant_sid: Option<&str>,
    ) -> Result<Option<Call>, StoreError> {
        const SELECT: &str = "SELECT * FROM voice_calls AS call WHERE room_name = $1 \
             AND deleted_at IS NULL AND ($2 IS NULL OR room_sid = $2 \
             OR id IN (SELECT call_id FROM call_rooms WHERE room_sid = $2) \
             OR ((room_sid IS NULL OR ended_at IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM voice_calls \
             WHERE room_sid = $2 AND room_finished_at IS NOT NULL) \
             AND NOT EXISTS (SELECT 1 FROM call_rooms WHERE room_sid = $2))) \
             ORDER BY CASE WHEN $3 IS NOT NULL AND EXISTS (SELECT 1 FROM call_participants \
             WHERE participant_sid = $3 AND call_id = call.id) THEN 0 ELSE 1 END, \
             created_at DESC LIMIT 1";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(room_name)
            .bind(room_sid)
            .bind(participant_sid)
            .fetch_optional(pool)
            .await?))
    }

    /// Rooms of calls that ended at `since` or later, and of those that go on without the agent that left then.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn rooms_left_since(&self, since: At) -> Result<Vec<String>, StoreError> {
        const SELECT: &str = "SELECT room_name FROM voice_calls \
             WHERE ended_at >= $1 AND deleted_at IS NULL \
             UNION SELECT d.room_name FROM dispatches d JOIN voice_calls c ON c.id = d.call_id \
             WHERE d.state = 'ended' AND d.since >= $1 AND c.ended_at IS NULL \
             AND c.deleted_at IS NULL AND c.call_type = 'support' LIMIT $2";
        Ok(on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(since)
            .bind(MOST)
            .fetch_all(pool)
            .await?))
    }

    /// Records that another token for a call was given.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn token_given(&self, call_id: Uuid, at: At) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET token_at = $2 \
             WHERE id = $1 AND (token_at IS NULL OR token_at < $2) AND deleted_at IS NULL";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(at)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Takes away the row of a call that nobody ever joined, and for which no token was given since `since`: one
    /// that was not used is no call. False when something is known of it.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn forget_unused(&self, call_id: Uuid, since: At) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM voice_calls WHERE id = $1 AND status = 'pending' \
             AND COALESCE(token_at, created_at) < $2 \
             AND started_at IS NULL AND room_sid IS NULL AND deleted_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM call_participants WHERE call_id = $1) \
             AND NOT EXISTS (SELECT 1 FROM call_turns WHERE call_id = $1) \
             AND NOT EXISTS (SELECT 1 FROM dispatches WHERE call_id = $1)";
        Ok(on!(self, |pool| sqlx::query(DELETE)
            .bind(call_id)
            .bind(since)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }

    /// Calls that are not over, oldest first.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn open_calls(&self) -> Result<Vec<Call>, StoreError> {
        const SELECT: &str = "SELECT * FROM voice_calls WHERE ended_at IS NULL \
             AND deleted_at IS NULL ORDER BY created_at";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }

    /// Sets the callee of an open call, who may then join it; `None` removes the callee. Returns false if there is no
    /// such open call.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn set_callee(
        &self,
        call_id: Uuid,
        callee_id: Option<&str>,
    ) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET callee_id = $2 \
             WHERE id = $1 AND ended_at IS NULL AND deleted_at IS NULL";
        Ok(on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(callee_id)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }
}
