//! The worker's connection: registration, reports, loss and reconnection.

use std::time::Instant;

use livekit_protocol as proto;
use proto::worker_message::Message as ToServer;

use super::{
    CONNECT_DEADLINE, Link, Output, PING_INTERVAL, Phase, REGISTER_DEADLINE, RETRY_MAX, RETRY_STEP,
    STATUS_INTERVAL, Worker, job_status,
};

impl Worker {
    pub(super) fn connect(&mut self, now: Instant) {
        self.link = Link::Connecting {
            until: now + CONNECT_DEADLINE,
        };
        self.outputs.push_back(Output::Connect);
    }

    pub(super) fn register(&mut self, now: Instant) {
        if !matches!(self.link, Link::Connecting { .. }) {
            return;
        }
        self.link = Link::Registering {
            until: now + REGISTER_DEADLINE,
        };
        self.send(ToServer::Register(proto::RegisterWorkerRequest {
            r#type: proto::JobType::JtRoom as i32,
            agent_name: self.settings.agent_name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            ping_interval: PING_INTERVAL.as_secs() as u32,
            allowed_permissions: Some(proto::ParticipantPermission {
                can_subscribe: true,
                can_publish: true,
                can_publish_data: true,
                can_update_metadata: true,
                ..Default::default()
            }),
            ..Default::default()
        }));
    }

    pub(super) fn disconnected(&mut self, now: Instant) {
        if matches!(self.link, Link::Down { .. }) {
            return;
        }
        // min(2n, 10) s: the first retry after a working connection is immediate.
        let delay = (RETRY_STEP * self.failures).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.link = Link::Down {
            retry_at: now + delay,
        };
        // An offer ends with its socket: the server has gone on to the next worker.
        self.jobs
            .retain(|_, job| !matches!(job.phase, Phase::Reserved { .. }));
    }

    pub(super) fn hang_up(&mut self, now: Instant) {
        self.outputs.push_back(Output::Close);
        self.disconnected(now);
    }

    pub(super) fn registered(&mut self, now: Instant, worker_id: String) {
        if !matches!(self.link, Link::Registering { .. }) {
            return;
        }
        self.link = Link::Up {
            worker_id,
            status_at: now,
            ping_at: now + PING_INTERVAL,
            pong_until: None,
        };
        self.failures = 0;
        self.status_seq = 0;
        self.send_status(now);
        let running = proto::JobStatus::JsRunning;
        let jobs: Vec<_> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.phase == Phase::Running)
            .collect();
        let kept: Vec<_> = jobs
            .into_iter()
            .map(|(id, _)| job_status(id, running, String::new()))
            .collect();
        for update in kept.into_iter().chain(std::mem::take(&mut self.unsent)) {
            self.send(ToServer::UpdateJob(update));
        }
    }

    pub(super) fn send_status(&mut self, now: Instant) {
        let load = self.effective_load(now);
        let draining = self.drain.is_some();
        let status = if draining || self.is_full(now) {
            proto::WorkerStatus::WsFull
        } else {
            proto::WorkerStatus::WsAvailable
        };
        let Link::Up { status_at, .. } = &mut self.link else {
            return;
        };
        *status_at = now + STATUS_INTERVAL;
        self.status_seq += 1;
        self.send(ToServer::UpdateWorker(proto::UpdateWorkerStatus {
            status: Some(status as i32),
            load,
            job_count: self.jobs.len() as u32,
            draining,
            seq: self.status_seq,
        }));
    }
}
