//! Stages that failed while the call went on.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::erasure::in_call;
use super::{At, Store, StoreError, on};

/// How many errors are stored per call: a provider that is down fails every turn in the same way.
const KEPT: i64 = 100;

/// A stage that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageError {
    /// stt, llm, tts, tool or transport.
    pub stage: String,
    /// The cause, without secrets and without words of the conversation.
    pub message: String,
    /// When it failed.
    pub at: At,
}

super::from_row!(StageError { stage, message, at });

impl Store {
    /// Adds an error to a call, once per `id`, which the caller chooses. Only the first 100 are stored, and none of a
    /// call that was erased.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn save_error(
        &self,
        call_id: Uuid,
        id: &str,
        error: &StageError,
    ) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO call_errors (call_id, stage, message, at, entry) \
             SELECT id, $2, $3, $4, $6 FROM voice_calls WHERE id = $1 \
             AND (SELECT COUNT(*) FROM call_errors WHERE call_id = $1) < $5 \
             ON CONFLICT (call_id, entry) DO NOTHING";
        in_call!(self, call_id, |tx| {
            sqlx::query(INSERT)
                .bind(call_id)
                .bind(&error.stage)
                .bind(&error.message)
                .bind(error.at)
                .bind(KEPT)
                .bind(id)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// The errors of a call, in order.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn stage_errors(&self, call_id: Uuid) -> Result<Vec<StageError>, StoreError> {
        const SELECT: &str =
            "SELECT stage, message, at FROM call_errors WHERE call_id = $1 ORDER BY at, id";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_all(pool)
            .await?))
    }
}
