//! Recordings that LiveKit's Egress makes: claimed by one control plane, watched by all.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::erasure::HOLD;
use super::recordings::LINK;
use super::{At, EgressStatus, Recorder, Recording, RecordingState, Store, StoreError};
use super::{in_transaction, on};

impl Recording {
    /// The recording that Egress is to make of a call. Its id depends on the call alone, so whoever writes it first
    /// has claimed it.
    pub fn by_egress(call_id: Uuid, now: At) -> Self {
        let recording = Self::begun(egress_recording(call_id), call_id, Recorder::Egress, now);
        Self {
            object_key: Some(recording.bucket_key()),
            egress_status: EgressStatus::Asked,
            egress_since: Some(now),
            ..recording
        }
    }

    /// The recording of an egress that somebody else started in one of our rooms.
    pub fn by_others(call_id: Uuid, egress_id: &str, now: At) -> Self {
        let recording = Self::begun(named(egress_id.as_bytes()), call_id, Recorder::Egress, now);
        Self {
            egress_id: Some(egress_id.to_owned()),
            egress_status: EgressStatus::Starting,
            egress_since: Some(now),
            ..recording
        }
    }
}

/// The id of the recording that Egress makes of a call.
pub fn egress_recording(call_id: Uuid) -> Uuid {
    named(&[b"egress", call_id.as_bytes().as_slice()].concat())
}

/// An id that is the same for everybody who derives it from the same name.
fn named(name: &[u8]) -> Uuid {
    let mut id = [0; 16];
    id.copy_from_slice(&Sha256::digest(name)[..16]);
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

impl Store {
    /// Stores an egress that is not known yet; of all who try, one gets true. An egress of an erased call is stored in
    /// order to be deleted, and nobody gets true.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn claim_egress(&self, recording: &Recording) -> Result<bool, StoreError> {
        const INSERT: &str = "INSERT INTO call_recordings (id, call_id, mode, state, object_key, \
             egress_id, egress_status, egress_since, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
        Ok(in_transaction!(self, |tx| {
            let held: Option<Option<At>> = sqlx::query_scalar(HOLD)
                .bind(recording.call_id)
                .fetch_optional(&mut *tx)
                .await?;
            let state = recording.state_in(held);
            let written = sqlx::query(INSERT)
                .bind(recording.id)
                .bind(recording.call_id)
                .bind(recording.mode.as_str())
                .bind(state.as_str())
                .bind(&recording.object_key)
                .bind(&recording.egress_id)
                .bind(recording.egress_status.as_str())
                .bind(recording.egress_since)
                .bind(recording.started_at)
                .execute(&mut *tx)
                .await?;
            written.rows_affected() > 0 && state != RecordingState::Deleting
        }))
    }

    /// The recording that an egress makes, by the egress's id or by the file that it was asked to write.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn recording_of_egress(
        &self,
        egress_id: &str,
        object_key: Option<&str>,
    ) -> Result<Option<Recording>, StoreError> {
        const SELECT: &str = "SELECT * FROM call_recordings WHERE mode = 'egress' \
             AND (egress_id = $1 OR object_key = $2) LIMIT 1";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(egress_id)
            .bind(object_key)
            .fetch_optional(pool)
            .await?))
    }

    /// Recordings by Egress that have not ended, including those of calls deleted in the meantime.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn open_egresses(&self) -> Result<Vec<Recording>, StoreError> {
        const SELECT: &str =
            "SELECT * FROM call_recordings WHERE mode = 'egress' AND ended_at IS NULL";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }

    /// Updates a recording with what is now known of its egress. Returns false and changes nothing if somebody else
    /// has already moved it on from `before`. A recording whose call was deleted remains to be deleted.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn egress_is(
        &self,
        before: EgressStatus,
        after: &Recording,
    ) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE call_recordings SET state = CASE state \
             WHEN 'deleting' THEN 'deleting' ELSE $3 END, object_key = $4, url = $5, bytes = $6, \
             duration_ms = $7, egress_id = $8, egress_status = $9, egress_since = $10, \
             reason = $11, started_at = $12, ended_at = $13 \
             WHERE id = $1 AND egress_status = $2 RETURNING state";
        Ok(in_transaction!(self, |tx| {
            // The same lock order as in erasure: the call's row first, then its recordings.
            sqlx::query(HOLD)
                .bind(after.call_id)
                .execute(&mut *tx)
                .await?;
            let state: Option<String> = sqlx::query_scalar(UPDATE)
                .bind(after.id)
                .bind(before.as_str())
                .bind(after.state.as_str())
                .bind(&after.object_key)
                .bind(&after.url)
                .bind(after.bytes)
                .bind(after.duration_ms)
                .bind(&after.egress_id)
                .bind(after.egress_status.as_str())
                .bind(after.egress_since)
                .bind(&after.reason)
                .bind(after.started_at)
                .bind(after.ended_at)
                .fetch_optional(&mut *tx)
                .await?;
            let kept = state.as_deref() == Some(RecordingState::Uploaded.as_str());
            if kept && let Some(url) = &after.url {
                sqlx::query(LINK)
                    .bind(after.call_id)
                    .bind(url)
                    .execute(&mut *tx)
                    .await?;
            }
            state.is_some()
        }))
    }
}
