//! The last step of a job: its end is stored, reported and only then visible in the room; then the
//! call's result is made.

use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use super::hold::Held;
use super::prepare::Call;
use super::spool::Entry;
use super::{Agents, record, result};
use crate::room::{self, standing::Standing as _};
use crate::worker::{Job, JobOutcome};
use sidetone_call::{CallOutcome, EndReason};

/// Longest wait for the store before the room is left.
const GOODBYE: Duration = Duration::from_secs(1);

impl Agents {
    /// Ends what the call began, in the order that LiveKit and the dispatch guardian need.
    pub(super) async fn conclude(
        &self,
        call: Call<'_>,
        mut held: Held,
    ) -> anyhow::Result<CallOutcome> {
        call.servers.close().await;
        // The tap is gone with the driver.
        if let Some(recorded) = call.recorded {
            recorded.finish().await;
        }
        if held.driven.is_ok() {
            if held.outcome.reason == EndReason::ConnectionLost {
                // The caller may still be there.
                call.place.give_up().await;
            } else {
                // Whoever watches over the room must not take this for a death and send another.
                self.note_end(call.id, call.job, call.place.epoch()).await;
            }
            // LiveKit takes an agent that leaves before it says how the job ended for one that
            // failed.
            let outcome = job_outcome(held.outcome.reason);
            call.handle.ended(outcome).await;
        }
        room::close(&call.room).await;
        held.driven?;
        let before = held.meter.taken();
        let (config, notes) = (&call.agent.result, &mut held.notes);
        let made = result::make(&self.store, &*held.model, config, call.id, notes).await;
        let took = notes.result_took(before, held.meter.taken());
        let entries = made.map(Entry::Result).into_iter().chain(took);
        record::write(&self.store, &self.spool, call.id, entries).await;
        Ok(held.outcome)
    }

    async fn note_end(&self, call_id: Uuid, job: &Job, epoch: Option<i64>) {
        let (room, identity, at) = (&job.room_name, &job.identity, sidetone_store::now());
        let ended = self.store.agent_has_ended(room, epoch, identity, at);
        if !matches!(timeout(GOODBYE, ended).await, Ok(Ok(()))) {
            let (room, identity) = (room.clone(), identity.clone());
            let ended = Entry::AgentEnded {
                room,
                epoch,
                identity,
                at,
            };
            record::leave(&self.store, &self.spool, call_id, ended).await;
        }
    }
}

/// How LiveKit records a job whose call ended so.
pub(super) fn job_outcome(reason: EndReason) -> JobOutcome {
    match reason {
        EndReason::ConnectionLost => {
            JobOutcome::Failed("the connection to the room was lost".into())
        }
        EndReason::Encrypted => JobOutcome::Failed(
            "the caller's tracks are end-to-end encrypted, and agents have no key".into(),
        ),
        EndReason::CallerHungUp
        | EndReason::AgentHungUp
        | EndReason::Transferred
        | EndReason::CallerSilent
        | EndReason::CallerRejected
        | EndReason::CallerLost
        | EndReason::NoCaller
        | EndReason::RoomClosed
        | EndReason::Drained
        | EndReason::Dismissed
        | EndReason::MaxDuration => JobOutcome::Success,
    }
}
