//! Who took part in a call: one row per stay.

use std::collections::HashMap;

use uuid::Uuid;

use super::calls::Call;
use super::status::{Dialled, Facts, seconds_between};
use super::{At, Json, ParticipantKind, Stay, Store, StoreError, on};

/// A participant's stay as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Row number.
    pub id: i32,
    /// LiveKit identity.
    pub user_id: String,
    /// The display name.
    pub participant_name: String,
    /// When they joined.
    pub joined_at: Option<At>,
    /// When they left, as far as is known.
    pub left_at: Option<At>,
    /// From `joined_at` to `left_at`.
    pub duration_seconds: Option<i32>,
    /// The latest known mute state.
    pub is_muted: bool,
    /// LiveKit's id of the stay.
    pub participant_sid: String,
    /// Person or agent.
    pub kind: ParticipantKind,
    /// When muting last changed.
    pub muted_at: Option<At>,
}

super::from_row!(Participant {
    id,
    user_id,
    participant_name,
    joined_at,
    left_at,
    duration_seconds,
    is_muted,
    participant_sid,
    kind: text,
    muted_at,
});

/// All stays of a call.
pub(super) const PARTICIPANTS: &str =
    "SELECT * FROM call_participants WHERE call_id = $1 ORDER BY joined_at, id";

impl Participant {
    /// What is known about the stay.
    pub(super) fn stay(&self) -> Stay {
        Stay {
            sid: self.participant_sid.clone(),
            user_id: self.user_id.clone(),
            name: self.participant_name.clone(),
            kind: self.kind,
            joined_at: self.joined_at,
            left_at: self.left_at,
            muted: self.muted_at.map(|at| (at, self.is_muted)),
        }
    }
}

/// What is known about a call.
pub(super) fn facts_of<'a>(call: &Call, stays: impl Iterator<Item = &'a Participant>) -> Facts {
    let mut stays: Vec<Stay> = stays.map(Participant::stay).collect();
    stays.sort_by(|a, b| a.sid.cmp(&b.sid));
    Facts {
        started_at: call.started_at,
        finished_at: call.room_finished_at,
        over: call.over_at.map(|at| (at, call.hung_up)),
        resumed_at: call.resumed_at,
        failure: call.failed_at.zip(call.failure_reason.clone()),
        dialled: match &call.outbound {
            None => Dialled::No,
            Some(Json(outbound)) => outbound
                .answered_at
                .map_or(Dialled::Rings, Dialled::Answered),
        },
        stays,
    }
}

impl Store {
    /// The participants of a call. A participant who is not known to have left is shown as having left at the call's
    /// end; that is not stored as a fact, so later news of their leaving counts.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn participants(&self, call_id: Uuid) -> Result<Vec<Participant>, StoreError> {
        let mut stays: Vec<Participant> = on!(self, |pool| sqlx::query_as(PARTICIPANTS)
            .bind(call_id)
            .fetch_all(pool)
            .await?);
        if stays.iter().all(|stay| stay.left_at.is_some()) {
            return Ok(stays);
        }
        let Some(call) = self.call(call_id).await? else {
            return Ok(stays);
        };
        let facts = facts_of(&call, stays.iter());
        for stay in &mut stays {
            stay.left_at = facts.left_at(&stay.stay());
            stay.duration_seconds = stay
                .joined_at
                .zip(stay.left_at)
                .map(|(joined, left)| seconds_between(joined, left));
        }
        Ok(stays)
    }

    /// Whether a call has a stay of this id.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn is_in_call(
        &self,
        call_id: Uuid,
        participant_sid: &str,
    ) -> Result<bool, StoreError> {
        const SELECT: &str = "SELECT COUNT(*) FROM call_participants \
             WHERE call_id = $1 AND participant_sid = $2";
        let stays: i64 = on!(self, |pool| sqlx::query_scalar(SELECT)
            .bind(call_id)
            .bind(participant_sid)
            .fetch_one(pool)
            .await?);
        Ok(stays > 0)
    }

    /// How many people are in each open call, as far as is known. A call without people is left out.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn people_in_open_calls(&self) -> Result<HashMap<Uuid, u32>, StoreError> {
        const SELECT: &str = "SELECT c.id, COUNT(*) FROM voice_calls c \
             JOIN call_participants p ON p.call_id = c.id \
             WHERE c.ended_at IS NULL AND p.left_at IS NULL AND p.kind = 'user' GROUP BY c.id";
        let counts: Vec<(Uuid, i64)> =
            on!(self, |pool| sqlx::query_as(SELECT).fetch_all(pool).await?);
        let counts = counts.into_iter();
        Ok(counts
            .map(|(id, people)| (id, u32::try_from(people).unwrap_or(u32::MAX)))
            .collect())
    }
}
