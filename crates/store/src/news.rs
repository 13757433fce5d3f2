//! What happens in a call, for receivers that want to know before the call ends: an outbox of events, each written in
//! the transaction that writes what it reports.
//!
//! A row says only which turn or tool run it is about; the words are read when it is posted. Ids increase with time,
//! and a call's events are delivered in the order of their ids.

use chrono::TimeDelta;
use sqlx::types::Json;
use uuid::Uuid;

use super::{At, Pool, Store, StoreError, on};
use sidetone_config::webhook::WebhookEvent;

/// After this many failed attempts an event no longer holds up those after it: a receiver that refuses one event
/// should not miss the rest.
const PATIENT_TRIES: i32 = 4;

/// Records that something has happened, if the call's receiver wants to know it. A repetition, such as a turn that was
/// continued, is posted again under a new id and after all earlier events.
pub(super) const NOTE: &str = "INSERT INTO call_events (id, call_id, kind, about, url, due_at) \
     SELECT $1, call_id, $3, $4, url, $5 FROM call_webhooks \
     WHERE call_id = $2 AND ',' || events || ',' LIKE '%,' || $3 || ',%' \
     ON CONFLICT (call_id, kind, about) DO UPDATE SET id = excluded.id, state = 'waiting', \
     due_at = excluded.due_at, first_try_at = NULL, tries = 0, last_error = NULL";

/// When a new event is due, whoever's clock is asked: a worker's may be ahead of that of the process that posts it.
pub(super) const AT_ONCE: At = At::UNIX_EPOCH;

/// [`NOTE`] in a transaction of either database.
macro_rules! note {
    ($tx:ident, $call_id:expr, $kind:expr, $about:expr) => {
        sqlx::query($crate::news::NOTE)
            .bind(uuid::Uuid::now_v7())
            .bind($call_id)
            .bind($kind.as_str())
            .bind($about)
            .bind($crate::news::AT_ONCE)
            .execute(&mut *$tx)
            .await?
    };
}
pub(super) use note;

/// See [`Store::take_events`]. The due rows are chosen once, as for post-call webhooks.
macro_rules! take_events {
    ($urls:literal, $lock:literal) => {
        concat!(
            "WITH due AS MATERIALIZED (SELECT event.id FROM call_events AS event \
             WHERE event.state = 'waiting' AND event.due_at <= $1 AND NOT EXISTS ( \
             SELECT 1 FROM call_events AS earlier WHERE earlier.call_id = event.call_id \
             AND earlier.state = 'waiting' AND earlier.id < event.id AND earlier.tries < $3) \
             AND event.url NOT IN (SELECT value FROM ",
            $urls,
            ") ORDER BY event.id LIMIT $4",
            $lock,
            ") UPDATE call_events SET due_at = $2, tries = tries + 1, \
             first_try_at = COALESCE(first_try_at, $1) \
             WHERE state = 'waiting' AND due_at <= $1 AND id IN (SELECT id FROM due) \
             RETURNING id, call_id, kind, about, url, first_try_at, tries"
        )
    };
}

/// SQLite has one writer at a time.
const TAKE_ALONE: &str = take_events!("json_each($5)", "");
/// Rows that another process is taking are skipped, not waited for.
const TAKE_AMONG_MANY: &str = take_events!(
    "jsonb_array_elements_text($5::jsonb) AS urls(value)",
    " FOR UPDATE OF event SKIP LOCKED"
);

/// The outcome of an attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Try {
    /// The receiver accepted it.
    Delivered,
    /// It failed: try again at this time, for this reason.
    Again(At, String),
    /// It failed for good.
    GivenUp(String),
}

impl Try {
    /// The row's state, time and error.
    pub(super) fn columns(&self, now: At) -> (&'static str, At, Option<&String>) {
        match self {
            Self::Delivered => ("delivered", now, None),
            Self::Again(at, error) => ("waiting", *at, Some(error)),
            Self::GivenUp(error) => ("given_up", now, Some(error)),
        }
    }
}

/// An event of a call to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEvent {
    /// The event's id, which is the same at each attempt.
    pub id: Uuid,
    /// The call that it belongs to.
    pub call_id: Uuid,
    /// What has happened.
    pub kind: WebhookEvent,
    /// The id of the turn or the tool run; empty if the event is about the call itself.
    pub about: String,
    /// The URL to post it to.
    pub url: String,
    /// When it was first attempted.
    pub first_try_at: At,
    /// Attempts so far, including this one.
    pub tries: i32,
}

super::from_row!(CallEvent {
    id,
    call_id,
    kind: text,
    about,
    url,
    first_try_at,
    tries
});

impl Store {
    /// Takes due events for the length of `lease`: the first undelivered one of each call, where events that have
    /// failed four times no longer hold up later ones. Any number of processes may ask at once; each event goes to one
    /// of them. Events for receivers in `except`, which are busy, are left.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn take_events(
        &self,
        now: At,
        lease: TimeDelta,
        except: &[String],
        limit: i64,
    ) -> Result<Vec<CallEvent>, StoreError> {
        let take = match &self.pool {
            Pool::Sqlite(_) => TAKE_ALONE,
            Pool::Postgres(_) => TAKE_AMONG_MANY,
        };
        Ok(on!(self, |pool| sqlx::query_as(take)
            .bind(now)
            .bind(now + lease)
            .bind(PATIENT_TRIES)
            .bind(limit)
            .bind(Json(except))
            .fetch_all(pool)
            .await?))
    }

    /// Records the outcome of an attempt. Has no effect if the same thing has happened again in the meantime: that is
    /// posted under another id.
    ///
    /// # Errors
    /// The database did not answer; the event is then delivered again.
    pub async fn event_tried(&self, id: Uuid, now: At, tried: &Try) -> Result<(), StoreError> {
        const UPDATE: &str =
            "UPDATE call_events SET state = $2, due_at = $3, last_error = $4 WHERE id = $1";
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
}
