//! Drives one [`Worker`]: the socket, the clock, and a task for each job.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_protocol as proto;
use prost::Message as _;
use sidetone_dial as dial;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{Request, header};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message as Frame};

use super::load::{CpuMeter, MovingAverage, SAMPLE_INTERVAL};
use super::protocol::{Cause, Input, Output, Worker};
use super::{Job, JobHandle, JobOutcome, JobRunner, Report, Shutdown, Stop, WorkerSettings};
use sidetone_base::WorkerStatus;
use sidetone_base::clock;
use sidetone_base::metrics::metrics;

/// Longest time for sending a frame; a socket that blocks longer is dead.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// Capacity for reports of ended jobs. When it is full, ending jobs wait.
const REPORT_QUEUE: usize = 16;
/// How long the agent token can open a socket.
const TOKEN_TTL: Duration = Duration::from_secs(600);

/// Why a worker cannot run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// LIVEKIT_HOST is not a valid address.
    #[error("LIVEKIT_HOST \"{host}\" is no address a worker can connect to: {reason}")]
    Address {
        /// The configured host.
        host: String,
        /// The parser's error.
        reason: String,
    },
    /// The key or secret cannot sign.
    #[error("LIVEKIT_API_KEY and LIVEKIT_API_SECRET cannot sign a token: {0}")]
    Token(#[from] livekit_api::access_token::AccessTokenError),
}

/// Registers and runs jobs until `shutdown`, then drains: it takes no more jobs, and running ones end by themselves,
/// or are ordered to after `drain_timeout` or when they must end now. It reconnects to a lost server for as long as
/// necessary.
/// # Errors
/// Only what no retry can fix: an invalid address or keys that cannot sign.
pub async fn run<R: JobRunner>(
    settings: WorkerSettings,
    runner: Arc<R>,
    shutdown: impl Into<Shutdown>,
    status: watch::Sender<WorkerStatus>,
) -> Result<(), WorkerError> {
    connect_request(&settings)?;
    let (reports, reports_in) = mpsc::channel(REPORT_QUEUE);
    let driver = Driver {
        worker: Worker::new(clock::now(), settings.clone()),
        settings,
        socket: Socket::Closed,
        runner,
        tasks: JoinSet::new(),
        jobs: HashMap::new(),
        reports,
        status,
    };
    driver.run(reports_in, shutdown.into()).await;
    Ok(())
}

struct Driver<R> {
    worker: Worker,
    settings: WorkerSettings,
    socket: Socket,
    runner: Arc<R>,
    tasks: JoinSet<JobOutcome>,
    jobs: HashMap<String, RunningJob>,
    reports: mpsc::Sender<Report>,
    status: watch::Sender<WorkerStatus>,
}

struct RunningJob {
    task: AbortHandle,
    stop: Stop,
}

impl RunningJob {
    /// Whether the server's order was declined, without a drain since.
    fn stays(&self) -> bool {
        let stop = &self.stop;
        let is_drained = stop.drained.is_given() || stop.ended.is_given();
        stop.declined.is_cancelled() && !is_drained
    }
}

type Stream = dial::Socket;

enum Socket {
    Closed,
    Connecting(Pin<Box<dyn Future<Output = Result<Stream, SocketError>> + Send>>),
    Open(Box<Stream>),
}

enum SocketEvent {
    Opened(Box<Stream>),
    Frame(Frame),
    Lost(String),
}

impl Socket {
    /// The next event of the socket; pending forever if there is none.
    async fn next(&mut self) -> SocketEvent {
        match self {
            Self::Closed => std::future::pending().await,
            Self::Connecting(connecting) => match connecting.await {
                Ok(stream) => SocketEvent::Opened(Box::new(stream)),
                Err(error) => SocketEvent::Lost(explain(&error)),
            },
            Self::Open(stream) => match stream.next().await {
                Some(Ok(frame)) => SocketEvent::Frame(frame),
                Some(Err(error)) => SocketEvent::Lost(error.to_string()),
                None => SocketEvent::Lost("the server closed the connection".into()),
            },
        }
    }
}

enum Next {
    Go,
    Finished,
}

impl<R: JobRunner> Driver<R> {
    async fn run(mut self, mut reports: mpsc::Receiver<Report>, shutdown: Shutdown) {
        let mut cpu = CpuMeter::default();
        let mut average = MovingAverage::default();
        let mut samples = tokio::time::interval(SAMPLE_INTERVAL);
        samples.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut draining, mut ending) = (false, false);
        loop {
            let (turn, deadline) = self.act().await;
            if matches!(turn, Next::Finished) {
                return;
            }
            let wake = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = self.socket.next() => self.on_socket(event),
                Some(report) = reports.recv() => {
                    self.input(Input::JobEnded(report.job_id, report.outcome));
                    // The status must be written before the job learns that it may leave.
                    self.act().await;
                    let _ = report.sent.send(());
                }
                Some(ended) = self.tasks.join_next_with_id() => self.on_task_end(ended),
                _ = samples.tick() => {
                    if let Some(sample) = cpu.sample(clock::now()) {
                        self.input(Input::LoadMeasured(average.push(sample)));
                    }
                }
                () = shutdown.drain.cancelled(), if !draining => {
                    draining = true;
                    let at_most = self.settings.drain_timeout;
                    tracing::info!(jobs = self.jobs.len(), ?at_most, "worker drains");
                    self.input(Input::Drain);
                }
                () = shutdown.end_calls.cancelled(), if !ending => {
                    ending = true;
                    tracing::info!(jobs = self.jobs.len(), "worker ends its calls");
                    self.input(Input::EndJobs);
                }
                () = wake => self.input(Input::Timeout),
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.worker.handle_input(clock::now(), input);
    }

    /// Does everything that the machine asks for; returns its next deadline.
    async fn act(&mut self) -> (Next, Option<std::time::Instant>) {
        let (turn, deadline) = loop {
            match self.worker.poll_output() {
                Output::Timeout(deadline) => break (Next::Go, deadline),
                Output::Connect => self.connect(),
                Output::Close => self.close().await,
                Output::Send(message) => self.send(message).await,
                Output::Start(job) => self.start(*job),
                Output::Cancel(id, cause, by) => {
                    if let Some(job) = self.jobs.get(&id) {
                        match cause {
                            Cause::Drain => job.stop.drained.give(by),
                            Cause::End => job.stop.ended.give(by),
                            Cause::Server => job.stop.dismissed.give(by),
                        }
                    }
                }
                Output::Abort(id) => {
                    if let Some(job) = self.jobs.get(&id).filter(|job| !job.stays()) {
                        tracing::warn!(job = id, "job did not leave in time and is dropped");
                        job.task.abort();
                    }
                }
                // The last status includes it, too, so that observers see the worker drained.
                Output::Finished => break (Next::Finished, None),
            }
        };
        let status = self.worker.status(clock::now());
        metrics().workers.is(&status);
        self.status.send_if_modified(|old| {
            let changed = *old != status;
            *old = status;
            changed
        });
        (turn, deadline)
    }

    fn connect(&mut self) {
        self.socket = match connect_request(&self.settings) {
            Ok(request) => Socket::Connecting(Box::pin(
                dial::websocket(request, None).map(|result| result.map(|(stream, _)| stream)),
            )),
            Err(error) => {
                tracing::error!(%error, "worker cannot connect");
                Socket::Connecting(Box::pin(std::future::ready(Err(
                    SocketError::ConnectionClosed,
                ))))
            }
        };
    }

    async fn close(&mut self) {
        if let Socket::Open(mut stream) = std::mem::replace(&mut self.socket, Socket::Closed) {
            let _ = tokio::time::timeout(WRITE_DEADLINE, stream.close()).await;
        }
    }

    async fn send(&mut self, message: proto::worker_message::Message) {
        if let proto::worker_message::Message::Availability(answer) = &message {
            metrics().workers.offered(answer.available).inc();
            tracing::info!(job = answer.job_id, taken = answer.available, "job offered");
        }
        let Socket::Open(stream) = &mut self.socket else {
            return;
        };
        let bytes = proto::WorkerMessage {
            message: Some(message),
        }
        .encode_to_vec();
        let sent = tokio::time::timeout(WRITE_DEADLINE, stream.send(Frame::Binary(bytes.into())));
        let reason = match sent.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a message could not be written within 5 s".into(),
        };
        self.lost(&reason);
    }

    fn start(&mut self, job: Job) {
        let id = job.id.clone();
        tracing::info!(job = id, room = job.room_name, "job starts");
        let stop = Stop::default();
        let handle = JobHandle {
            job_id: id.clone(),
            stop: stop.clone(),
            reports: self.reports.clone(),
        };
        let runner = Arc::clone(&self.runner);
        let task = self
            .tasks
            .spawn(async move { runner.run(job, handle).await });
        self.jobs.insert(id, RunningJob { task, stop });
    }

    fn on_task_end(&mut self, ended: Result<(tokio::task::Id, JobOutcome), JoinError>) {
        let (task, outcome) = match ended {
            Ok((task, outcome)) => (task, outcome),
            Err(error) if error.is_panic() => (
                error.id(),
                JobOutcome::Failed("the job panicked; see the worker's log".into()),
            ),
            Err(error) => (
                error.id(),
                JobOutcome::Failed("the job did not leave the room in time".into()),
            ),
        };
        let job = self.jobs.iter().find(|(_, job)| job.task.id() == task);
        let Some(id) = job.map(|(id, _)| id.clone()) else {
            return;
        };
        self.jobs.remove(&id);
        let success = outcome == JobOutcome::Success;
        metrics().workers.job_ended(success).inc();
        match &outcome {
            JobOutcome::Success => tracing::info!(job = id, "job ended"),
            JobOutcome::Failed(reason) => tracing::warn!(job = id, reason, "job failed"),
        }
        self.input(Input::JobLeft(id, outcome));
    }

    fn on_socket(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Opened(stream) => {
                self.socket = Socket::Open(stream);
                self.input(Input::Connected);
            }
            SocketEvent::Frame(Frame::Binary(bytes)) => match proto::ServerMessage::decode(bytes) {
                Ok(proto::ServerMessage {
                    message: Some(message),
                }) => {
                    if let proto::server_message::Message::Register(answer) = &message {
                        tracing::info!(worker = answer.worker_id, "worker registered");
                    }
                    self.input(Input::Received(message));
                }
                Ok(_) => tracing::debug!("a message of a newer server is passed over"),
                Err(error) => self.lost(&format!("unreadable message: {error}")),
            },
            SocketEvent::Frame(Frame::Close(_)) => self.lost("the server closed the connection"),
            SocketEvent::Frame(_) => {}
            SocketEvent::Lost(reason) => self.lost(&reason),
        }
    }

    fn lost(&mut self, reason: &str) {
        tracing::warn!(reason, "worker lost LiveKit, connects again");
        self.socket = Socket::Closed;
        self.input(Input::Disconnected);
    }
}

fn connect_request(settings: &WorkerSettings) -> Result<Request<()>, WorkerError> {
    let livekit = &settings.livekit;
    let bad_address = |reason: String| WorkerError::Address {
        host: livekit.host.clone(),
        reason,
    };
    let key = livekit.keys.first();
    let token = AccessToken::with_api_key(&key.id, &key.secret.expose())
        .with_ttl(TOKEN_TTL)
        .with_grants(VideoGrants {
            agent: true,
            ..Default::default()
        })
        .to_jwt()?;
    let mut request = format!("{}/agent?protocol=1", livekit.host)
        .into_client_request()
        .map_err(|error| bad_address(error.to_string()))?;
    let bearer = format!("Bearer {token}")
        .parse()
        .map_err(|_| bad_address("bad token".into()))?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    Ok(request)
}

fn explain(error: &SocketError) -> String {
    match error {
        SocketError::Http(response) if response.status() == 401 => {
            "LiveKit answers 401: check LIVEKIT_API_KEY and LIVEKIT_API_SECRET, and this machine's \
             clock"
                .into()
        }
        error => {
            let text = error.to_string();
            if text.contains("certificate") {
                return format!(
                    "{text}: for a private CA, set SSL_CERT_FILE to a PEM file with its certificate"
                );
            }
            text
        }
    }
}
