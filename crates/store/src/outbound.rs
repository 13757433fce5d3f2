//! Calls that agents make to telephones: the numbers, and the outcomes.

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::in_call;
use super::{At, Call, Store, StoreError, on};
use sidetone_base::text_enum;

text_enum! {
    /// The outcome of dialling a number.
    Outcome {
        /// It is ringing, or about to.
        Dialling = "dialling",
        /// A person or a machine has answered.
        Answered = "answered",
        /// An answering machine has answered.
        Voicemail = "voicemail",
        /// The line was busy.
        Busy = "busy",
        /// Nobody answered in time.
        NoAnswer = "no-answer",
        /// The call was rejected.
        Declined = "declined",
        /// It could not be placed, or the process that placed it was lost.
        Failed = "failed",
    }
}

/// A call that an agent makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outbound {
    /// The number that is dialled.
    pub number: String,
    /// LiveKit's id of the SIP trunk.
    pub trunk: String,
    /// dialling, answered, voicemail, busy, no-answer, declined or failed.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// Why it was not answered, as the telephone network reported it; or how an answering machine was recognised.
    #[serde(default)]
    pub reason: Option<String>,
    /// When it was answered.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<At>,
}

impl Outbound {
    /// A number to dial.
    pub fn to(number: impl Into<String>, trunk: impl Into<String>) -> Self {
        Self {
            number: number.into(),
            trunk: trunk.into(),
            outcome: Outcome::Dialling,
            reason: None,
            answered_at: None,
        }
    }

    /// Merges a report of the outcome. An answer counts, whatever other reports say; an answer by a machine counts
    /// even more.
    fn learn(&mut self, outcome: Outcome, reason: Option<String>, at: At) {
        let is_answer = matches!(outcome, Outcome::Answered | Outcome::Voicemail);
        if is_answer {
            let first = self.answered_at.map_or(at, |before| before.min(at));
            self.answered_at = Some(first);
        }
        let counts = match self.outcome {
            Outcome::Dialling => true,
            Outcome::Voicemail => false,
            Outcome::Answered => outcome == Outcome::Voicemail,
            _ => is_answer,
        };
        if counts {
            (self.outcome, self.reason) = (outcome, reason);
        }
    }

    /// As shown to others: a call that is over does not ring any more.
    pub fn shown(&self, is_over: bool) -> Self {
        let mut shown = self.clone();
        if is_over && shown.outcome == Outcome::Dialling {
            shown.outcome = Outcome::Failed;
            shown.reason = Some("what came of it was not learned".into());
        }
        shown
    }
}

impl Store {
    /// Records that an agent makes this call.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn dials(&self, call_id: Uuid, outbound: &Outbound) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET outbound = $2 \
             WHERE id = $1 AND deleted_at IS NULL AND outbound IS NULL";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(Json(outbound))
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// Records the outcome of dialling, and brings the call's status up to date. `None` if there is no such call, it
    /// is not one that an agent makes, or it was erased.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn dialled(
        &self,
        call_id: Uuid,
        outcome: Outcome,
        reason: Option<&str>,
        at: At,
    ) -> Result<Option<Call>, StoreError> {
        const SELECT: &str = "SELECT outbound FROM voice_calls WHERE id = $1";
        const UPDATE: &str = "UPDATE voice_calls SET outbound = $2 WHERE id = $1";
        let known: bool = in_call!(self, call_id, |tx| {
            let stored: Option<Json<Outbound>> = sqlx::query_scalar(SELECT)
                .bind(call_id)
                .fetch_one(&mut *tx)
                .await?;
            match stored {
                None => false,
                Some(Json(mut outbound)) => {
                    outbound.learn(outcome, reason.map(str::to_owned), at);
                    sqlx::query(UPDATE)
                        .bind(call_id)
                        .bind(Json(outbound))
                        .execute(&mut *tx)
                        .await?;
                    true
                }
            }
        });
        match known {
            true => self.observe(call_id, None, &[]).await,
            false => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
