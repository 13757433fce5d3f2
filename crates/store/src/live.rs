//! Calls under way.

use uuid::Uuid;

use super::{CallStatus, Store, StoreError, on};

/// A call that is not over.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveCall {
    /// The call's own id.
    pub id: Uuid,
    /// The call's status.
    pub status: CallStatus,
    /// The number of turns stored so far.
    pub turns: i64,
}

super::from_row!(LiveCall {
    id,
    status: text,
    turns
});

impl Store {
    /// The calls that are not over, newest first, at most 200.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn live_calls(&self) -> Result<Vec<LiveCall>, StoreError> {
        // Reads the index over open calls (voice_calls_open_room), and each call's turns by their own index.
        const SELECT: &str = "SELECT id, status, \
             (SELECT COUNT(*) FROM call_turns WHERE call_id = voice_calls.id) AS turns \
             FROM voice_calls WHERE ended_at IS NULL AND deleted_at IS NULL \
             ORDER BY created_at DESC, id DESC LIMIT 200";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }
}
