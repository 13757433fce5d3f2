//! Jobs: offered, assigned, ended or cancelled, each reported once, and the load they cause.

use std::collections::HashMap;
use std::time::Instant;

use livekit_protocol as proto;
use proto::worker_message::Message as ToServer;

use super::{
    ABORT_GRACE, ASSIGNMENT_DEADLINE, Cause, ENDED_KEPT, Entry, LOAD_LAG, Link, Output, Phase,
    Worker, job_status,
};
use crate::worker::{Job, JobOutcome, LoadMeasure};
use sidetone_base::leave::LeaveBy;
use sidetone_config::secret::Secret;
use sidetone_store::{DispatchMetadata, EPOCH_ATTRIBUTE};

impl Worker {
    pub(super) fn offered(&mut self, now: Instant, job: &proto::Job) {
        let room = job
            .room
            .as_ref()
            .map(|room| room.name.clone())
            .unwrap_or_default();
        let epoch = epoch_of(&job.metadata);
        let other = self.jobs.values().find(|other| other.room == room);
        // A refusal sends the offer to the next worker; `terminate` ends it for all of them. An agent that must
        // replace ours, which may be lost, is left to other workers.
        // One whose end is reported is on its way out.
        let is_double =
            other.is_some_and(|other| other.phase != Phase::Ended && epoch <= other.epoch);
        let available = other.is_none()
            && self.drain.is_none()
            && !self.is_full(now)
            && job.r#type() == proto::JobType::JtRoom;
        if available {
            let entry = Entry {
                room,
                epoch,
                phase: Phase::Reserved {
                    until: now + ASSIGNMENT_DEADLINE,
                },
                unmeasured_until: now + ASSIGNMENT_DEADLINE,
                abort_at: None,
            };
            self.jobs.insert(job.id.clone(), entry);
        }
        self.send(ToServer::Availability(proto::AvailabilityResponse {
            job_id: job.id.clone(),
            available,
            terminate: is_double,
            participant_identity: identity(&job.id),
            participant_name: self.settings.participant_name.clone(),
            participant_attributes: attributes(epoch),
            ..Default::default()
        }));
        if available {
            self.send_status(now);
        }
    }

    pub(super) fn assigned(&mut self, now: Instant, assignment: proto::JobAssignment) {
        let Some(job) = assignment.job else { return };
        let room = job.room.unwrap_or_default().name;
        // A repeated assignment of a job whose end was already reported.
        if self.ended.contains(&job.id) {
            return;
        }
        let reserved = match self.jobs.get(&job.id) {
            Some(entry) if matches!(entry.phase, Phase::Reserved { .. }) => true,
            Some(_) => return,
            None => false,
        };
        // Late, but the server counts on us: run it if there is still room.
        let taken = self
            .jobs
            .iter()
            .any(|(id, other)| *id != job.id && other.room == room);
        let late = !reserved && (self.drain.is_some() || self.is_full(now));
        if taken || late {
            self.jobs.remove(&job.id);
            let reason = "the assignment came late and its place was given away".to_owned();
            self.report(job_status(&job.id, proto::JobStatus::JsFailed, reason));
            return;
        }
        self.jobs.insert(
            job.id.clone(),
            Entry {
                room: room.clone(),
                epoch: epoch_of(&job.metadata),
                phase: Phase::Running,
                unmeasured_until: now + LOAD_LAG,
                abort_at: None,
            },
        );
        self.send(ToServer::UpdateJob(job_status(
            &job.id,
            proto::JobStatus::JsRunning,
            String::new(),
        )));
        let url = assignment.url.filter(|url| !url.is_empty());
        let worker_id = match &self.link {
            Link::Up { worker_id, .. } => worker_id.clone(),
            _ => String::new(),
        };
        self.outputs.push_back(Output::Start(Box::new(Job {
            identity: identity(&job.id),
            worker_id,
            id: job.id,
            dispatch_id: job.dispatch_id,
            room_name: room,
            url: url.unwrap_or_else(|| self.settings.livekit.host.clone()),
            token: Secret::new(assignment.token),
            metadata: job.metadata,
            attributes: job.attributes,
        })));
        self.send_status(now);
    }

    pub(super) fn cancel(&mut self, now: Instant, id: &str, cause: Cause) {
        let Some(entry) = self.jobs.get_mut(id) else {
            return;
        };
        if matches!(entry.phase, Phase::Reserved { .. }) {
            self.jobs.remove(id);
            return;
        }
        let budget = match cause {
            Cause::Drain => LeaveBy::HANDED_OVER,
            Cause::End => LeaveBy::ASKED,
            Cause::Server => LeaveBy::TERMINATED,
        };
        let by = LeaveBy::within(now, budget);
        let abort_at = by.end() + ABORT_GRACE;
        // LiveKit also reports this for an agent that has just left: it is already on its way.
        if entry.abort_at.is_none_or(|before| abort_at < before) {
            entry.abort_at = Some(abort_at);
            let cancel = Output::Cancel(id.to_owned(), cause, by);
            self.outputs.push_back(cancel);
        }
    }

    pub(super) fn job_ended(&mut self, _now: Instant, id: &str, outcome: JobOutcome) {
        let Some(entry) = self.jobs.get_mut(id) else {
            return;
        };
        if entry.phase != Phase::Running {
            return;
        }
        entry.phase = Phase::Ended;
        let update = match outcome {
            JobOutcome::Success => job_status(id, proto::JobStatus::JsSuccess, String::new()),
            JobOutcome::Failed(reason) => job_status(id, proto::JobStatus::JsFailed, reason),
        };
        self.report(update);
    }

    /// Reports the end of a job, once.
    fn report(&mut self, update: proto::UpdateJobStatus) {
        if self.ended.len() == ENDED_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back(update.job_id.clone());
        if matches!(self.link, Link::Up { .. }) {
            self.send(ToServer::UpdateJob(update));
        } else {
            self.unsent.push(update);
        }
    }

    /// The measured load plus what accepted and new jobs will add to it.
    pub(super) fn effective_load(&self, now: Instant) -> f32 {
        if self.settings.load == LoadMeasure::Jobs {
            // Stays below the threshold until the last place is taken.
            return self.settings.load_threshold * self.jobs.len() as f32
                / self.settings.max_jobs.max(1) as f32;
        }
        let unmeasured = self
            .jobs
            .values()
            .filter(|job| now < job.unmeasured_until)
            .count();
        (self.load + unmeasured as f32 * self.settings.load_per_job).min(1.0)
    }

    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.jobs.len() >= self.settings.max_jobs
            || self.effective_load(now) >= self.settings.load_threshold
    }
}

/// A job's agent's attributes, visible to others from the first moment on.
fn attributes(epoch: Option<i64>) -> HashMap<String, String> {
    let state = ("lk.agent.state".to_owned(), "initializing".to_owned());
    let epoch = epoch.map(|epoch| (EPOCH_ATTRIBUTE.to_owned(), epoch.to_string()));
    std::iter::once(state).chain(epoch).collect()
}

/// The epoch of the dispatch that a job is for. `None` also if the metadata is not ours.
fn epoch_of(metadata: &str) -> Option<i64> {
    DispatchMetadata::read(metadata).epoch
}

/// The identity of a job's agent in its room.
fn identity(job_id: &str) -> String {
    format!("agent-{job_id}")
}
