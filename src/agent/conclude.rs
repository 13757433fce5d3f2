//! The last step of a job: its end is stored, reported and only then visible in the room; then the
//! call's result is made.

use super::hold::Held;
use super::prepare::Call;
use super::{Agents, record, result};
use crate::room;
use crate::worker::JobOutcome;
use sidetone_call::{CallOutcome, EndReason};
use sidetone_store::dispatches::DispatchState;

impl Agents {
    /// Ends what the call began, in the order that LiveKit and the dispatch guardian need.
    pub(super) async fn conclude(&self, call: Call<'_>, held: Held) -> anyhow::Result<CallOutcome> {
        call.servers.close().await;
        // The tap is gone with the driver.
        if let Some(recorded) = call.recorded {
            recorded.finish().await;
        }
        if held.driven.is_ok() {
            // Whoever watches over the room must not take this for a death and send another.
            let (room, now) = (&call.job.room_name, sidetone_store::now());
            let ended = (self.store).agent_is(room, DispatchState::Ended, now, None);
            if let Err(error) = ended.await {
                tracing::warn!(call_id = %call.id, %error, "the agent's end was not stored");
            }
            // LiveKit takes an agent that leaves before it says how the job ended for one that
            // failed.
            let outcome = job_outcome(held.outcome.reason);
            call.handle.ended(outcome).await;
        }
        room::close(&call.room).await;
        held.driven?;
        let before = held.meter.taken();
        result::conclude(&self.store, &*held.model, &call.agent.result, call.id).await;
        record::result_took(&self.store, call.id, before, held.meter.taken()).await;
        Ok(held.outcome)
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
