//! Forgets people: what identifies them is deleted; that a call took place stays, for the statistics.

use uuid::Uuid;

use super::erasure::in_call;
use super::{At, Pool, Store, StoreError, on};

impl Store {
    /// Deletes what identifies people in calls: names, ids, words, recording link, metadata, dispatches, and LiveKit's
    /// events about them. When a call took place and how long it took stays, along with LiveKit's id of the room, by
    /// which late events are recognised ([`Store::erased_call`]). Other calls that had a room of the same name keep
    /// their own data. Returns the number of calls that were erased by this.
    ///
    /// SQLite overwrites what is deleted (`secure_delete`) and folds in its write-ahead log, so the words are gone
    /// from its files. Postgres keeps old rows until its next vacuum.
    ///
    /// # Errors
    /// The database did not answer; the calls before the failing one have been erased.
    pub async fn delete_personal_data(&self, calls: &[Uuid]) -> Result<usize, StoreError> {
        let mut deleted = 0;
        for call in calls {
            deleted += usize::from(self.delete_personal_data_of(*call).await?);
        }
        if let Pool::Sqlite(pool) = &self.pool {
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
        const ROOM: &str = "SELECT room_name FROM voice_calls WHERE id = $1";
        const CALL: &str = "UPDATE voice_calls SET deleted_at = $2, caller_id = 'deleted', \
             callee_id = CASE WHEN callee_id IS NULL THEN NULL ELSE 'deleted' END, \
             transcript = NULL, recording_url = NULL, metadata = '{}', outbound = NULL, \
             room_name = $3 \
             WHERE id = $1";
        // Rows that name no call: events that nobody has acted on yet, or that were acted on before the column existed
        // (their note names the call), and dispatches without a call. Only a room's last call takes along what cannot
        // be told apart. The erased call has already lost its room's name here.
        const EVENTS: &str = "DELETE FROM webhook_events WHERE room_name = $1 \
             AND call_id IS NULL AND (note LIKE $2 \
             OR NOT EXISTS (SELECT 1 FROM voice_calls WHERE room_name = $1))";
        const DISPATCHES: &str = "DELETE FROM dispatches WHERE room_name = $1 \
             AND call_id IS NULL \
             AND NOT EXISTS (SELECT 1 FROM voice_calls WHERE room_name = $1)";
        Ok(in_call!(self, call_id, |tx| {
            let room: String = sqlx::query_scalar(ROOM)
                .bind(call_id)
                .fetch_one(&mut *tx)
                .await?;
            sqlx::query(CALL)
                .bind(call_id)
                .bind(super::now())
                .bind(format!("deleted-{call_id}"))
                .execute(&mut *tx)
                .await?;
            for sql in [
                "DELETE FROM call_turns WHERE call_id = $1",
                "DELETE FROM call_saying WHERE call_id = $1",
                "DELETE FROM call_tools WHERE call_id = $1",
                "DELETE FROM call_errors WHERE call_id = $1",
                "DELETE FROM call_figures WHERE call_id = $1",
                "DELETE FROM call_results WHERE call_id = $1",
                "DELETE FROM results_owed WHERE call_id = $1",
                "DELETE FROM call_webhooks WHERE call_id = $1",
                "DELETE FROM call_events WHERE call_id = $1",
                "DELETE FROM webhook_events WHERE call_id = $1",
                "DELETE FROM dispatches WHERE call_id = $1",
                "DELETE FROM awaited_agents WHERE call_id = $1",
                "DELETE FROM room_recorders WHERE call_id = $1",
                "DELETE FROM repeatable_requests WHERE call_id = $1",
                // The file and the object are deleted next (sidetone_recording::upkeep).
                "UPDATE call_recordings SET state = 'deleting' WHERE call_id = $1",
                "UPDATE call_participants SET user_id = 'deleted', participant_name = '' \
                 WHERE call_id = $1",
            ] {
                sqlx::query(sql).bind(call_id).execute(&mut *tx).await?;
            }
            sqlx::query(EVENTS)
                .bind(&room)
                .bind(format!("call {call_id} %"))
                .execute(&mut *tx)
                .await?;
            sqlx::query(DISPATCHES)
                .bind(&room)
                .execute(&mut *tx)
                .await?;
            true
        }))
    }

    /// Ids of at most `limit` calls older than `before` that still hold personal data.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn expired_calls(&self, before: At, limit: i64) -> Result<Vec<Uuid>, StoreError> {
        const SELECT: &str = "SELECT id FROM voice_calls WHERE created_at < $1 \
             AND ended_at IS NOT NULL AND deleted_at IS NULL ORDER BY created_at LIMIT $2";
        Ok(on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await?))
    }
}
