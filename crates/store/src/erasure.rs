//! Deletion is final: a call whose data was deleted (`deleted_at`) accepts no more writes, whoever is still working on
//! it. This module also finds and erases everything that is stored about one user.

use uuid::Uuid;

use super::{At, Store, StoreError, on};

/// Locks a call's row until the transaction ends, and returns when the call was erased. Both erasing and writing begin
/// with it: one of them comes first, and nothing is written after the erasure.
pub(super) const HOLD: &str =
    "UPDATE voice_calls SET deleted_at = deleted_at WHERE id = $1 RETURNING deleted_at";

/// Like `in_transaction!`, on a call that is locked ([`HOLD`]). If there is no such call, or it was erased, nothing is
/// done and the default value is returned.
macro_rules! in_call {
    ($store:expr, $call_id:expr, |$tx:ident| $body:expr) => {
        $crate::in_transaction!($store, |$tx| {
            let held: Option<Option<$crate::At>> = sqlx::query_scalar($crate::erasure::HOLD)
                .bind($call_id)
                .fetch_optional(&mut *$tx)
                .await?;
            match held {
                Some(None) => $body,
                Some(Some(_)) | None => Default::default(),
            }
        })
    };
}
pub(super) use in_call;

/// The outcome of erasing a user's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasedUser {
    /// Calls that were erased.
    pub calls: usize,
    /// Their calls that still go on, which are not erased.
    pub open: Vec<Uuid>,
}

impl Store {
    /// The erased call that had the LiveKit room of this id: late news of that room belongs to it. `None` as soon as
    /// the room may be another call's.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn erased_call(
        &self,
        room_sid: &str,
        room_name: Option<&str>,
    ) -> Result<Option<Uuid>, StoreError> {
        // A call that failed leaves its room open, and the room's next call may have it. The calls that had the room are
        // a union of two indexed sets, because an OR over them would read every call, and each event asks this.
        const SELECT: &str = "WITH had AS (SELECT id FROM voice_calls WHERE room_sid = $1 \
             UNION SELECT call_id FROM call_rooms WHERE room_sid = $1) \
             SELECT id FROM voice_calls WHERE id IN (SELECT id FROM had) \
             AND deleted_at IS NOT NULL AND NOT EXISTS ( \
             SELECT 1 FROM voice_calls WHERE id IN (SELECT id FROM had) AND deleted_at IS NULL) \
             AND (room_finished_at IS NOT NULL OR NOT EXISTS ( \
             SELECT 1 FROM voice_calls WHERE room_name = $2 AND room_sid IS NULL \
             AND ended_at IS NULL AND deleted_at IS NULL)) LIMIT 1";
        Ok(on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(room_sid)
            .bind(room_name)
            .fetch_optional(pool)
            .await?))
    }

    /// Ids of the calls that a user made, received or was in, oldest first, except erased ones.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn calls_of_user(&self, user_id: &str) -> Result<Vec<Uuid>, StoreError> {
        let calls = self.calls_and_ends(user_id).await?;
        Ok(calls.into_iter().map(|(id, _)| id).collect())
    }

    /// Deletes what identifies people in all calls that a user made, received or was in, once they are over; the
    /// user's sessions on the admin pages; and LiveKit's events about them in rooms without a call. A call is erased
    /// as a whole, because nobody knows whose words a turn holds.
    ///
    /// # Errors
    /// The database did not answer; the calls before the failing one have been erased.
    pub async fn erase_user(&self, user_id: &str) -> Result<ErasedUser, StoreError> {
        // The index over this expression is webhook_events_person. Events of open calls stay with them.
        const EVENTS: &str = "DELETE FROM webhook_events \
             WHERE payload -> 'participant' ->> 'identity' = $1 \
             AND call_id IS NULL AND processed_at IS NOT NULL";
        let calls = self.calls_and_ends(user_id).await?;
        let (over, open): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(_, end)| end.is_some());
        let over: Vec<Uuid> = over.into_iter().map(|(id, _)| id).collect();
        self.end_sessions_of(user_id, None).await?;
        on!(self, |pool| sqlx::query(EVENTS)
            .bind(user_id)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(ErasedUser {
            calls: self.delete_personal_data(&over).await?,
            open: open.into_iter().map(|(id, _)| id).collect(),
        })
    }

    async fn calls_and_ends(&self, user_id: &str) -> Result<Vec<(Uuid, Option<At>)>, StoreError> {
        // A union of three indexed sets, because an OR over them would read every call.
        const SELECT: &str = "SELECT id, ended_at FROM voice_calls WHERE deleted_at IS NULL \
             AND id IN (SELECT id FROM voice_calls WHERE caller_id = $1 \
             UNION SELECT id FROM voice_calls WHERE callee_id = $1 \
             UNION SELECT call_id FROM call_participants WHERE user_id = $1) \
             ORDER BY created_at, id";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(user_id)
            .fetch_all(pool)
            .await?))
    }
}
