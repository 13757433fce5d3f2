//! What was said, turn by turn, as it happens.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::in_call;
use super::news::note;
use super::{At, Store, StoreError, on};
use sidetone_base::text_enum;
use sidetone_config::webhook::WebhookEvent;

text_enum! {
    /// Who said it.
    Speaker {
        /// The caller.
        User = "user",
        /// The agent: only words that were heard.
        Agent = "agent",
    }
}

/// One turn of the caller or one reply of the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredTurn {
    /// The id within the call (the transcript segment's): writing it again replaces the turn.
    pub turn_id: String,
    /// Who said it.
    pub speaker: Speaker,
    /// A caller's turn, where several people are heard: the person's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The person's name, which nobody else has in the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The words.
    pub text: String,
    /// When it was first heard.
    pub started_at: At,
    /// When it was last heard.
    pub ended_at: Option<At>,
    /// Whether the caller interrupted it.
    pub interrupted: bool,
    /// Agent only: more of it was still to be heard. It stays set if the agent is lost.
    #[serde(default)]
    pub unfinished: bool,
    /// Agent only: it answers nothing that the caller said, as with a greeting.
    #[serde(default)]
    pub unasked: bool,
    /// Agent only: from the end of the caller's speech to the first sound, in ms.
    pub latency_ms: Option<i32>,
    /// The latency of each stage, and similar measurements.
    pub metrics: Json<Value>,
}

super::from_row!(StoredTurn {
    turn_id,
    speaker: text,
    person,
    name,
    text,
    started_at,
    ended_at,
    interrupted,
    unfinished,
    unasked,
    latency_ms,
    metrics,
});

impl Store {
    /// Writes a turn, new or known, and the call's transcript with it. Returns false if there is no such call, or it
    /// was erased.
    ///
    /// # Errors
    /// The database did not answer; nothing has changed then.
    pub async fn save_turn(&self, call_id: Uuid, turn: &StoredTurn) -> Result<bool, StoreError> {
        const UPSERT: &str = "INSERT INTO call_turns (call_id, turn_id, speaker, text, \
             started_at, ended_at, interrupted, latency_ms, metrics, unfinished, unasked, person, \
             name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (call_id, turn_id) DO UPDATE SET text = excluded.text, \
             started_at = excluded.started_at, ended_at = excluded.ended_at, \
             interrupted = excluded.interrupted, latency_ms = excluded.latency_ms, \
             metrics = excluded.metrics, unfinished = excluded.unfinished, \
             unasked = excluded.unasked, person = excluded.person, name = excluded.name";
        const TRANSCRIPT: &str = "UPDATE voice_calls SET transcript = (SELECT \
             string_agg(COALESCE(name, speaker) || ': ' || text, $2 ORDER BY started_at, turn_id) \
             FROM call_turns WHERE call_id = $1) WHERE id = $1";
        const SAME: &str = "SELECT COUNT(*) FROM call_turns WHERE call_id = $1 AND turn_id = $2 \
             AND text = $3 AND interrupted = $4 AND NOT unfinished";
        Ok(in_call!(self, call_id, |tx| {
            let same: i64 = sqlx::query_scalar(SAME)
                .bind(call_id)
                .bind(&turn.turn_id)
                .bind(&turn.text)
                .bind(turn.interrupted)
                .fetch_one(&mut *tx)
                .await?;
            if same == 0 && !turn.unfinished {
                note!(tx, call_id, WebhookEvent::Turn, &turn.turn_id);
            }
            sqlx::query(UPSERT)
                .bind(call_id)
                .bind(&turn.turn_id)
                .bind(turn.speaker.as_str())
                .bind(&turn.text)
                .bind(turn.started_at)
                .bind(turn.ended_at)
                .bind(turn.interrupted)
                .bind(turn.latency_ms)
                .bind(&turn.metrics)
                .bind(turn.unfinished)
                .bind(turn.unasked)
                .bind(&turn.person)
                .bind(&turn.name)
                .execute(&mut *tx)
                .await?;
            if turn.speaker == Speaker::User {
                sqlx::query(super::saying::DELETE)
                    .bind(call_id)
                    .execute(&mut *tx)
                    .await?;
            }
            sqlx::query(TRANSCRIPT)
                .bind(call_id)
                .bind("\n")
                .execute(&mut *tx)
                .await?;
            true
        }))
    }

    /// One turn of a call.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn turn(&self, call_id: Uuid, id: &str) -> Result<Option<StoredTurn>, StoreError> {
        const SELECT: &str = "SELECT * FROM call_turns WHERE call_id = $1 AND turn_id = $2";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .bind(id)
            .fetch_optional(pool)
            .await?))
    }

    /// The turns of a call in order.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn turns(&self, call_id: Uuid) -> Result<Vec<StoredTurn>, StoreError> {
        const SELECT: &str =
            "SELECT * FROM call_turns WHERE call_id = $1 ORDER BY started_at, turn_id";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_all(pool)
            .await?))
    }
}
