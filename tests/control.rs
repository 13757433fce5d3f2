//! The control plane with a real livekit-server: tokens and agents reach a worker, webhooks are accepted, the guardian
//! dispatches again and gives up, reconciliation corrects what was missed.

mod arrivals;
mod check;
mod contract;
mod crash;
mod dispatch;
mod editions;
mod guard;
mod leave;
mod life;
mod limits;
mod outsiders;
mod people;
mod pool;
pub mod prompt_loop;
mod reach;
mod resume;
pub mod served;
mod supervised;
mod takeover;
mod takeovers;

use std::sync::Arc;
use std::time::Duration;

use crate::support::api::{Api, Setup};
use crate::support::{credentials, livekit};
use serde_json::Value;
use sidetone::worker::{self, Job, JobHandle, JobOutcome, JobRunner, LoadMeasure, WorkerSettings};
use sidetone_base::WorkerStatus;
use sidetone_control_plane::control::ControlConfig;
use sidetone_control_plane::dispatch::guardian::GuardianConfig;
use sidetone_testkit::LiveKitServer;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Passes each job to the test and stays until it is told to leave.
struct Stays(mpsc::Sender<Job>);

impl JobRunner for Stays {
    async fn run(&self, job: Job, handle: JobHandle) -> JobOutcome {
        self.0.send(job).await.unwrap();
        handle.cancelled().await;
        JobOutcome::Success
    }
}

struct Worker {
    jobs: mpsc::Receiver<Job>,
    status: watch::Receiver<WorkerStatus>,
    shutdown: CancellationToken,
}

impl Worker {
    async fn start(server: &LiveKitServer) -> Self {
        Self::of_size(server, 25).await
    }

    /// A worker that takes this many calls at once: LiveKit uses 0.7 of the limit.
    async fn of_size(server: &LiveKitServer, max_jobs: usize) -> Self {
        let (jobs_out, jobs) = mpsc::channel(100);
        let (status_out, mut status) = watch::channel(WorkerStatus::default());
        let shutdown = CancellationToken::new();
        let settings = WorkerSettings {
            load: LoadMeasure::Jobs,
            max_jobs,
            drain_timeout: Duration::ZERO,
            ..WorkerSettings::new(credentials(server), "sidetone")
        };
        tokio::spawn(worker::run(
            settings,
            Arc::new(Stays(jobs_out)),
            shutdown.clone(),
            status_out,
        ));
        let registered = status.wait_for(|status| status.worker_id.is_some());
        tokio::time::timeout(Duration::from_secs(20), registered)
            .await
            .unwrap()
            .unwrap();
        Self {
            jobs,
            status,
            shutdown,
        }
    }

    async fn job(&mut self) -> Job {
        tokio::time::timeout(Duration::from_secs(20), self.jobs.recv())
            .await
            .unwrap()
            .unwrap()
    }

    /// The next job in `room`. A loaded machine takes longer than the impatient guardian waits, so other rooms' agents
    /// may be asked for again before it.
    async fn job_in(&mut self, room: &Value) -> Job {
        loop {
            let job = self.job().await;
            if job.room_name == *room {
                return job;
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn impatient() -> ControlConfig {
    ControlConfig {
        guardian: GuardianConfig {
            patience: Duration::from_millis(300),
            patience_taken: Duration::from_secs(30),
            limit: 3,
            look_again: Duration::from_secs(1),
            ..GuardianConfig::default()
        },
        // Tests trigger reconciliation themselves.
        reconcile_every: Duration::from_secs(3_600),
        look_twice: Duration::from_millis(200),
        ..ControlConfig::new("sidetone")
    }
}

async fn start() -> (LiveKitServer, Api) {
    start_with(Setup::default().variables).await
}

async fn start_with(variables: Vec<(&'static str, String)>) -> (LiveKitServer, Api) {
    let (listener, webhook) = Api::listener().await;
    let server = livekit(Some(webhook)).await;
    let setup = Setup {
        livekit: Ok(credentials(&server)),
        control: impatient(),
        variables,
        ..Default::default()
    };
    let api = Api::start_on(listener, setup).await;
    (server, api)
}
