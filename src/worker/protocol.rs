//! The worker's side of LiveKit's agent protocol (`livekit_agent.proto`) as a pure state machine:
//! [`Worker::handle_input`] in, [`Worker::poll_output`] out, time as an argument.
//!
//! The timeouts follow the server and its SDKs: the server waits 10 s for a registration and for an answer to an
//! offer, SDKs wait 7.5 s for the assignment, report every 2.5 s and retry after min(2n, 10) s. A job outlives its
//! worker's socket: it is kept and reported on the next one.

mod jobs;
mod link;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::{server_message::Message as FromServer, worker_message::Message as ToServer};

use super::{Job, JobOutcome, WorkerSettings};
use sidetone_base::WorkerStatus;
use sidetone_base::leave::LeaveBy;

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const REGISTER_DEADLINE: Duration = Duration::from_secs(10);
const ASSIGNMENT_DEADLINE: Duration = Duration::from_millis(7_500);
const STATUS_INTERVAL: Duration = Duration::from_millis(2_500);
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PONG_DEADLINE: Duration = Duration::from_secs(15);
/// Margin after a job's deadline; a job that keeps it has left by then.
const ABORT_GRACE: Duration = Duration::from_millis(200);
const RETRY_STEP: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(10);
/// How long a new job counts in addition to the measured load: the span of the moving average.
const LOAD_LAG: Duration = Duration::from_millis(2_500);
/// Ended jobs to remember: far more than the server may still refer to.
const ENDED_KEPT: usize = 64;
/// How long a drained worker without a connection tries to send its last reports.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "moved a few times a second, never stored"
)]
pub enum Input {
    /// The socket that [`Output::Connect`] asked for is open.
    Connected,
    /// The socket closed, broke or could not be opened.
    Disconnected,
    /// A message from the server.
    Received(FromServer),
    /// The load of this machine, 0 to 1, smoothed.
    LoadMeasured(f32),
    /// A job's call is over; it leaves the room next.
    JobEnded(String, JobOutcome),
    /// A job's task is gone, with its outcome in case it never reported one.
    JobLeft(String, JobOutcome),
    /// Take no more jobs, and end when the last one has ended.
    Drain,
    /// Like [`Input::Drain`], but running jobs end now, and are not handed over.
    EndJobs,
    /// The time of the last [`Output::Timeout`] has come.
    Timeout,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "moved a few times a second, never stored"
)]
pub enum Output {
    /// Open a socket.
    Connect,
    /// Send this.
    Send(ToServer),
    /// Close the socket; no `Disconnected` is expected.
    Close,
    /// Run this job.
    Start(Box<Job>),
    /// Order a job to leave its room by then.
    Cancel(String, Cause, LeaveBy),
    /// Drop a job that did not leave in time.
    Abort(String),
    /// Drained: nothing is left to do.
    Finished,
    /// Nothing more for now; call with [`Input::Timeout`] at this time.
    Timeout(Option<Instant>),
}

/// Why a job must leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// This worker's drain time is over: another agent may take the call over.
    Drain,
    /// This worker is to end its calls now.
    End,
    /// The server terminated it.
    Server,
}

#[derive(Debug)]
enum Link {
    Down {
        retry_at: Instant,
    },
    Connecting {
        until: Instant,
    },
    Registering {
        until: Instant,
    },
    Up {
        worker_id: String,
        status_at: Instant,
        ping_at: Instant,
        pong_until: Option<Instant>,
    },
    Closed,
}

#[derive(Debug, PartialEq)]
enum Phase {
    /// Offered and accepted; the assignment has not arrived yet.
    Reserved {
        until: Instant,
    },
    Running,
    /// Its end is reported (or about to be); it is leaving the room.
    Ended,
}

#[derive(Debug)]
struct Entry {
    room: String,
    /// The epoch of the dispatch that the job is for.
    epoch: Option<i64>,
    phase: Phase,
    /// Until then the job counts in addition to the measured load.
    unmeasured_until: Instant,
    abort_at: Option<Instant>,
}

/// One worker.
#[derive(Debug)]
pub struct Worker {
    settings: WorkerSettings,
    started: Instant,
    link: Link,
    /// Failed connections since the last registration.
    failures: u32,
    jobs: BTreeMap<String, Entry>,
    load: f32,
    drain: Option<Drain>,
    /// Reports of ended jobs that could not be sent yet.
    unsent: Vec<proto::UpdateJobStatus>,
    /// Jobs whose end was reported, the latest last.
    ended: VecDeque<String>,
    /// Increases with each status of one registration.
    status_seq: u64,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Drain {
    cancel_at: Option<Instant>,
    give_up_at: Option<Instant>,
}

impl Worker {
    /// A worker that connects immediately.
    pub fn new(now: Instant, settings: WorkerSettings) -> Self {
        let mut worker = Self {
            settings,
            started: now,
            link: Link::Down { retry_at: now },
            failures: 0,
            jobs: BTreeMap::new(),
            load: 0.0,
            drain: None,
            unsent: Vec::new(),
            ended: VecDeque::new(),
            status_seq: 0,
            outputs: VecDeque::new(),
        };
        worker.connect(now);
        worker
    }

    /// What the worker is doing, for the fleet's view.
    pub fn status(&self, now: Instant) -> WorkerStatus {
        WorkerStatus {
            worker_id: match &self.link {
                Link::Up { worker_id, .. } => Some(worker_id.clone()),
                _ => None,
            },
            load: self.effective_load(now),
            draining: self.drain.is_some(),
            jobs: self
                .jobs
                .iter()
                .map(|(id, job)| (id.clone(), job.room.clone()))
                .collect(),
        }
    }

    /// Takes what happened at `now`.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if matches!(self.link, Link::Closed) {
            return;
        }
        match input {
            Input::Connected => self.register(now),
            Input::Disconnected => self.disconnected(now),
            Input::Received(message) => self.received(now, message),
            Input::LoadMeasured(load) => self.load = load.clamp(0.0, 1.0),
            Input::JobEnded(id, outcome) => self.job_ended(now, &id, outcome),
            Input::JobLeft(id, outcome) => {
                self.job_ended(now, &id, outcome);
                if self.jobs.remove(&id).is_some() {
                    self.send_status(now);
                }
            }
            Input::Drain => self.start_drain(now),
            Input::EndJobs => {
                self.start_drain(now);
                self.end_jobs(now, Cause::End);
            }
            Input::Timeout => self.timeout(now),
        }
        self.finish_if_drained(now);
    }

    /// The next thing to do; ends with [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Timeout(self.next_deadline()))
    }

    fn received(&mut self, now: Instant, message: FromServer) {
        match message {
            FromServer::Register(response) => self.registered(now, response.worker_id),
            FromServer::Availability(request) => {
                if let Some(job) = request.job {
                    self.offered(now, &job);
                }
            }
            FromServer::Assignment(assignment) => self.assigned(now, assignment),
            FromServer::Termination(termination) => {
                self.cancel(now, &termination.job_id, Cause::Server)
            }
            FromServer::Pong(_) => {
                if let Link::Up { pong_until, .. } = &mut self.link {
                    *pong_until = None;
                }
            }
            // The server drains this connection: register again, with another server if there is one.
            FromServer::GoAway(_) => self.hang_up(now),
        }
    }

    fn start_drain(&mut self, now: Instant) {
        if self.drain.is_none() {
            let cancel_at = Some(now + self.settings.drain_timeout);
            self.drain = Some(Drain {
                cancel_at,
                give_up_at: None,
            });
            self.send_status(now);
        }
    }

    fn finish_if_drained(&mut self, now: Instant) {
        let Some(drain) = &mut self.drain else { return };
        if !self.jobs.is_empty() {
            return;
        }
        let give_up_at = *drain.give_up_at.get_or_insert(now + LAST_WORDS);
        if self.unsent.is_empty() || give_up_at <= now {
            self.outputs.extend([Output::Close, Output::Finished]);
            self.link = Link::Closed;
        }
    }

    fn timeout(&mut self, now: Instant) {
        match &mut self.link {
            Link::Down { retry_at } if *retry_at <= now => self.connect(now),
            Link::Connecting { until } | Link::Registering { until } if *until <= now => {
                self.hang_up(now);
            }
            Link::Up {
                pong_until: Some(until),
                ..
            } if *until <= now => self.hang_up(now),
            Link::Up {
                status_at,
                ping_at,
                pong_until,
                ..
            } => {
                let status_due = *status_at <= now;
                if *ping_at <= now {
                    *ping_at = now + PING_INTERVAL;
                    *pong_until = Some(now + PONG_DEADLINE);
                    let timestamp = now.duration_since(self.started).as_millis() as i64;
                    self.send(ToServer::Ping(proto::WorkerPing { timestamp }));
                }
                if status_due {
                    self.send_status(now);
                }
            }
            _ => {}
        }
        self.jobs
            .retain(|_, job| !matches!(job.phase, Phase::Reserved { until } if until <= now));
        for (id, job) in &mut self.jobs {
            if job.abort_at.is_some_and(|at| at <= now) {
                job.abort_at = None;
                self.outputs.push_back(Output::Abort(id.clone()));
            }
        }
        let drained = |drain: &Drain| drain.cancel_at.is_some_and(|at| at <= now);
        if self.drain.as_ref().is_some_and(drained) {
            self.end_jobs(now, Cause::Drain);
        }
    }

    /// The drain time is over, or cut short.
    fn end_jobs(&mut self, now: Instant, cause: Cause) {
        if let Some(drain) = &mut self.drain {
            drain.cancel_at = None;
        }
        let ids: Vec<String> = self.jobs.keys().cloned().collect();
        for id in ids {
            self.cancel(now, &id, cause);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let link = match self.link {
            Link::Down { retry_at } => Some(retry_at),
            Link::Connecting { until } | Link::Registering { until } => Some(until),
            Link::Up {
                status_at,
                ping_at,
                pong_until,
                ..
            } => Some(
                pong_until
                    .map_or(ping_at, |until| until.min(ping_at))
                    .min(status_at),
            ),
            Link::Closed => return None,
        };
        let jobs = self.jobs.values().flat_map(|job| {
            let reserved = match job.phase {
                Phase::Reserved { until } => Some(until),
                _ => None,
            };
            reserved.into_iter().chain(job.abort_at)
        });
        let drain = self
            .drain
            .iter()
            .flat_map(|drain| drain.cancel_at.into_iter().chain(drain.give_up_at));
        link.into_iter().chain(jobs).chain(drain).min()
    }

    fn send(&mut self, message: ToServer) {
        self.outputs.push_back(Output::Send(message));
    }
}

fn job_status(id: &str, status: proto::JobStatus, error: String) -> proto::UpdateJobStatus {
    proto::UpdateJobStatus {
        job_id: id.to_owned(),
        status: status as i32,
        error,
    }
}

#[cfg(test)]
mod tests;
