//! Calls and who took part in them.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::rooms::{self, Room};
use super::status::{Facts, seconds_between};
use super::{
    At, CallStatus, CallType, Fact, ParticipantKind, Stay, Store, StoreError, in_transaction, on,
};

/// A call as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The call's own id.
    pub id: Uuid,
    /// LiveKit room.
    pub room_name: String,
    /// Who asked for the call.
    pub caller_id: String,
    /// Who is called, between users.
    pub callee_id: Option<String>,
    /// Who talks with whom.
    pub call_type: CallType,
    /// Where the call is.
    pub status: CallStatus,
    /// First sign of the room.
    pub started_at: Option<At>,
    /// Both sides met.
    pub connected_at: Option<At>,
    /// The call was over.
    pub ended_at: Option<At>,
    /// From connected to ended.
    pub duration_seconds: Option<i32>,
    /// Where the recording lies.
    pub recording_url: Option<String>,
    /// All that was said, a line a turn.
    pub transcript: Option<String>,
    /// Free for the product.
    pub metadata: Json<Value>,
    /// The row was written.
    pub created_at: At,
    /// LiveKit's id of the room that it is, or was last, in; once known.
    pub room_sid: Option<String>,
    /// LiveKit closed the room.
    pub room_finished_at: Option<At>,
    /// Its agent ended it.
    pub over_at: Option<At>,
    /// Somebody hung up on purpose.
    pub hung_up: bool,
    /// It was over, and goes on since.
    pub resumed_at: Option<At>,
    /// Something broke.
    pub failed_at: Option<At>,
    /// What broke.
    pub failure_reason: Option<String>,
    /// Its personal data was deleted; it takes no more.
    pub deleted_at: Option<At>,
}

super::from_row!(Call {
    id,
    room_name,
    caller_id,
    callee_id,
    call_type: text,
    status: text,
    started_at,
    connected_at,
    ended_at,
    duration_seconds,
    recording_url,
    transcript,
    metadata,
    created_at,
    room_sid,
    room_finished_at,
    over_at,
    hung_up,
    resumed_at,
    failed_at,
    failure_reason,
    deleted_at,
});

/// A call to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCall {
    /// Its id.
    pub id: Uuid,
    /// Its room.
    pub room_name: String,
    /// Who asked for it.
    pub caller_id: String,
    /// Who is called.
    pub callee_id: Option<String>,
    /// Who talks with whom.
    pub call_type: CallType,
    /// Free for the product.
    pub metadata: Value,
    /// Now.
    pub created_at: At,
}

/// A participant's stay as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Row number.
    pub id: i32,
    /// LiveKit identity.
    pub user_id: String,
    /// Name shown to others.
    pub participant_name: String,
    /// It came.
    pub joined_at: Option<At>,
    /// It went.
    pub left_at: Option<At>,
    /// From joined to left.
    pub duration_seconds: Option<i32>,
    /// At last.
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

/// Writes a call, or gives the one that is under way in its room.
pub(super) const INSERT: &str = "INSERT INTO voice_calls \
     (id, room_name, caller_id, callee_id, call_type, metadata, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (room_name) WHERE ended_at IS NULL \
     DO UPDATE SET room_name = excluded.room_name RETURNING *";

/// [`INSERT`] of a call, for either database.
macro_rules! insert {
    ($call:expr) => {
        sqlx::query_as::<_, $crate::Call>($crate::calls::INSERT)
            .bind($call.id)
            .bind(&$call.room_name)
            .bind(&$call.caller_id)
            .bind(&$call.callee_id)
            .bind($call.call_type.as_str())
            .bind($crate::Json(&$call.metadata))
            .bind($call.created_at)
    };
}
pub(super) use insert;

const PARTICIPANTS: &str =
    "SELECT * FROM call_participants WHERE call_id = $1 ORDER BY joined_at, id";

impl Store {
    /// Writes a call. A room has one call at a time: if one is under way there, it is given back
    /// instead (its id differs from the one asked for).
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn create_call(&self, call: &NewCall) -> Result<Call, StoreError> {
        Ok(on!(self, |pool| insert!(call).fetch_one(pool).await?))
    }

    /// A call by id.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn call(&self, id: Uuid) -> Result<Option<Call>, StoreError> {
        Ok(on!(self, |pool| sqlx::query_as(
            "SELECT * FROM voice_calls WHERE id = $1"
        )
        .bind(id)
        .fetch_optional(pool)
        .await?))
    }

    /// The newest call of a room that was not erased. With LiveKit's id of the room: the newest that has
    /// had this one; else the call that is open under its name, which goes on in it (a server that was
    /// started again gives a room a new id), or one that no room was known of. Once a call that had this
    /// room is known to be closed, what is told of it is no other call's.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn call_in_room(
        &self,
        room_name: &str,
        room_sid: Option<&str>,
    ) -> Result<Option<Call>, StoreError> {
        self.call_of(room_name, room_sid, None).await
    }

    /// As [`Store::call_in_room`], for news of a participant: a call that knows this stay comes first. A
    /// room may have had one call after the other.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn call_of(
        &self,
        room_name: &str,
        room_sid: Option<&str>,
        participant_sid: Option<&str>,
    ) -> Result<Option<Call>, StoreError> {
        const SELECT: &str = "SELECT * FROM voice_calls AS call WHERE room_name = $1 \
             AND deleted_at IS NULL AND ($2 IS NULL OR room_sid = $2 \
             OR id IN (SELECT call_id FROM call_rooms WHERE room_sid = $2) \
             OR ((room_sid IS NULL OR ended_at IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM voice_calls \
             WHERE room_sid = $2 AND room_finished_at IS NOT NULL) \
             AND NOT EXISTS (SELECT 1 FROM call_rooms WHERE room_sid = $2))) \
             ORDER BY CASE WHEN $3 IS NOT NULL AND EXISTS (SELECT 1 FROM call_participants \
             WHERE participant_sid = $3 AND call_id = call.id) THEN 0 ELSE 1 END, \
             created_at DESC LIMIT 1";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(room_name)
            .bind(room_sid)
            .bind(participant_sid)
            .fetch_optional(pool)
            .await?))
    }

    /// Calls that were over at `since` or later, newest first, at most `limit`.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn ended_since(&self, since: At, limit: i64) -> Result<Vec<Call>, StoreError> {
        const SELECT: &str = "SELECT * FROM voice_calls WHERE ended_at >= $1 \
             AND deleted_at IS NULL ORDER BY ended_at DESC LIMIT $2";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(since)
            .bind(limit)
            .fetch_all(pool)
            .await?))
    }

    /// Takes away the row of a call that nobody ever joined: a token that was not used is no call. False
    /// when something is known of it.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn forget_unused(&self, call_id: Uuid) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM voice_calls WHERE id = $1 AND status = 'pending' \
             AND started_at IS NULL AND room_sid IS NULL AND deleted_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM call_participants WHERE call_id = $1) \
             AND NOT EXISTS (SELECT 1 FROM call_turns WHERE call_id = $1) \
             AND NOT EXISTS (SELECT 1 FROM dispatches WHERE call_id = $1)";
        Ok(on!(self, |pool| sqlx::query(DELETE)
            .bind(call_id)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }

    /// Calls that are not over, oldest first.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn open_calls(&self) -> Result<Vec<Call>, StoreError> {
        const SELECT: &str = "SELECT * FROM voice_calls WHERE ended_at IS NULL \
             AND deleted_at IS NULL ORDER BY created_at";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .fetch_all(pool)
            .await?))
    }

    /// Who took part.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn participants(&self, call_id: Uuid) -> Result<Vec<Participant>, StoreError> {
        Ok(on!(self, |pool| sqlx::query_as(PARTICIPANTS)
            .bind(call_id)
            .fetch_all(pool)
            .await?))
    }

    /// Whether a stay is known of a call.
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

    /// Makes a user the callee of a call that goes on, who may then join it; none: nobody. False
    /// when there is no such call.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn set_callee(
        &self,
        call_id: Uuid,
        callee_id: Option<&str>,
    ) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET callee_id = $2 \
             WHERE id = $1 AND ended_at IS NULL AND deleted_at IS NULL";
        Ok(on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(callee_id)
            .execute(pool)
            .await?
            .rows_affected()
            > 0))
    }

    /// Takes in what is now known of a call and brings status, times and participants up to date.
    /// The order of facts does not matter, nor their repetition ([`super::status`]). With LiveKit's id of
    /// the room that they are of, a younger room than the call's is the one it goes on in, and the end of
    /// an older one is not the call's. None when there is no such call, or it was erased.
    ///
    /// # Errors
    /// The database did not answer; nothing is changed then.
    pub async fn observe(
        &self,
        call_id: Uuid,
        room_sid: Option<&str>,
        new: &[Fact],
    ) -> Result<Option<Call>, StoreError> {
        // Touching the row locks it on Postgres as SELECT … FOR UPDATE does, which SQLite lacks
        // (there the transaction itself is the lock).
        const LOCK: &str = "UPDATE voice_calls SET deleted_at = deleted_at \
             WHERE id = $1 AND deleted_at IS NULL RETURNING *";
        const ROOMS: &str = "SELECT room_sid AS sid, opened_at FROM call_rooms WHERE call_id = $1";
        const SAVE_ROOM: &str = "INSERT INTO call_rooms (call_id, room_sid, opened_at) \
             VALUES ($1, $2, $3) ON CONFLICT (call_id, room_sid) DO UPDATE SET \
             opened_at = COALESCE(call_rooms.opened_at, excluded.opened_at)";
        const SAVE: &str = "UPDATE voice_calls SET status = $2, started_at = $3, \
             connected_at = $4, ended_at = $5, duration_seconds = $6, room_finished_at = $7, \
             failed_at = $8, failure_reason = $9, over_at = $10, hung_up = $11, \
             resumed_at = $12, room_sid = $13 WHERE id = $1 RETURNING *";
        const SAVE_STAY: &str = "INSERT INTO call_participants (call_id, user_id, \
             participant_name, joined_at, left_at, duration_seconds, is_muted, participant_sid, \
             kind, muted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (call_id, participant_sid) DO UPDATE SET user_id = excluded.user_id, \
             participant_name = excluded.participant_name, joined_at = excluded.joined_at, \
             left_at = excluded.left_at, duration_seconds = excluded.duration_seconds, \
             is_muted = excluded.is_muted, kind = excluded.kind, muted_at = excluded.muted_at";
        Ok(in_transaction!(self, |tx| {
            let found = sqlx::query_as::<_, Call>(LOCK)
                .bind(call_id)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(call) = found else { return Ok(None) };
            let mut is_in = call.room_sid.clone();
            let mut is_of_old_room = false;
            if let Some(sid) = room_sid {
                let mut known: Vec<Room> = sqlx::query_as(ROOMS)
                    .bind(call_id)
                    .fetch_all(&mut *tx)
                    .await?;
                // A row of before there were several has its room here alone.
                if let Some(sid) = &call.room_sid
                    && !known.iter().any(|room| room.sid == *sid)
                {
                    known.push(Room {
                        sid: sid.clone(),
                        opened_at: call.started_at,
                    });
                }
                let told = Room {
                    sid: sid.to_owned(),
                    opened_at: rooms::opened_at(new).or_else(|| {
                        let told = known.iter().find(|room| room.sid == sid)?;
                        told.opened_at
                    }),
                };
                let current = rooms::current(&known, &told);
                is_of_old_room = current.sid != sid;
                is_in = Some(current.sid.clone());
                sqlx::query(SAVE_ROOM)
                    .bind(call_id)
                    .bind(&told.sid)
                    .bind(told.opened_at)
                    .execute(&mut *tx)
                    .await?;
            }
            let stored: Vec<Participant> = sqlx::query_as(PARTICIPANTS)
                .bind(call_id)
                .fetch_all(&mut *tx)
                .await?;
            let before: BTreeMap<_, _> = stored
                .into_iter()
                .map(|row| (row.participant_sid.clone(), row))
                .collect();
            let mut facts = facts_of(&call, before.values());
            for fact in new {
                let is_of_call = !is_of_old_room || !matches!(fact, Fact::RoomFinished(_));
                if is_of_call {
                    facts.learn(fact.clone());
                }
            }
            for stay in &facts.stays {
                let left_at = stay.left_at;
                let duration = stay
                    .joined_at
                    .zip(facts.left_at(stay))
                    .map(|(joined, left)| seconds_between(joined, left));
                sqlx::query(SAVE_STAY)
                    .bind(call_id)
                    .bind(&stay.user_id)
                    .bind(&stay.name)
                    .bind(stay.joined_at)
                    .bind(left_at)
                    .bind(duration)
                    .bind(stay.muted.is_some_and(|(_, muted)| muted))
                    .bind(&stay.sid)
                    .bind(stay.kind.as_str())
                    .bind(stay.muted.map(|(at, _)| at))
                    .execute(&mut *tx)
                    .await?;
            }
            let derived = facts.derive(call.call_type);
            let saved: Call = sqlx::query_as(SAVE)
                .bind(call_id)
                .bind(derived.status.as_str())
                .bind(facts.started_at)
                .bind(derived.connected_at)
                .bind(derived.ended_at)
                .bind(derived.duration_seconds)
                .bind(facts.finished_at)
                .bind(facts.failure.as_ref().map(|(at, _)| *at))
                .bind(
                    facts
                        .failure
                        .map(|(_, reason)| reason)
                        .or(derived.failure_reason),
                )
                .bind(facts.over.map(|(at, _)| at))
                .bind(facts.over.is_some_and(|(_, hung_up)| hung_up))
                .bind(facts.resumed_at)
                .bind(is_in)
                .fetch_one(&mut *tx)
                .await?;
            Some(saved)
        }))
    }

    /// Notes that a participant muted or unmuted itself, as seen in the room. False when no stay of
    /// that identity is known yet: comparing with LiveKit makes it good.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn note_muted(
        &self,
        call_id: Uuid,
        identity: &str,
        at: At,
        muted: bool,
    ) -> Result<bool, StoreError> {
        let people = self.participants(call_id).await?;
        let newest = people
            .into_iter()
            .filter(|stay| stay.user_id == identity)
            .max_by_key(|stay| (stay.joined_at, stay.id));
        let Some(stay) = newest else { return Ok(false) };
        let seen = Fact::Seen(Stay {
            sid: stay.participant_sid,
            user_id: stay.user_id,
            name: stay.participant_name,
            kind: stay.kind,
            joined_at: stay.joined_at,
            left_at: stay.left_at,
            muted: Some((at, muted)),
        });
        Ok(self.observe(call_id, None, &[seen]).await?.is_some())
    }
}

fn facts_of<'a>(call: &Call, participants: impl Iterator<Item = &'a Participant>) -> Facts {
    let mut stays: Vec<Stay> = participants
        .map(|row| Stay {
            sid: row.participant_sid.clone(),
            user_id: row.user_id.clone(),
            name: row.participant_name.clone(),
            kind: row.kind,
            joined_at: row.joined_at,
            left_at: row.left_at,
            muted: row.muted_at.map(|at| (at, row.is_muted)),
        })
        .collect();
    stays.sort_by(|a, b| a.sid.cmp(&b.sid));
    Facts {
        started_at: call.started_at,
        finished_at: call.room_finished_at,
        over: call.over_at.map(|at| (at, call.hung_up)),
        resumed_at: call.resumed_at,
        failure: call.failed_at.zip(call.failure_reason.clone()),
        stays,
    }
}
