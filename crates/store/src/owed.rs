//! Results that are still to be made: a call's job records one before the call ends, because the process that makes it
//! afterwards may die.

use chrono::TimeDelta;
use uuid::Uuid;

use super::erasure::in_call;
use super::{At, Store, StoreError, on};

/// A result that was not made in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The call that is over.
    pub call_id: Uuid,
    /// The agent whose `[result]` it is.
    pub agent: String,
    /// How often it was taken, including this time.
    pub tries: i32,
}

super::from_row!(Owed {
    call_id,
    agent,
    tries
});

impl Store {
    /// Records that a result has been owed since `owed_at` and is being made until `due_at`. Has no effect if a later
    /// result is already stored. Returns false if there is no such call, or it was erased.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn owe_result(
        &self,
        call_id: Uuid,
        agent: &str,
        owed_at: At,
        due_at: At,
    ) -> Result<bool, StoreError> {
        const UPSERT: &str = "INSERT INTO results_owed (call_id, agent, owed_at, due_at) \
             SELECT $1, $2, $3, $4 WHERE NOT EXISTS ( \
             SELECT 1 FROM call_results WHERE call_id = $1 AND made_at >= $3) \
             ON CONFLICT (call_id) DO UPDATE SET agent = excluded.agent, \
             owed_at = excluded.owed_at, due_at = excluded.due_at, tries = 0 \
             WHERE results_owed.owed_at < excluded.owed_at";
        Ok(in_call!(self, call_id, |tx| {
            sqlx::query(UPSERT)
                .bind(call_id)
                .bind(agent)
                .bind(owed_at)
                .bind(due_at)
                .execute(&mut *tx)
                .await?;
            true
        }))
    }

    /// Takes overdue results for the length of `lease`. Any number of processes may ask at once; each result goes to
    /// one of them. Results of calls that go on, with another agent or with a person, are not due.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn take_owed(
        &self,
        now: At,
        lease: TimeDelta,
        limit: i64,
    ) -> Result<Vec<Owed>, StoreError> {
        // A process that waited for another's row lock finds the row taken: its `due_at` has moved on.
        const UPDATE: &str = "UPDATE results_owed SET due_at = $2, tries = tries + 1 \
             WHERE due_at <= $1 AND call_id IN ( \
             SELECT call_id FROM results_owed WHERE due_at <= $1 AND NOT EXISTS ( \
             SELECT 1 FROM voice_calls WHERE id = results_owed.call_id AND status = 'connected') \
             ORDER BY due_at LIMIT $3) \
             RETURNING call_id, agent, tries";
        Ok(on!(self, |pool| sqlx::query_as(UPDATE)
            .bind(now)
            .bind(now + lease)
            .bind(limit)
            .fetch_all(pool)
            .await?))
    }
}
