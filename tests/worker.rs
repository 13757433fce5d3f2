//! The agent worker against a real livekit-server.

use std::sync::Arc;
use std::time::Duration;

use crate::support::eventually;
use crate::support::{KEY, SECRET, credentials, livekit};
use livekit_api::services::agent_dispatch::AgentDispatchClient;
use sidetone::worker::{self, Job, JobHandle, JobOutcome, JobRunner, LoadMeasure, WorkerSettings};
use sidetone_base::WorkerStatus;
use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;
use sidetone_config::env::LiveKit;
use sidetone_control_plane::dispatch::Dispatcher;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_store::DispatchMetadata;
use sidetone_testkit::LiveKitServer;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Passes each job to the test, which decides how it ends.
struct ToTest(mpsc::Sender<(Job, tokio::sync::oneshot::Sender<End>)>);

enum End {
    Success,
    Failure,
    Panic,
    /// Stay until the worker says to leave.
    WhenCancelled,
}

impl JobRunner for ToTest {
    async fn run(&self, job: Job, handle: JobHandle) -> JobOutcome {
        let (end, ended) = tokio::sync::oneshot::channel();
        self.0.send((job, end)).await.unwrap();
        let outcome = match ended.await.unwrap_or(End::WhenCancelled) {
            End::Success => JobOutcome::Success,
            End::Failure => JobOutcome::Failed("the test said so".into()),
            End::Panic => panic!("a job that panics on purpose"),
            End::WhenCancelled => {
                handle.cancelled().await;
                JobOutcome::Success
            }
        };
        let by = LeaveBy::within(clock::now(), LeaveBy::OVER);
        handle.ended(outcome.clone(), by.end()).await;
        outcome
    }
}

struct TestWorker {
    jobs: mpsc::Receiver<(Job, tokio::sync::oneshot::Sender<End>)>,
    status: watch::Receiver<WorkerStatus>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), worker::WorkerError>>,
}

impl TestWorker {
    async fn start(livekit: LiveKit, max_jobs: usize) -> Self {
        let worker = Self::start_unregistered(livekit, max_jobs);
        let mut status = worker.status.clone();
        tokio::time::timeout(
            Duration::from_secs(20),
            status.wait_for(|status| status.worker_id.is_some()),
        )
        .await
        .expect("registered within 20 s")
        .unwrap();
        worker
    }

    fn start_unregistered(livekit: LiveKit, max_jobs: usize) -> Self {
        let (jobs_out, jobs) = mpsc::channel(16);
        let (status_out, status) = watch::channel(WorkerStatus::default());
        let shutdown = CancellationToken::new();
        let settings = WorkerSettings {
            max_jobs,
            load: LoadMeasure::Jobs,
            ..WorkerSettings::new(livekit, "sidetone")
        };
        let run = worker::run(
            settings,
            Arc::new(ToTest(jobs_out)),
            shutdown.clone(),
            status_out,
        );
        Self {
            jobs,
            status,
            shutdown,
            task: tokio::spawn(run),
        }
    }

    async fn job(&mut self) -> (Job, tokio::sync::oneshot::Sender<End>) {
        tokio::time::timeout(Duration::from_secs(20), self.jobs.recv())
            .await
            .expect("a job within 20 s")
            .unwrap()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .expect("drained within 10 s")
            .unwrap()
            .unwrap();
    }
}

/// The server's log line about a job's end. Its dispatch list keeps every job at JS_RUNNING; only the log shows the
/// end.
async fn job_end(server: &LiveKitServer, job_id: &str) -> String {
    eventually("the job's end in the server's log", 20, || async {
        let log = server.log();
        let line = log
            .lines()
            .find(|line| line.contains("job ended") && line.contains(job_id));
        line.map(str::to_owned)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_reaches_the_worker_and_its_end_the_server() {
    let server = livekit(None).await;
    let livekit = credentials(&server);
    let mut worker = TestWorker::start(livekit.clone(), 5).await;
    let dispatcher = Dispatcher::new(ServerApi::new(&livekit), "sidetone");
    let metadata = DispatchMetadata {
        call_id: Some(uuid::Uuid::new_v4()),
        voice: Some("nova".into()),
        system_prompt: Some("Say hello.".into()),
        ..Default::default()
    };
    let dispatch_id = dispatcher.create("support-a-1", &metadata).await.unwrap();
    let (job, end) = worker.job().await;
    assert_eq!(
        (job.room_name.as_str(), &job.dispatch_id),
        ("support-a-1", &dispatch_id)
    );
    assert_eq!(
        serde_json::from_str::<DispatchMetadata>(&job.metadata).unwrap(),
        metadata
    );
    let claims = livekit_api::access_token::TokenVerifier::with_api_key(KEY, SECRET)
        .verify(&job.token.expose())
        .unwrap();
    assert_eq!(
        (claims.kind.as_str(), claims.video.room.as_str()),
        ("agent", "support-a-1")
    );
    assert_eq!(claims.sub, format!("agent-{}", job.id));

    // A second agent for the room is refused, and the server accepts that as an answer.
    dispatcher.create("support-a-1", &metadata).await.unwrap();
    dispatcher.create("support-a-0", &metadata).await.unwrap();
    let (next, next_end) = worker.job().await;
    assert_eq!(
        next.room_name, "support-a-0",
        "the refused one did not come"
    );

    end.send(End::Success).ok();
    next_end.send(End::Success).ok();
    assert!(job_end(&server, &job.id).await.contains("JS_SUCCESS"));

    // A panic ends only its own job, a failure carries its reason, and the worker continues.
    dispatcher.create("support-a-2", &metadata).await.unwrap();
    let (panicking, panics) = worker.job().await;
    dispatcher.create("support-a-3", &metadata).await.unwrap();
    let (failing, fails) = worker.job().await;
    panics.send(End::Panic).ok();
    fails.send(End::Failure).ok();
    let end = job_end(&server, &panicking.id).await;
    assert!(
        end.contains("JS_FAILED") && end.contains("panicked"),
        "{end}"
    );
    let end = job_end(&server, &failing.id).await;
    assert!(
        end.contains("JS_FAILED") && end.contains("the test said so"),
        "{end}"
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_worker_takes_over_when_the_first_says_no() {
    let server = livekit(None).await;
    let livekit = credentials(&server);
    let mut one = TestWorker::start(livekit.clone(), 1).await;
    let mut two = TestWorker::start(livekit.clone(), 1).await;
    let dispatcher = Dispatcher::new(ServerApi::new(&livekit), "sidetone");
    dispatcher
        .create("r1", &DispatchMetadata::default())
        .await
        .unwrap();
    let first = tokio::select! { job = one.job() => job, job = two.job() => job };
    dispatcher
        .create("r2", &DispatchMetadata::default())
        .await
        .unwrap();
    let second = tokio::select! { job = one.job() => job, job = two.job() => job };
    assert_eq!(
        (first.0.room_name.as_str(), second.0.room_name.as_str()),
        ("r1", "r2")
    );
    assert_eq!(
        (
            one.status.borrow().jobs.len(),
            two.status.borrow().jobs.len()
        ),
        (1, 1)
    );
    first.1.send(End::Success).ok();
    second.1.send(End::Success).ok();
    one.stop().await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_dispatch_ends_the_job() {
    let server = livekit(None).await;
    let livekit = credentials(&server);
    let mut worker = TestWorker::start(livekit.clone(), 5).await;
    let id = Dispatcher::new(ServerApi::new(&livekit), "sidetone")
        .create("r", &DispatchMetadata::default())
        .await;
    let (_, end) = worker.job().await;
    end.send(End::WhenCancelled).ok();
    let client = AgentDispatchClient::with_api_key(&livekit.host, KEY, SECRET);
    client.delete_dispatch(id.unwrap(), "r").await.unwrap();
    tokio::time::timeout(
        Duration::from_secs(10),
        worker.status.wait_for(|status| status.jobs.is_empty()),
    )
    .await
    .expect("the job left")
    .unwrap();
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_keeps_the_running_job_and_takes_no_new_one() {
    let server = livekit(None).await;
    let livekit = credentials(&server);
    let mut worker = TestWorker::start(livekit.clone(), 5).await;
    let dispatcher = Dispatcher::new(ServerApi::new(&livekit), "sidetone");
    dispatcher
        .create("r1", &DispatchMetadata::default())
        .await
        .unwrap();
    let (job, end) = worker.job().await;
    worker.shutdown.cancel();
    worker
        .status
        .wait_for(|status| status.draining)
        .await
        .unwrap();
    dispatcher
        .create("r2", &DispatchMetadata::default())
        .await
        .unwrap();
    assert!(!worker.task.is_finished());
    end.send(End::Success).ok();
    assert!(job_end(&server, &job.id).await.contains("JS_SUCCESS"));
    assert!(worker.jobs.try_recv().is_err());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_a_server_that_is_not_there() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let livekit = LiveKit::new(format!("ws://127.0.0.1:{port}"), KEY, SECRET);
    let worker = TestWorker::start_unregistered(livekit, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!worker.task.is_finished());
    worker.stop().await;
}
