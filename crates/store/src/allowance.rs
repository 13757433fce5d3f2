//! How many calls one user may have: tokens that nobody has used yet, and calls that go on.

use super::turnstile::Turnstile as _;
use super::{At, Call, NewCall, Store, StoreError, calls, in_transaction, on};

/// How many calls one user may have at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Calls that nobody has joined, whose token is still good.
    pub unjoined: i64,
    /// Calls that go on.
    pub at_once: i64,
}

/// What a user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Calls that nobody has joined, and when the oldest was made.
    pub unjoined: i64,
    /// When the first of these was made.
    pub first_unjoined: Option<At>,
    /// Calls that go on.
    pub at_once: i64,
}

super::from_row!(Open {
    unjoined,
    first_unjoined,
    at_once
});

/// A call that was made, or is one too many.
#[derive(Clone, Debug, PartialEq)]
pub enum Allowed {
    /// It is written, or one was under way in its room.
    Made(Box<Call>),
    /// The user has as many as may be.
    Over(Open),
}

/// What a user has open. `$2`: tokens given before are no good any more.
const OPEN: &str = "SELECT \
     COUNT(*) FILTER (WHERE started_at IS NULL AND created_at > $2) AS unjoined, \
     MIN(created_at) FILTER (WHERE started_at IS NULL AND created_at > $2) AS first_unjoined, \
     COUNT(*) FILTER (WHERE started_at IS NOT NULL) AS at_once \
     FROM voice_calls WHERE caller_id = $1 AND ended_at IS NULL AND deleted_at IS NULL";

impl Store {
    /// As [`Store::create_call`], for a user who has less than is allowed; those who ask at the same time
    /// are counted one after the other. Tokens given before `since` are no good any more. A call of this
    /// id, or one that is under way in the room already, is given to anybody.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn create_call_within(
        &self,
        call: &NewCall,
        allowance: Allowance,
        since: At,
    ) -> Result<Allowed, StoreError> {
        const THERE: &str = "SELECT * FROM voice_calls WHERE id = $1 \
             OR (room_name = $2 AND ended_at IS NULL AND deleted_at IS NULL) \
             ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1";
        Ok(in_transaction!(self, |tx| {
            tx.pass(&format!("calls of {}", call.caller_id)).await?;
            let there: Option<Call> = sqlx::query_as(THERE)
                .bind(call.id)
                .bind(&call.room_name)
                .fetch_optional(&mut *tx)
                .await?;
            let open: Open = sqlx::query_as(OPEN)
                .bind(&call.caller_id)
                .bind(since)
                .fetch_one(&mut *tx)
                .await?;
            let is_over = open.unjoined >= allowance.unjoined || open.at_once >= allowance.at_once;
            match there {
                Some(call) => Allowed::Made(Box::new(call)),
                None if is_over => Allowed::Over(open),
                None => {
                    let made: Call = calls::insert!(call).fetch_one(&mut *tx).await?;
                    Allowed::Made(Box::new(made))
                }
            }
        }))
    }

    /// How many agents are asked for or in the rooms of a user's calls, but for this room.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agents_of_user(&self, user_id: &str, but: &str) -> Result<i64, StoreError> {
        const SELECT: &str = "SELECT COUNT(*) FROM dispatches d \
             JOIN voice_calls c ON c.id = d.call_id \
             WHERE c.caller_id = $1 AND c.caller_id <> '' AND c.ended_at IS NULL AND c.deleted_at IS NULL \
             AND d.room_name <> $2 AND d.state IN ('asked', 'joined')";
        Ok(on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(user_id)
            .bind(but)
            .fetch_one(pool)
            .await?))
    }
}
