//! Counts of what is open or waiting, for whoever monitors the pool. Numbers only.

use super::{At, CallStatus, Store, StoreError, on};

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Census {
    /// Calls that are not over, by status.
    pub open_calls: Vec<(CallStatus, i64)>,
    /// Ended calls whose webhook is still to be delivered.
    pub posts_waiting: i64,
    /// When the oldest of those calls ended.
    pub oldest_post: Option<At>,
    /// Calls whose result is still to be made.
    pub results_owed: i64,
}

impl Store {
    /// Counts. Each number is read from an index over open entries only, however many finished ones there are.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn census(&self) -> Result<Census, StoreError> {
        const CALLS: &str = "SELECT status, COUNT(*) FROM voice_calls \
             WHERE ended_at IS NULL AND deleted_at IS NULL GROUP BY status";
        const POSTS: &str = "SELECT COUNT(*), MIN(voice_calls.ended_at) FROM call_webhooks \
             JOIN voice_calls ON voice_calls.id = call_webhooks.call_id \
             WHERE call_webhooks.state = 'waiting' AND voice_calls.ended_at IS NOT NULL";
        const OWED: &str = "SELECT COUNT(*) FROM results_owed";
        let (calls, (posts_waiting, oldest_post), results_owed) = on!(self, |pool| {
            let calls: Vec<(String, i64)> = sqlx::query_as(CALLS).fetch_all(pool).await?;
            let posts: (i64, Option<At>) = sqlx::query_as(POSTS).fetch_one(pool).await?;
            let owed: i64 = sqlx::query_scalar(OWED).fetch_one(pool).await?;
            (calls, posts, owed)
        });
        let bad = |error: String| StoreError::Query(sqlx::Error::Decode(error.into()));
        let calls = calls.into_iter();
        let calls = calls.map(|(status, n)| Ok((status.parse().map_err(bad)?, n)));
        Ok(Census {
            open_calls: calls.collect::<Result<_, StoreError>>()?,
            posts_waiting,
            oldest_post,
            results_owed,
        })
    }
}
