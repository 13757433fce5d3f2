//! Calls between people that one of our processes records: requested by the control plane, taken by one worker at a
//! time (by the database's clock), and reported if nobody takes them.

use chrono::TimeDelta;
use uuid::Uuid;

use super::erasure::in_call;
use super::{At, Recorder, Recording, RecordingState, Store, StoreError, on};
use sidetone_config::recording::RecordingMode;

/// How long a room may be open before it is reported that nobody records it.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);

/// A room that is to be recorded by a hidden participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomToRecord {
    /// The call to record.
    pub call_id: Uuid,
    /// LiveKit's room, which may not be open yet.
    pub room_name: String,
    /// Whether it is recorded only until LiveKit's Egress records.
    pub until_egress: bool,
    /// When the recording was requested.
    pub asked_at: At,
}

super::from_row!(RoomToRecord {
    call_id,
    room_name,
    until_egress,
    asked_at
});

/// Condition: nobody holds the room, it has not been recorded to its end, and the call goes on. `$1` is now.
const FREE: &str = "NOT done AND (held_until IS NULL OR held_until < $1) \
     AND EXISTS (SELECT 1 FROM voice_calls WHERE id = call_id \
     AND ended_at IS NULL AND deleted_at IS NULL)";

impl Recording {
    /// The failed recording of a call that nobody has recorded.
    pub fn missed(call_id: Uuid, reason: impl Into<String>, now: At) -> Self {
        Self {
            state: RecordingState::Failed,
            reason: Some(reason.into()),
            ended_at: Some(now),
            ..Self::begun(Uuid::now_v7(), call_id, Recorder::Process, now)
        }
    }
}

impl Store {
    /// Stores how a call without an agent is to be recorded, which overrides the environment.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn wants_recording(
        &self,
        call_id: Uuid,
        mode: RecordingMode,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET recording_mode = $2 WHERE id = $1";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(mode.as_str())
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// The mode stored by [`Store::wants_recording`].
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn wanted_recording(
        &self,
        call_id: Uuid,
    ) -> Result<Option<RecordingMode>, StoreError> {
        const SELECT: &str = "SELECT recording_mode FROM voice_calls WHERE id = $1";
        let mode: Option<Option<String>> = on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?);
        Ok(mode.flatten().and_then(|mode| mode.parse().ok()))
    }

    /// Requests a recorder for a room. Repeating the request for a call has no effect.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn ask_recorder(&self, room: &RoomToRecord) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO room_recorders (call_id, room_name, until_egress, asked_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (call_id) DO NOTHING";
        const IS_ASKED: &str = "SELECT 1 FROM room_recorders WHERE call_id = $1";
        // Events repeat the request many times; mostly this check spares the call's lock.
        let is_asked: Option<i32> = on!(self, |pool| sqlx::query_scalar(IS_ASKED)
            .bind(room.call_id)
            .fetch_optional(pool)
            .await?);
        if is_asked.is_some() {
            return Ok(());
        }
        in_call!(self, room.call_id, |tx| {
            sqlx::query(INSERT)
                .bind(room.call_id)
                .bind(&room.room_name)
                .bind(room.until_egress)
                .bind(room.asked_at)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// Rooms that nobody records yet, newest first, at most `limit`. They may not be open.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn rooms_to_record(&self, limit: i64) -> Result<Vec<RoomToRecord>, StoreError> {
        let select =
            format!("SELECT * FROM room_recorders WHERE {FREE} ORDER BY asked_at DESC LIMIT $2");
        let now = super::now();
        Ok(on!(self, |pool| sqlx::query_as(sqlx::AssertSqlSafe(
            select
        ))
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await?))
    }

    /// Takes a room for the length of `lease`. Returns false if another process holds it.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn take_room(
        &self,
        call_id: Uuid,
        holder: Uuid,
        lease: TimeDelta,
    ) -> Result<bool, StoreError> {
        let now = self.database_now().await?;
        let update = format!(
            "UPDATE room_recorders SET holder = $2, held_until = $3 WHERE call_id = $4 AND {FREE}"
        );
        Ok(on!(self, |pool| sqlx::query(sqlx::AssertSqlSafe(update))
            .bind(now)
            .bind(holder)
            .bind(now + lease)
            .bind(call_id)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }

    /// Renews the lease on a room, and records that it is being recorded. Returns false if the call is over, or
    /// another process has taken the room.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn keep_room(
        &self,
        call_id: Uuid,
        holder: Uuid,
        lease: TimeDelta,
    ) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE room_recorders SET held_until = $3, \
             joined_at = COALESCE(joined_at, $4) WHERE call_id = $1 AND holder = $2 \
             AND EXISTS (SELECT 1 FROM voice_calls WHERE id = call_id \
             AND ended_at IS NULL AND deleted_at IS NULL)";
        let now = self.database_now().await?;
        Ok(on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(holder)
            .bind(now + lease)
            .bind(now)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }

    /// Leaves a room to others, no earlier than `after` from now, with the reason if it could not be recorded.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn leave_room(
        &self,
        call_id: Uuid,
        holder: Uuid,
        after: TimeDelta,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE room_recorders SET holder = NULL, held_until = $3, \
             reason = COALESCE($4, reason) WHERE call_id = $1 AND holder = $2";
        let now = self.database_now().await?;
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(holder)
            .bind(now + after)
            .bind(reason)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Marks a call as done for recorders: it has been recorded, or cannot be.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn room_is_recorded(&self, call_id: Uuid) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE room_recorders SET done = TRUE WHERE call_id = $1";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// The process that records a call between people.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn recorder_of(&self, call_id: Uuid) -> Result<Option<Uuid>, StoreError> {
        const SELECT: &str =
            "SELECT holder FROM room_recorders WHERE call_id = $1 AND holder IS NOT NULL";
        Ok(on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?))
    }

    /// Calls that nobody has begun to record although their room has been open long enough, each returned once, with
    /// the time of the request and the reason if one is known. Also deletes the requests of calls that are over.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn rooms_missed(&self) -> Result<Vec<(Uuid, At, Option<String>)>, StoreError> {
        // Whoever updates the row first reports it: of several control planes, one gets the row.
        const UPDATE: &str = "UPDATE room_recorders SET joined_at = $1 \
             WHERE joined_at IS NULL AND NOT done AND EXISTS (SELECT 1 FROM voice_calls \
             WHERE id = call_id AND deleted_at IS NULL AND started_at IS NOT NULL \
             AND (started_at < $2 AND asked_at < $2 OR ended_at IS NOT NULL)) \
             RETURNING call_id, asked_at, reason";
        const DELETE: &str = "DELETE FROM room_recorders WHERE EXISTS (SELECT 1 FROM voice_calls \
             WHERE id = call_id AND ended_at IS NOT NULL)";
        let now = self.database_now().await?;
        on!(self, |pool| {
            let missed = sqlx::query_as(UPDATE)
                .bind(now)
                .bind(now - PATIENCE)
                .fetch_all(pool)
                .await?;
            sqlx::query(DELETE).execute(pool).await.map(|_| ())?;
            Ok(missed)
        })
    }
}
