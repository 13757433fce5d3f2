//! The results of calls, and the outbox of post-call webhooks.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::in_call;
pub use super::news::Try;
use super::news::note;
use super::{At, Pool, Store, StoreError, on};
use sidetone_config::webhook::WebhookEvent;

/// See [`Store::take_webhooks`]. The due rows are chosen once, in a materialized part of their own: Postgres may run a
/// subquery again for each row.
macro_rules! take_webhooks {
    ($urls:literal, $lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT hook.call_id FROM call_webhooks AS hook \
             JOIN voice_calls AS call ON call.id = hook.call_id \
             LEFT JOIN call_results AS made ON made.call_id = hook.call_id \
             WHERE hook.state = 'waiting' AND hook.due_at <= $1 AND call.ended_at IS NOT NULL \
             AND (call.ended_at <= $3 OR (made.call_id IS NOT NULL AND NOT EXISTS ( \
             SELECT 1 FROM call_events AS event WHERE event.call_id = hook.call_id \
             AND event.state = 'waiting'))) \
             AND hook.url NOT IN (SELECT value FROM ",
            $urls,
            ") ORDER BY hook.due_at LIMIT $4",
            $lock,
            ") UPDATE call_webhooks SET due_at = $2, tries = tries + 1, \
             first_try_at = COALESCE(first_try_at, $1) \
             WHERE state = 'waiting' AND due_at <= $1 AND call_id IN (SELECT call_id FROM due) \
             RETURNING id, call_id, url, first_try_at, tries"
        )
    };
}

/// SQLite has one writer at a time.
const TAKE_ALONE: &str = take_webhooks!("json_each($5)", "");
/// Rows that another process is taking are skipped, not waited for.
const TAKE_AMONG_MANY: &str = take_webhooks!(
    "jsonb_array_elements_text($5::jsonb) AS urls(value)",
    " FOR UPDATE OF hook SKIP LOCKED"
);

/// The result of a call, as its agent's model put it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallResult {
    /// The fields of the agent's `[result]`. `None` if the model gave no result.
    pub result: Option<Json<Value>>,
    /// Why there is no result.
    pub error: Option<String>,
    /// When it was made.
    pub made_at: At,
}

super::from_row!(CallResult {
    result,
    error,
    made_at
});

/// A post-call webhook to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The event's id, which is the same at each attempt.
    pub id: Uuid,
    /// The call that is over.
    pub call_id: Uuid,
    /// The URL to post it to.
    pub url: String,
    /// When it was first attempted.
    pub first_try_at: At,
    /// Attempts so far, including this one.
    pub tries: i32,
}

super::from_row!(Webhook {
    id,
    call_id,
    url,
    first_try_at,
    tries
});

impl Store {
    /// Stores the result of a call, which is then no longer owed; a later result replaces it. Returns false if there
    /// is no such call, or it was erased.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn save_result(&self, call_id: Uuid, made: &CallResult) -> Result<bool, StoreError> {
        const UPSERT: &str = "INSERT INTO call_results (call_id, result, error, made_at) \
             VALUES ($1, $2, $3, $4) \
             ON CONFLICT (call_id) DO UPDATE SET result = excluded.result, \
             error = excluded.error, made_at = excluded.made_at";
        const PAID: &str = "DELETE FROM results_owed WHERE call_id = $1 AND owed_at <= $2";
        Ok(in_call!(self, call_id, |tx| {
            sqlx::query(UPSERT)
                .bind(call_id)
                .bind(&made.result)
                .bind(&made.error)
                .bind(made.made_at)
                .execute(&mut *tx)
                .await?;
            sqlx::query(PAID)
                .bind(call_id)
                .bind(made.made_at)
                .execute(&mut *tx)
                .await?;
            true
        }))
    }

    /// The result of a call, if it is known.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn result(&self, call_id: Uuid) -> Result<Option<CallResult>, StoreError> {
        const SELECT: &str = "SELECT result, error, made_at FROM call_results WHERE call_id = $1";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?))
    }

    /// Records at a call's start where its end will be posted, so that a killed process cannot prevent it, and which
    /// `events` are posted before the end. A call that is already in the outbox keeps its row; nothing is posted about
    /// an erased call.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn will_tell(
        &self,
        call_id: Uuid,
        url: &str,
        events: &[WebhookEvent],
        now: At,
    ) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO call_webhooks (id, call_id, url, due_at, events) \
             VALUES ($2, $1, $3, $4, $5) \
             ON CONFLICT (call_id) DO NOTHING";
        const CONNECTED: &str =
            "SELECT COUNT(*) FROM voice_calls WHERE id = $1 AND connected_at IS NOT NULL";
        let names: Vec<&str> = events.iter().map(|event| event.as_str()).collect();
        in_call!(self, call_id, |tx| {
            let added = sqlx::query(INSERT)
                .bind(call_id)
                .bind(Uuid::now_v7())
                .bind(url)
                .bind(now)
                .bind(names.join(","))
                .execute(&mut *tx)
                .await?;
            let connected: i64 = sqlx::query_scalar(CONNECTED)
                .bind(call_id)
                .fetch_one(&mut *tx)
                .await?;
            if added.rows_affected() > 0 && connected > 0 {
                note!(tx, call_id, WebhookEvent::Started, "");
            }
        });
        Ok(())
    }

    /// Takes due webhooks for the length of `lease`: of calls that have ended and whose result is stored and events
    /// are delivered, or that ended longer than `patience` ago. Any number of processes may ask at once; each row goes
    /// to one of them. Webhooks for receivers in `except`, which are busy, are left.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn take_webhooks(
        &self,
        now: At,
        lease: TimeDelta,
        patience: TimeDelta,
        except: &[String],
        limit: i64,
    ) -> Result<Vec<Webhook>, StoreError> {
        let take = match &self.pool {
            Pool::Sqlite(_) => TAKE_ALONE,
            Pool::Postgres(_) => TAKE_AMONG_MANY,
        };
        Ok(on!(self, |pool| sqlx::query_as(take)
            .bind(now)
            .bind(now + lease)
            .bind(now - patience)
            .bind(limit)
            .bind(Json(except))
            .fetch_all(pool)
            .await?))
    }

    /// Records the outcome of an attempt.
    ///
    /// # Errors
    /// The database did not answer; the webhook is then delivered again.
    pub async fn webhook_tried(&self, id: Uuid, now: At, tried: &Try) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE call_webhooks SET state = $2, due_at = $3, last_error = $4 \
             WHERE id = $1";
        let (state, due_at, error) = tried.columns(now);
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(id)
            .bind(state)
            .bind(due_at)
            .bind(error)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// The state of a call's webhook (waiting, delivered or given_up), if it has one.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn webhook_state(&self, call_id: Uuid) -> Result<Option<String>, StoreError> {
        const SELECT: &str = "SELECT state FROM call_webhooks WHERE call_id = $1";
        Ok(on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?))
    }
}
