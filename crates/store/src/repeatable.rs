//! Requests that may be repeated: a request with an Idempotency-Key is executed once, however often and by whomever it
//! is sent, for as long as it is remembered.

use chrono::TimeDelta;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::{At, Store, StoreError, on};

/// How long a request is remembered.
pub const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// What identifies a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Hash of who sends it, for what, and with which key.
    pub id: [u8; 32],
    /// Hash of its content.
    pub body: [u8; 32],
}

/// A request as it was first sent.
#[derive(Clone, Debug, PartialEq)]
pub struct First {
    /// Hash of its content.
    pub body: Vec<u8>,
    /// The call that it creates.
    pub call_id: Uuid,
    /// The answer, if it is stored.
    pub answer: Option<Json<Value>>,
    /// When it was sent.
    pub asked_at: At,
}

super::from_row!(First {
    body,
    call_id,
    answer,
    asked_at
});

impl Store {
    /// The request as it was first sent, which may be now: of several sent at the same time, one is the first.
    /// Requests older than [`REMEMBERED`] are forgotten.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn first_request(
        &self,
        request: &Request,
        call_id: Uuid,
        now: At,
    ) -> Result<First, StoreError> {
        // Changes nothing if the request is known, and so returns the first request's row.
        const UPSERT: &str = "INSERT INTO repeatable_requests (id, body, call_id, asked_at) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET \
             body = CASE WHEN repeatable_requests.asked_at > $5 \
             THEN repeatable_requests.body ELSE excluded.body END, \
             call_id = CASE WHEN repeatable_requests.asked_at > $5 \
             THEN repeatable_requests.call_id ELSE excluded.call_id END, \
             answer = CASE WHEN repeatable_requests.asked_at > $5 \
             THEN repeatable_requests.answer ELSE NULL END, \
             asked_at = CASE WHEN repeatable_requests.asked_at > $5 \
             THEN repeatable_requests.asked_at ELSE excluded.asked_at END \
             RETURNING body, call_id, answer, asked_at";
        Ok(on!(self, |pool| sqlx::query_as(UPSERT)
            .bind(&request.id[..])
            .bind(&request.body[..])
            .bind(call_id)
            .bind(now)
            .bind(now - REMEMBERED)
            .fetch_one(pool)
            .await?))
    }

    /// Stores the answer to a request, unless there is one, and returns the answer that counts. `None` if the request
    /// has been forgotten.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn keep_answer(
        &self,
        request: &Request,
        answer: &Value,
    ) -> Result<Option<Value>, StoreError> {
        const UPDATE: &str = "UPDATE repeatable_requests SET answer = COALESCE(answer, $2) \
             WHERE id = $1 RETURNING answer";
        let kept: Option<Json<Value>> = on!(self, |pool| sqlx::query_scalar(UPDATE)
            .bind(&request.id[..])
            .bind(Json(answer))
            .fetch_optional(pool)
            .await?);
        Ok(kept.map(|Json(answer)| answer))
    }

    /// Deletes requests older than [`REMEMBERED`], and returns their number.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn forget_requests(&self, now: At) -> Result<u64, StoreError> {
        const DELETE: &str = "DELETE FROM repeatable_requests WHERE asked_at <= $1";
        Ok(on!(self, |pool| sqlx::query(DELETE)
            .bind(now - REMEMBERED)
            .execute(pool)
            .await?
            .rows_affected()))
    }
}
