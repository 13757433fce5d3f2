//! Forgetting people: what identifies them goes, that a call took place stays for the statistics.

use uuid::Uuid;

use super::{At, Pool, Store, StoreError, in_transaction, on};

impl Store {
    /// Deletes what identifies people in calls: names, ids, words, recording link, metadata, and
    /// LiveKit's events of their rooms. When a call was and how long it took stays. Gives the
    /// number of calls that there were.
    ///
    /// SQLite overwrites what is deleted (`secure_delete`) and folds its write-ahead log in, so
    /// the words are gone from its files. Postgres keeps old rows until its next vacuum.
    ///
    /// # Errors
    /// The database did not answer; calls before the failing one are done.
    pub async fn delete_personal_data(&self, calls: &[Uuid]) -> Result<usize, StoreError> {
        let mut deleted = 0;
        for call in calls {
            deleted += usize::from(self.delete_personal_data_of(*call).await?);
        }
        if let Pool::Sqlite(pool) = &self.pool
            && deleted > 0
        {
            let folded: (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(pool)
                .await?;
            if folded.0 != 0 {
                tracing::debug!("a reader holds SQLite's log; it is folded in later");
            }
        }
        Ok(deleted)
    }

    async fn delete_personal_data_of(&self, call_id: Uuid) -> Result<bool, StoreError> {
        const CALL: &str = "UPDATE voice_calls SET caller_id = 'deleted', \
             callee_id = CASE WHEN callee_id IS NULL THEN NULL ELSE 'deleted' END, \
             transcript = NULL, recording_url = NULL, metadata = '{}', \
             room_name = 'deleted-' || created_at WHERE id = $1";
        const ROOM: &str = "SELECT room_name FROM voice_calls WHERE id = $1";
        Ok(in_transaction!(self, |tx| {
            let room: Option<String> = sqlx::query_scalar(ROOM)
                .bind(call_id)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(room) = room else { return Ok(false) };
            for sql in [
                "DELETE FROM webhook_events WHERE room_name = $1",
                "DELETE FROM dispatches WHERE room_name = $1",
            ] {
                sqlx::query(sql).bind(&room).execute(&mut *tx).await?;
            }
            for sql in [
                "DELETE FROM call_turns WHERE call_id = $1",
                "DELETE FROM call_tools WHERE call_id = $1",
                "DELETE FROM call_errors WHERE call_id = $1",
                "DELETE FROM call_results WHERE call_id = $1",
                "DELETE FROM call_webhooks WHERE call_id = $1",
                // File and object are deleted next (sidetone_recording::upkeep).
                "UPDATE call_recordings SET state = 'deleting' WHERE call_id = $1",
                "UPDATE call_participants SET user_id = 'deleted', participant_name = '' \
                 WHERE call_id = $1",
                CALL,
            ] {
                sqlx::query(sql).bind(call_id).execute(&mut *tx).await?;
            }
            true
        }))
    }

    /// Ids of at most `limit` calls older than `before` that still hold personal data.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn expired_calls(&self, before: At, limit: i64) -> Result<Vec<Uuid>, StoreError> {
        const SELECT: &str = "SELECT id FROM voice_calls WHERE created_at < $1 \
             AND ended_at IS NOT NULL AND caller_id <> 'deleted' ORDER BY created_at LIMIT $2";
        Ok(on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await?))
    }
}
