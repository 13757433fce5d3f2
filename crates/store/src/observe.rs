//! Takes in what becomes known of a call: facts from three sources (webhooks, the agent, reconciliation), in any
//! order.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::calls::Call;
use super::news::note;
use super::participants::{PARTICIPANTS, Participant, facts_of};
use super::rooms::{self, Room};
use super::status::seconds_between;
use super::{At, Fact, Stay, Store, StoreError, in_transaction, storable};
use sidetone_base::metrics::metrics;
use sidetone_config::webhook::WebhookEvent;

impl Store {
    /// Merges what is now known of a call and brings its status, times and participants up to date. Neither the order
    /// of facts nor their repetition matters ([`super::status`]). `room_sid` is LiveKit's id of the room that the
    /// facts are about: a younger room than the call's is the one in which the call goes on, and the end of an older
    /// one does not end the call. `None` if there is no such call, or it was erased.
    ///
    /// # Errors
    /// The database did not answer; nothing has changed then.
    pub async fn observe(
        &self,
        call_id: Uuid,
        room_sid: Option<&str>,
        new: &[Fact],
    ) -> Result<Option<Call>, StoreError> {
        // Touching the row locks it on Postgres as SELECT … FOR UPDATE does, which SQLite lacks (there the transaction
        // itself is the lock).
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
                // Rows from before calls could have several rooms have their room only here.
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
                    .bind(storable::text(&stay.user_id))
                    .bind(storable::text(&stay.name))
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
            let before = call.status;
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
            if call.connected_at.is_none() && saved.connected_at.is_some() {
                note!(tx, call_id, WebhookEvent::Started, "");
            }
            if call.ended_at.is_none() && saved.ended_at.is_some() {
                // Nobody goes on with it.
                sqlx::query(super::saying::DELETE)
                    .bind(call_id)
                    .execute(&mut *tx)
                    .await?;
            }
            if saved.status != before {
                metrics().calls.status(saved.status.as_str()).inc();
            }
            Some(saved)
        }))
    }

    /// Records that a participant muted or unmuted itself, as seen in the room. Returns false if no stay of that
    /// identity is known yet: reconciliation with LiveKit makes up for it.
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
        let identity = storable::text(identity);
        let people = self.participants(call_id).await?;
        let newest = people
            .iter()
            .filter(|stay| stay.user_id == identity)
            .max_by_key(|stay| (stay.joined_at, stay.id));
        let Some(stay) = newest.map(Participant::stay) else {
            return Ok(false);
        };
        let seen = Fact::Seen(Stay {
            left_at: None,
            muted: Some((at, muted)),
            ..stay
        });
        Ok(self.observe(call_id, None, &[seen]).await?.is_some())
    }

    /// Records that the agent of this identity is not in the call any more: it was removed from the room, or found to
    /// be gone. A dead agent does not report that, and nobody else may have seen it leave.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_is_gone(
        &self,
        call_id: Uuid,
        identity: &str,
        at: At,
    ) -> Result<(), StoreError> {
        let people = self.participants(call_id).await?;
        let open = people
            .iter()
            .filter(|stay| stay.user_id == identity && stay.left_at.is_none());
        let gone: Vec<Fact> = open
            .map(|stay| {
                Fact::Seen(Stay {
                    left_at: Some(at),
                    ..stay.stay()
                })
            })
            .collect();
        if !gone.is_empty() {
            self.observe(call_id, None, &gone).await?;
        }
        Ok(())
    }
}
