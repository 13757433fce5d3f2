//! Recordings and their states.

use uuid::Uuid;

use super::erasure::HOLD;
use super::{At, Store, StoreError, in_transaction, on};
use sidetone_base::text_enum;

text_enum! {
    /// The state of a recording.
    RecordingState {
        /// Being made.
        Recording = "recording",
        /// Complete, in the data folder of the worker that made it.
        Kept = "kept",
        /// Complete, in the bucket.
        Uploaded = "uploaded",
        /// There is no recording; `reason` says why.
        Failed = "failed",
        /// The call's data was deleted; the file and the object are to be deleted as well.
        Deleting = "deleting",
    }
}

text_enum! {
    /// Who makes a recording.
    Recorder {
        /// The process that runs the call.
        Process = "process",
        /// LiveKit's Egress.
        Egress = "egress",
    }
}

text_enum! {
    /// The state of LiveKit's Egress for a recording, in chronological order.
    EgressStatus {
        /// Egress is not involved.
        None = "none",
        /// A control plane is requesting it.
        Asked = "asked",
        /// An Egress worker has accepted it.
        Starting = "starting",
        /// Egress is recording.
        Active = "active",
        /// It was asked to stop, or is stopping.
        Ending = "ending",
        /// It ended normally.
        Complete = "complete",
        /// It could not start, or broke off.
        Failed = "failed",
        /// It was aborted before it recorded anything.
        Aborted = "aborted",
        /// It reached one of Egress's own limits.
        LimitReached = "limit_reached",
    }
}

/// A recording as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Its own id.
    pub id: Uuid,
    /// The recorded call.
    pub call_id: Uuid,
    /// Who makes it.
    pub mode: Recorder,
    /// Its state.
    pub state: RecordingState,
    /// Whether silence is currently recorded in place of the call.
    pub paused: bool,
    /// Its key in the bucket.
    pub object_key: Option<String>,
    /// Its URL in the bucket.
    pub url: Option<String>,
    /// Size of the file, in bytes.
    pub bytes: Option<i64>,
    /// Playing time.
    pub duration_ms: Option<i64>,
    /// LiveKit's id of the egress, `EG_…`.
    pub egress_id: Option<String>,
    /// The state of the egress.
    pub egress_status: EgressStatus,
    /// When `egress_status` last changed.
    pub egress_since: Option<At>,
    /// Why it failed, or ended early.
    pub reason: Option<String>,
    /// When it began.
    pub started_at: At,
    /// When it was complete.
    pub ended_at: Option<At>,
}

super::from_row!(Recording {
    id,
    call_id,
    mode: text,
    state: text,
    paused,
    object_key,
    url,
    bytes,
    duration_ms,
    egress_id,
    egress_status: text,
    egress_since,
    reason,
    started_at,
    ended_at,
});

impl Recording {
    /// A recording that begins now.
    pub fn begun(id: Uuid, call_id: Uuid, mode: Recorder, started_at: At) -> Self {
        Self {
            id,
            call_id,
            mode,
            state: RecordingState::Recording,
            paused: false,
            object_key: None,
            url: None,
            bytes: None,
            duration_ms: None,
            egress_id: None,
            egress_status: EgressStatus::None,
            egress_since: None,
            reason: None,
            started_at,
            ended_at: None,
        }
    }

    /// The state to store when the call was locked with the result `held`: recordings of an erased call are only there
    /// to be deleted.
    pub(super) fn state_in(&self, held: Option<Option<At>>) -> RecordingState {
        match held {
            Some(Some(_erased)) => RecordingState::Deleting,
            Some(None) | None => self.state,
        }
    }

    /// Its key in the bucket: by day, so that people and lifecycle rules can find it.
    pub fn bucket_key(&self) -> String {
        let day = self.started_at.format("%Y/%m/%d");
        format!("recordings/{day}/{}/{}.ogg", self.call_id, self.id)
    }
}

/// Stores the URL where clients of the history look for it.
pub(super) const LINK: &str =
    "UPDATE voice_calls SET recording_url = $2 WHERE id = $1 AND deleted_at IS NULL";

impl Store {
    /// Inserts or updates a recording's row. Returns false if its call was erased: the recording is then only to be
    /// deleted, and the row holds what is needed for that.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn save_recording(&self, recording: &Recording) -> Result<bool, StoreError> {
        const UPSERT: &str = "INSERT INTO call_recordings (id, call_id, mode, state, paused, \
             object_key, url, bytes, duration_ms, reason, started_at, ended_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (id) DO UPDATE SET state = CASE call_recordings.state \
             WHEN 'deleting' THEN 'deleting' ELSE excluded.state END, \
             paused = excluded.paused, object_key = excluded.object_key, url = excluded.url, \
             bytes = excluded.bytes, duration_ms = excluded.duration_ms, \
             reason = excluded.reason, ended_at = excluded.ended_at RETURNING state";
        Ok(in_transaction!(self, |tx| {
            // A worker also records calls that this database does not know.
            let held: Option<Option<At>> = sqlx::query_scalar(HOLD)
                .bind(recording.call_id)
                .fetch_optional(&mut *tx)
                .await?;
            let state: String = sqlx::query_scalar(UPSERT)
                .bind(recording.id)
                .bind(recording.call_id)
                .bind(recording.mode.as_str())
                .bind(recording.state_in(held).as_str())
                .bind(recording.paused)
                .bind(&recording.object_key)
                .bind(&recording.url)
                .bind(recording.bytes)
                .bind(recording.duration_ms)
                .bind(&recording.reason)
                .bind(recording.started_at)
                .bind(recording.ended_at)
                .fetch_one(&mut *tx)
                .await?;
            let kept = state != RecordingState::Deleting.as_str();
            if kept && let Some(url) = &recording.url {
                sqlx::query(LINK)
                    .bind(recording.call_id)
                    .bind(url)
                    .execute(&mut *tx)
                    .await?;
            }
            kept
        }))
    }

    /// Records that a recording is in the bucket. Returns false if its call was deleted in the meantime.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn recording_uploaded(
        &self,
        id: Uuid,
        call_id: Uuid,
        url: &str,
    ) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE call_recordings SET state = 'uploaded', url = $2 \
             WHERE id = $1 AND state <> 'deleting'";
        Ok(in_transaction!(self, |tx| {
            // The same lock order as in erasure: the call's row first, then its recordings.
            sqlx::query(HOLD).bind(call_id).execute(&mut *tx).await?;
            let updated = sqlx::query(UPDATE)
                .bind(id)
                .bind(url)
                .execute(&mut *tx)
                .await?;
            let kept = updated.rows_affected() > 0;
            if kept {
                sqlx::query(LINK)
                    .bind(call_id)
                    .bind(url)
                    .execute(&mut *tx)
                    .await?;
            }
            kept
        }))
    }

    /// Records that a recording is paused or resumed.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn recording_paused(&self, id: Uuid, paused: bool) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE call_recordings SET paused = $2 WHERE id = $1";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(id)
            .bind(paused)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// A recording by id.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn recording(&self, id: Uuid) -> Result<Option<Recording>, StoreError> {
        const SELECT: &str = "SELECT * FROM call_recordings WHERE id = $1";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(id)
            .fetch_optional(pool)
            .await?))
    }

    /// A call's recordings, oldest first, except those that are being deleted.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn recordings(&self, call_id: Uuid) -> Result<Vec<Recording>, StoreError> {
        const SELECT: &str = "SELECT * FROM call_recordings WHERE call_id = $1 \
             AND state <> 'deleting' ORDER BY started_at, id";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_all(pool)
            .await?))
    }

    /// Recordings whose call was deleted.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn deleted_recordings(&self) -> Result<Vec<Recording>, StoreError> {
        const SELECT: &str = "SELECT * FROM call_recordings WHERE state = 'deleting'";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }

    /// Deletes the row of a recording of which nothing is left.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn forget_recording(&self, id: Uuid) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM call_recordings WHERE id = $1";
        on!(self, |pool| sqlx::query(DELETE)
            .bind(id)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }
}
