//! A job in a room that Sidetone has not made, such as that of a SIP rule, is a call with a row, too.

use std::time::Duration;

use livekit::participant::RemoteParticipant;
use livekit::prelude::Room;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::Agents;
use crate::room::{JoinError, is_person, is_telephone};
use crate::worker::Job;
use sidetone_control_plane::control::participant::{self, PHONE_NUMBER};
use sidetone_control_plane::control::rooms::{self, Alone, Notice};
use sidetone_store::epochs::Agent;
use sidetone_store::{CallType, DispatchMetadata, NewCall, StoreError};

/// Longest wait for the database: the caller is in the room. What it does not take is written later.
const STORE: Duration = Duration::from_secs(1);
/// Longest wait for LiveKit to hang up on callers whom no agent will answer.
const GOODBYE: Duration = Duration::from_secs(5);

/// What became of a job that names no call of ours.
pub(super) enum Adopted {
    /// It is a call, and the room is watched over; the agent has this epoch.
    Watched(Found, i64),
    /// It is a call whose row is still to be written: the database was away.
    Unwritten(Found, Box<NewCall>),
    /// Another agent is wanted in the room already.
    Double,
}

/// A call that was found in its room.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) call_id: Uuid,
    /// Its row does not say yet who the caller is.
    pub(super) wants_caller: bool,
}

impl Agents {
    /// What a job says. One of Sidetone's own names a call that has a row, and an epoch; a backend's may name one
    /// of the backend's.
    pub(super) async fn told(&self, job: &Job) -> DispatchMetadata {
        let own = DispatchMetadata::read(&job.metadata);
        let (Some(call_id), None) = (own.call_id, own.epoch) else {
            return own;
        };
        match timeout(STORE, self.store.call(call_id)).await {
            Ok(Ok(None)) => DispatchMetadata::read_others(&job.metadata),
            _ => own,
        }
    }

    /// The id of the call that is under way in a room, or a new one.
    pub(super) async fn call_under_way(&self, room: &str) -> Uuid {
        match timeout(STORE, self.store.call_in_room(room, None)).await {
            Ok(Ok(Some(call))) if call.ended_at.is_none() => return call.id,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(room, %error, "could not find out whether the room has a call");
            }
            Err(_) => tracing::warn!(
                room,
                "the database did not say in time whether the room has a call"
            ),
        }
        Uuid::now_v7()
    }

    /// Writes the row of a call that was found in a joined room, and has the room watched over.
    pub(super) async fn adopt(
        &self,
        job: &Job,
        call_id: Uuid,
        metadata: &DispatchMetadata,
        room: &Room,
    ) -> Adopted {
        let people = room.remote_participants().into_values();
        let caller = people.filter(is_person).map(|one| caller_of(&one)).next();
        let found = Found {
            call_id,
            wants_caller: caller.is_none(),
        };
        let call = NewCall {
            id: call_id,
            room_name: job.room_name.clone(),
            caller_id: caller.unwrap_or_default(),
            callee_id: None,
            call_type: CallType::of_room(&job.room_name),
            metadata: match metadata.dispatch.clone() {
                Some(Value::Object(said)) => Value::Object(said),
                Some(said) => json!({"dispatch": said}),
                None => json!({}),
            },
            created_at: sidetone_store::now(),
        };
        match timeout(STORE, self.write_found(job, metadata, &call)).await {
            Ok(Ok((call_id, Some(epoch)))) => {
                tracing::info!(%call_id, "the room was made by somebody else: its call has a row now");
                Adopted::Watched(Found { call_id, ..found }, epoch)
            }
            Ok(Ok((_, None))) => Adopted::Double,
            Ok(Err(error)) => {
                tracing::warn!(%call_id, %error, "the call's row is written later");
                Adopted::Unwritten(found, Box::new(call))
            }
            Err(_) => {
                tracing::warn!(%call_id, within = ?STORE, "the call's row is written later");
                Adopted::Unwritten(found, Box::new(call))
            }
        }
    }

    /// The call's id, and the agent's epoch.
    async fn write_found(
        &self,
        job: &Job,
        metadata: &DispatchMetadata,
        call: &NewCall,
    ) -> Result<(Uuid, Option<i64>), StoreError> {
        let mut call_id = call.id;
        if !self.store.found_call(call).await? {
            // Another job of this room was quicker.
            let under_way = self.store.call_in_room(&call.room_name, None).await?;
            call_id = under_way.map_or(call_id, |call| call.id);
        }
        let agent = Agent {
            room: job.room_name.clone(),
            epoch: None,
            identity: job.identity.clone(),
            worker_id: job.worker_id.clone(),
            worker: Some(self.worker),
        };
        let metadata = DispatchMetadata {
            call_id: Some(call_id),
            ..metadata.clone()
        };
        let (dispatch, at) = (&job.dispatch_id, call.created_at);
        let adopted = self.store.adopt_agent(&agent, dispatch, &metadata, at);
        Ok((call_id, adopted.await?))
    }

    /// Tells those in a room that this agent could not take their call. Where another is asked for, they
    /// wait; else the wait is over, and a line on which nobody else is is hung up.
    pub(super) async fn apologise(&self, job: &Job, error: &anyhow::Error) {
        let why = match error.downcast_ref() {
            Some(JoinError::NoPath { .. }) => Alone::NoMedia,
            _ => Alone::AgentFailed,
        };
        let room = &job.room_name;
        let is_asked_again = DispatchMetadata::read(&job.metadata).epoch.is_some();
        if is_asked_again {
            let telling = rooms::tell(&self.livekit, room, Notice::Waiting(why));
            if !matches!(timeout(GOODBYE, telling).await, Ok(Ok(()))) {
                tracing::debug!(room, "callers could not be told why they wait");
            }
            return;
        }
        let ended = async {
            rooms::tell(&self.livekit, room, Notice::Failed(why)).await?;
            rooms::hang_up(&self.livekit, room).await
        };
        match timeout(GOODBYE, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(room, %error, "callers may still wait in the room"),
            Err(_) => tracing::warn!(room, "callers may still wait in the room"),
        }
    }
}

/// What a call's row calls this person: a telephone by its number, where it shows one.
pub(super) fn caller_of(person: &RemoteParticipant) -> String {
    let number = person.attributes().remove(PHONE_NUMBER);
    number
        .filter(|number| is_telephone(person) && participant::is_number(number))
        .unwrap_or_else(|| person.identity().to_string())
}
