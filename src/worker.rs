//! The agent worker: registers with LiveKit's agent dispatch, takes jobs and runs each as a task.
//!
//! [`protocol`] decides (pure), [`driver`] owns the socket and the job tasks, [`load`] measures.

pub mod driver;
pub mod load;
pub mod protocol;
pub mod threads;

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

use sidetone_base::leave::{LeaveBy, LeaveOrder};
use sidetone_config::env::LiveKit;
use sidetone_config::secret::Secret;

pub use driver::{WorkerError, run};
pub use load::LoadMeasure;

/// One room this worker was asked to join.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// `AJ_…`
    pub id: String,
    /// `AD_…`
    pub dispatch_id: String,
    /// LiveKit's id of the worker that runs it, `AW_…`.
    pub worker_id: String,
    /// The agent's identity in the room.
    pub identity: String,
    /// The room to join.
    pub room_name: String,
    /// The server's address: `ws(s)://…`.
    pub url: String,
    /// Join token, valid for an hour (kind `agent`).
    pub token: Secret,
    /// The dispatch's metadata: JSON of [`sidetone_store::DispatchMetadata`].
    pub metadata: String,
    /// The dispatch's attributes.
    pub attributes: HashMap<String, String>,
}

/// How a job ended, as LiveKit displays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// JS_SUCCESS
    Success,
    /// JS_FAILED, with the reason for an operator.
    Failed(String),
}

/// Runs one job from joining the room to having left it.
///
/// LiveKit records a job whose agent leaves the room before JS_SUCCESS as failed, so the order is:
///
/// ```text
/// join; talk until the caller left or `handle.cancelled()`;
/// handle.ended(outcome, until).await;      // the status is on the wire
/// leave the room; return outcome
/// ```
///
/// If a runner returns without calling `ended`, its return value is reported then. A panic fails that job only.
pub trait JobRunner: Send + Sync + 'static {
    /// Runs the job. It is dropped if it has not left by the deadline that `handle.cancelled()` gives.
    fn run(&self, job: Job, handle: JobHandle) -> impl Future<Output = JobOutcome> + Send;
}

/// A job's connection to its worker.
#[derive(Clone, Debug)]
pub struct JobHandle {
    job_id: String,
    stop: Stop,
    reports: mpsc::Sender<Report>,
}

/// The signals that end a job, by cause.
#[derive(Clone, Debug, Default)]
struct Stop {
    drained: LeaveOrder,
    ended: LeaveOrder,
    dismissed: LeaveOrder,
    /// Cancelled by a job that stays.
    declined: CancellationToken,
}

/// The end of a job, on its way to the server; `sent` fires when it is written.
#[derive(Debug)]
struct Report {
    job_id: String,
    outcome: JobOutcome,
    sent: oneshot::Sender<()>,
}

impl JobHandle {
    /// Resolves when the job must end, for any cause; returns by when it must have left.
    pub async fn cancelled(&self) -> LeaveBy {
        tokio::select! {
            by = self.stop.drained.given() => by,
            by = self.stop.ended.given() => by,
            by = self.stop.dismissed.given() => by,
        }
    }

    /// The order to leave that is given when this worker's drain time is over: another agent may take the call over.
    pub fn drained(&self) -> LeaveOrder {
        self.stop.drained.clone()
    }

    /// The order to leave that is given when this worker is to end its calls now.
    pub fn ends(&self) -> LeaveOrder {
        self.stop.ended.clone()
    }

    /// The order to leave that is given when the server has ended the job: its dispatch was deleted, or the agent
    /// left its room.
    pub fn dismissed(&self) -> LeaveOrder {
        self.stop.dismissed.clone()
    }

    /// To be cancelled by a job that was dismissed and stays, because the server ended it for a session in the room
    /// that a new one has replaced.
    pub fn declined(&self) -> CancellationToken {
        self.stop.declined.clone()
    }

    /// Reports the job's end to LiveKit; call it *before* leaving the room. Returns when the status is written, or at
    /// `until` if there is no connection (it is then sent on the next one). Only the first report counts.
    pub async fn ended(&self, outcome: JobOutcome, until: Instant) {
        let (sent, written) = oneshot::channel();
        let report = Report {
            job_id: self.job_id.clone(),
            outcome,
            sent,
        };
        let _ = timeout_at(until.into(), async {
            if self.reports.send(report).await.is_ok() {
                let _ = written.await;
            }
        })
        .await;
    }
}

/// How a worker is told to end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Cancelled when no more jobs must be taken; running ones have the drain time to end.
    pub drain: CancellationToken,
    /// Cancelled when running jobs must end now, as at the end of the drain time.
    pub end_calls: CancellationToken,
}

impl From<CancellationToken> for Shutdown {
    /// Drains with the full drain time.
    fn from(drain: CancellationToken) -> Self {
        Self {
            drain,
            end_calls: CancellationToken::new(),
        }
    }
}

/// A worker's settings.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Server and keys.
    pub livekit: LiveKit,
    /// The name for explicit dispatch. An empty name would match every room.
    pub agent_name: String,
    /// The agent's display name for callers.
    pub participant_name: String,
    /// Concurrent jobs; further ones are refused.
    pub max_jobs: usize,
    /// From this load on no more jobs are taken (LiveKit's own target is 0.7).
    pub load_threshold: f32,
    /// The load of a new job, assumed until the moving average shows it.
    pub load_per_job: f32,
    /// How load is measured.
    pub load: LoadMeasure,
    /// How long a drain waits for calls to end before it orders them to ([`LeaveBy::HANDED_OVER`]).
    pub drain_timeout: Duration,
}

impl WorkerSettings {
    /// Defaults for a server: 25 calls, CPU load up to 0.7, ten minutes of drain time.
    pub fn new(livekit: LiveKit, agent_name: impl Into<String>) -> Self {
        Self {
            livekit,
            agent_name: agent_name.into(),
            participant_name: "Agent".into(),
            max_jobs: 25,
            load_threshold: 0.7,
            load_per_job: 0.03,
            load: LoadMeasure::Cpu,
            drain_timeout: Duration::from_secs(600),
        }
    }
}
