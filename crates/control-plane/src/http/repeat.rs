//! A request with an `Idempotency-Key` is carried out once, however often it is sent: a client that got no response
//! sends it again, without making a second call.
//! What a repetition needs is stored before anything is done: the id of the call that the request makes. So
//! concurrent repetitions, sent to any control planes, all make the same call.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::AppState;
use super::auth::Principal;
use super::error::Problem;
use sidetone_store::At;
use sidetone_store::repeatable::{First, Request};

const HEADER: &str = "idempotency-key";
/// Its name as it is told.
const FIELD: &str = "Idempotency-Key";
/// Longest key.
const LONGEST: usize = 255;

/// A request that may be a repetition.
#[derive(Debug)]
pub(super) struct Repeatable {
    request: Request,
    first: First,
}

impl Repeatable {
    /// The id of the call that the request makes, and when it was first requested.
    pub(super) fn call(&self) -> (Uuid, At) {
        (self.first.call_id, self.first.asked_at)
    }

    /// The first response.
    pub(super) fn answer(&self) -> Option<&Value> {
        self.first.answer.as_ref().map(|answer| &answer.0)
    }
}

impl AppState {
    /// The request as it was first sent, if it has a key. `route` and the sender distinguish it from others with the
    /// same key; `call` is the id of the call to make, if it is the first.
    /// # Errors
    /// 400: the key is invalid. 422: another request has used it.
    pub(super) async fn repeatable(
        &self,
        headers: &HeaderMap,
        principal: &Principal,
        route: &str,
        body: &[u8],
        call: Uuid,
    ) -> Result<Option<Repeatable>, Problem> {
        let mut keys = headers.get_all(HEADER).iter();
        let Some(key) = keys.next() else {
            return Ok(None);
        };
        let key = key.to_str().map(str::trim).unwrap_or_default();
        let is_good = (1..=LONGEST).contains(&key.len()) && keys.next().is_none();
        if !is_good {
            let fix = format!("{FIELD} must be one text of 1 to {LONGEST} ASCII characters");
            return Err(Problem::field(FIELD, fix));
        }
        let mut id = Sha256::new();
        for part in [route, &principal.bucket(), key] {
            // With its length, so that no two lists of parts can be confused.
            id.update((part.len() as u64).to_be_bytes());
            id.update(part);
        }
        let request = Request {
            id: id.finalize().into(),
            body: Sha256::digest(body.trim_ascii()).into(),
        };
        let now = sidetone_store::now();
        let first = self.store().first_request(&request, call, now).await?;
        if first.body != request.body {
            return Err(Problem {
                field: Some(FIELD.into()),
                ..Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "Idempotency-Key already used",
                    "This Idempotency-Key was already used with another body; use a new one for \
                     each request, and repeat it only with the same body.",
                )
            });
        }
        Ok(Some(Repeatable { request, first }))
    }

    /// Stores the response to a request, and returns the one that counts: the first.
    pub(super) async fn answered(
        &self,
        repeatable: &Repeatable,
        answer: Value,
    ) -> Result<Value, Problem> {
        let kept = self.store().keep_answer(&repeatable.request, &answer);
        Ok(kept.await?.unwrap_or(answer))
    }
}
