//! How many calls one user may have: unused tokens, and calls that go on.

use super::turnstile::Turnstile as _;
use super::{At, Call, NewCall, Store, StoreError, calls, in_transaction, on};

/// How many calls one user may have at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Calls that nobody has joined and whose token is still valid.
    pub unjoined: i64,
    /// Calls that somebody has joined.
    pub at_once: i64,
}

/// The open calls of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Calls that nobody has joined and whose token is still valid.
    pub unjoined: i64,
    /// When the oldest of these was created.
    pub first_unjoined: Option<At>,
    /// Calls that somebody has joined.
    pub at_once: i64,
}

super::from_row!(Open {
    unjoined,
    first_unjoined,
    at_once
});

/// The outcome of [`Store::create_call_within`].
#[derive(Clone, Debug, PartialEq)]
pub enum Allowed {
    /// The call was created, or was already there.
    Made(Box<Call>),
    /// The user already has as many calls as allowed.
    Over(Open),
}

/// The open calls of a user. Tokens issued at or before `$2` have expired.
const OPEN: &str = "SELECT \
     COUNT(*) FILTER (WHERE started_at IS NULL AND COALESCE(token_at, created_at) > $2) AS unjoined, \
     MIN(COALESCE(token_at, created_at)) FILTER (WHERE started_at IS NULL \
     AND COALESCE(token_at, created_at) > $2) AS first_unjoined, \
     COUNT(*) FILTER (WHERE started_at IS NOT NULL) AS at_once \
     FROM voice_calls WHERE caller_id = $1 AND ended_at IS NULL AND deleted_at IS NULL";

impl Store {
    /// Like [`Store::create_call`], but only for a user below the allowance; simultaneous requests are counted one
    /// after the other. Tokens issued before `since` have expired. A call with this id, or one that is under way in
    /// the room, is returned regardless of the allowance.
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

    /// How many agents are dispatched to, or in, the rooms of a user's calls, except the room `but`.
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
