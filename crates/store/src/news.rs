//! What happens in a call, for those who want to know it before the call's end: an outbox of events, each
//! written in the transaction that writes what it tells of.
//!
//! A row says only which turn or which tool it tells of; the words are read when it is posted. Ids rise with
//! time, and by them a call's events are taken one after the other.

use chrono::TimeDelta;
use sqlx::types::Json;
use uuid::Uuid;

use super::{At, Pool, Store, StoreError, on};
use sidetone_config::webhook::WebhookEvent;

/// An event that is not taken in so many tries is passed by those after it: a receiver that refuses one
/// is not to miss the rest.
const PATIENT_TRIES: i32 = 4;

/// Writes that something has happened, where the call's receiver wants to know it. The same again is told
/// again, as a turn that has gone on is, under a new id and after all that came before.
pub(super) const NOTE: &str = "INSERT INTO call_events (id, call_id, kind, about, url, due_at) \
     SELECT $1, call_id, $3, $4, url, $5 FROM call_webhooks \
     WHERE call_id = $2 AND ',' || events || ',' LIKE '%,' || $3 || ',%' \
     ON CONFLICT (call_id, kind, about) DO UPDATE SET id = excluded.id, state = 'waiting', \
     due_at = excluded.due_at, first_try_at = NULL, tries = 0, last_error = NULL";

/// [`NOTE`] in a transaction of either database.
macro_rules! note {
    ($tx:ident, $call_id:expr, $kind:expr, $about:expr) => {
        sqlx::query($crate::news::NOTE)
            .bind(uuid::Uuid::now_v7())
            .bind($call_id)
            .bind($kind.as_str())
            .bind($about)
            .bind($crate::now())
            .execute(&mut *$tx)
            .await?
    };
}
pub(super) use note;

/// See [`Store::take_events`]. What is due is chosen once, as for the ends of calls.
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
/// Rows that another process is taking are passed over, not waited for.
const TAKE_AMONG_MANY: &str = take_events!(
    "jsonb_array_elements_text($5::jsonb) AS urls(value)",
    " FOR UPDATE OF event SKIP LOCKED"
);

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Try {
    /// It was taken.
    Delivered,
    /// It was not: again at this time, for this reason.
    Again(At, String),
    /// It was not, and never will be.
    GivenUp(String),
}

impl Try {
    /// State, time and error of the row.
    pub(super) fn columns(&self, now: At) -> (&'static str, At, Option<&String>) {
        match self {
            Self::Delivered => ("delivered", now, None),
            Self::Again(at, error) => ("waiting", *at, Some(error)),
            Self::GivenUp(error) => ("given_up", now, Some(error)),
        }
    }
}

/// An event of a call, to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEvent {
    /// The event's id: the same at each try.
    pub id: Uuid,
    /// The call it is of.
    pub call_id: Uuid,
    /// What has happened.
    pub kind: WebhookEvent,
    /// The turn's id, or that of the tool's run; empty where it is the call itself.
    pub about: String,
    /// Where to.
    pub url: String,
    /// When it was tried first.
    pub first_try_at: At,
    /// Tries so far, this one included.
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
    /// Takes events that are due, for `lease`: of each call the first that is not delivered yet, or not taken
    /// in four tries. Any number of processes may ask at once; each event goes to one of them. None is taken
    /// that goes to one of `except`, which are busy.
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

    /// Notes what became of a try. Nothing where the same thing has happened again meanwhile: that is posted
    /// under another id.
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
