//! What a caller is saying: recognised, and not over, so no turn of the call's yet. Kept for the agent that takes the
//! call over when its own is lost, and for nobody else: it is in no history.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::erasure::in_call;
use super::{At, Store, StoreError, on, storable};

/// The words of a call's open turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saying {
    /// The id that the turn will have.
    pub turn_id: String,
    /// All its words so far. Empty if it is no turn after all.
    pub text: String,
    /// The person's name, where several people are heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When they were recognised.
    pub at: At,
}

super::from_row!(Saying {
    turn_id,
    text,
    name,
    at,
});

/// A turn that is stored, or the end of its call, takes the place of what was being said.
pub(super) const DELETE: &str = "DELETE FROM call_saying WHERE call_id = $1";

impl Store {
    /// Writes what the caller of a call is saying, in the place of what was said before. Returns false if there is no
    /// such call, or it was erased.
    ///
    /// # Errors
    /// The database did not answer; nothing has changed then.
    pub async fn save_saying(&self, call_id: Uuid, saying: &Saying) -> Result<bool, StoreError> {
        const UPSERT: &str = "INSERT INTO call_saying (call_id, turn_id, text, name, at) \
             SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS ( \
             SELECT 1 FROM voice_calls WHERE id = $1 AND ended_at IS NOT NULL) \
             ON CONFLICT (call_id) DO UPDATE SET turn_id = excluded.turn_id, \
             text = excluded.text, name = excluded.name, at = excluded.at";
        Ok(in_call!(self, call_id, |tx| {
            if saying.text.is_empty() {
                sqlx::query(DELETE).bind(call_id).execute(&mut *tx).await?;
            } else {
                sqlx::query(UPSERT)
                    .bind(call_id)
                    .bind(&saying.turn_id)
                    .bind(storable::text(&saying.text))
                    .bind(saying.name.as_deref().map(storable::text))
                    .bind(saying.at)
                    .execute(&mut *tx)
                    .await?;
            }
            true
        }))
    }

    /// What the caller of a call was saying last, if it is not over.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn saying(&self, call_id: Uuid) -> Result<Option<Saying>, StoreError> {
        const SELECT: &str = "SELECT turn_id, text, name, at FROM call_saying WHERE call_id = $1";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?))
    }
}
