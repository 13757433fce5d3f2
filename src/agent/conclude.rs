//! The last step of a job: its end is stored, reported and only then visible in the room, all within the
//! deadline that the call was given to leave. The call's result is made after that, outside of the job.

use std::time::Instant;

use futures::future::OptionFuture;
use tokio::time::{timeout, timeout_at};

use super::hold::Held;
use super::prepare::Call;
use super::spool::{self, Entry};
use super::{Agents, record};
use crate::room::{self, standing::Standing as _};
use crate::worker::JobOutcome;
use sidetone_base::leave::Step;
use sidetone_base::metrics::metrics;
use sidetone_call::{CallOutcome, EndReason};
use sidetone_config::recording::RecordingMode;
use sidetone_control_plane::control::rooms::hang_up_unless_followed;
use sidetone_store::{CallType, RoomToRecord};

impl Agents {
    /// Ends what the call began, in the order that LiveKit and the dispatch guardian need.
    pub(super) async fn conclude(
        &self,
        mut call: Call<'_>,
        mut held: Held,
    ) -> anyhow::Result<CallOutcome> {
        let lost = held.outcome.events_lost as u64;
        metrics().calls.events_lost.inc_by(lost);
        let by = held.outcome.leave_by;
        let until = by.until(Step::Record);
        let was_held = held.driven.is_ok();
        if was_held && let Some(owed) = self.results.owed(&call.agent) {
            // After all that was said, so that who finds it finds that, too.
            held.writer.take(owed).await;
        }
        if let Some(media) = held.quality.media() {
            held.writer.take(Entry::Media(media)).await;
        }
        // The tap is gone with the driver.
        let recorded = call.recorded.take();
        if held.outcome.reason == EndReason::Transferred && recorded.is_some() {
            self.listens_on(&call).await;
        }
        let recording = recorded.map(|recorded| recorded.finish(until));
        tokio::join!(
            call.servers.close(until),
            OptionFuture::from(recording),
            held.writer.end_by(until),
            OptionFuture::from(was_held.then(|| self.note_end(&call, held.outcome.reason, until))),
        );
        if was_held {
            // LiveKit takes an agent that leaves before it says how the job ended for one that
            // failed.
            let outcome = job_outcome(held.outcome.reason);
            call.handle.ended(outcome, by.until(Step::Report)).await;
        }
        if is_hung_up(held.outcome.reason) {
            self.hang_up(&call, by.until(Step::Room)).await;
        }
        if held.outcome.reason == EndReason::NoAgent {
            self.end_room(&call.job.room_name, by.until(Step::Room))
                .await;
        }
        room::close_by(&call.room, by.until(Step::Room)).await;
        if held.outcome.reason == EndReason::Dismissed {
            let (livekit, store) = (self.livekit.clone(), self.store.clone());
            let room = call.job.room_name.clone();
            tokio::spawn(async move { hang_up_unless_followed(&livekit, &store, &room).await });
        }
        held.driven?;
        // Whoever takes the call over makes its result, and if nobody does, whoever finds it owed when the
        // call is over.
        if !held.outcome.reason.is_taken_over() {
            self.results
                .make(call.id, &call.agent, held.model, held.meter, held.notes);
        }
        Ok(held.outcome)
    }

    /// Those whom the agent has put through to one another go on without it: so does the recording.
    async fn listens_on(&self, call: &Call<'_>) {
        let mode = (call.agent.recording).unwrap_or(self.recordings.default_mode());
        let room = RoomToRecord {
            call_id: call.id,
            room_name: call.job.room_name.clone(),
            until_egress: mode == RecordingMode::Egress,
            asked_at: sidetone_store::now(),
        };
        let asked = timeout(spool::LAST, self.store.ask_recorder(&room)).await;
        if !matches!(asked, Ok(Ok(()))) {
            tracing::error!(call_id = %call.id, "what is said after the transfer is not recorded");
        }
    }

    /// Ends a room in which nobody will ever answer.
    async fn end_room(&self, room: &str, until: Instant) {
        match timeout_at(until.into(), self.livekit.delete_room(room)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(room, %error, "a room without an agent could not be closed")
            }
            Err(_) => tracing::warn!(room, "a room without an agent was not closed in time"),
        }
    }

    /// Hangs up: a telephone's line or a messenger's would stay open. Somebody on a page who was alone with the agent is
    /// removed while it is still there, because LiveKit's own components take an agent that leaves for one that failed.
    async fn hang_up(&self, call: &Call<'_>, until: Instant) {
        let room = &call.job.room_name;
        let people = call.room.remote_participants().into_values();
        let people: Vec<_> = people.filter(room::is_person).collect();
        let is_alone = people.len() == 1 && CallType::of_room(room) == CallType::Support;
        let lines = people.iter().filter(|one| is_alone || room::has_line(one));
        for line in lines {
            let identity = line.identity().to_string();
            let removed = self.livekit.remove_participant(room, &identity);
            match timeout_at(until.into(), removed).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(room, %error, "a caller could not be hung up on"),
                Err(_) => tracing::warn!(room, "a caller was not hung up on in time"),
            }
        }
    }

    /// Whoever watches over the room must not take this for a death and send another; but to a caller whose
    /// agent has lost the room, somebody is to come.
    async fn note_end(&self, call: &Call<'_>, reason: EndReason, until: Instant) {
        if reason == EndReason::ConnectionLost {
            return call.place.give_up().await;
        }
        call.place.leaves();
        let is_over = reason != EndReason::HandedOver;
        call.place.has_yielded(is_over).await;
        if !is_over {
            return;
        }
        let (room, identity) = (&call.job.room_name, &call.job.identity);
        let (epoch, at) = (call.place.epoch(), sidetone_store::now());
        let ended = self.store.agent_has_ended(room, epoch, identity, at);
        let ended = timeout_at(until.into(), timeout(spool::LAST, ended));
        if !matches!(ended.await, Ok(Ok(Ok(())))) {
            let (room, identity) = (room.clone(), identity.clone());
            let ended = Entry::AgentEnded {
                room,
                epoch,
                identity,
                at,
            };
            record::leave(&self.store, &self.spool, call.id, ended).await;
        }
    }
}

/// Whether it was the agent who ended the call, so that nobody is to be left on a line. Also at the end of a drain:
/// no other agent is asked for.
fn is_hung_up(reason: EndReason) -> bool {
    match reason {
        EndReason::AgentHungUp
        | EndReason::CallerSilent
        | EndReason::MaxDuration
        | EndReason::Limit
        | EndReason::NoAgent
        | EndReason::Voicemail
        | EndReason::Drained
        | EndReason::Encrypted => true,
        EndReason::CallerHungUp
        | EndReason::Transferred
        | EndReason::CallerRejected
        | EndReason::CallerLost
        | EndReason::NoCaller
        | EndReason::RoomClosed
        | EndReason::ConnectionLost
        | EndReason::HandedOver
        | EndReason::Dismissed => false,
    }
}

/// How LiveKit records a job whose call ended so.
pub(super) fn job_outcome(reason: EndReason) -> JobOutcome {
    match reason {
        EndReason::ConnectionLost => {
            JobOutcome::Failed("the connection to the room was lost".into())
        }
        EndReason::Encrypted => JobOutcome::Failed(
            "caller and agent did not encrypt alike; the call's errors say how".into(),
        ),
        EndReason::NoAgent => JobOutcome::Failed(
            "there is no such agent, and SIDETONE_UNKNOWN_AGENT=end lets no other take its place"
                .into(),
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
        | EndReason::HandedOver
        | EndReason::Dismissed
        | EndReason::MaxDuration
        | EndReason::Voicemail
        | EndReason::Limit => JobOutcome::Success,
    }
}
