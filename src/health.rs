//! `/healthz`, `/readyz` and `/metrics` of `sidetone worker`, which has no control plane to serve them.
//!
//! They have their own thread and runtime, and only read what others last reported: they answer even if the process's
//! runtime is stuck, which is when it matters.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};
use sidetone_base::supervise::{Down, Needed, Supervisor, TaskHealth};
use sidetone_base::{WorkerStatus, clock};
use sidetone_config::folder::AgentFolder;
use sidetone_control_plane::http::{self, health::status, machine};
use sidetone_http_server::descriptors::Descriptors;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Time between heartbeats of the runtime, and of the threads of calls.
pub const BEAT: Duration = Duration::from_secs(1);
/// The runtime counts as stuck after this long without a heartbeat. Generous: a busy machine makes calls worse, and
/// killing the process would end them.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// The runtime's last report.
#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Instant,
    /// Agents that a call may ask for.
    agents: usize,
}

impl Beat {
    /// The current state.
    fn now(agents: &AgentFolder) -> Self {
        Self {
            at: clock::now(),
            agents: agents.names().len(),
        }
    }
}

/// Beats until `stop`. A runtime whose threads are all blocked does not get to it.
async fn beat(agents: Arc<AgentFolder>, beats: watch::Sender<Beat>, stop: CancellationToken) {
    loop {
        beats.send_replace(Beat::now(&agents));
        if stop
            .run_until_cancelled(tokio::time::sleep(BEAT))
            .await
            .is_none()
        {
            return;
        }
    }
}

/// What health checks read; none of it needs waiting.
#[derive(Clone, Debug)]
struct WorkerHealth {
    /// What is wrong with LiveKit's address and keys. `None` if nothing is.
    livekit: Option<String>,
    /// The worker's status.
    worker: watch::Receiver<WorkerStatus>,
    /// The runtime's heartbeat.
    beat: watch::Receiver<Beat>,
    /// When each of the calls' threads beat last.
    threads: Vec<watch::Receiver<Instant>>,
    /// The background tasks.
    tasks: TaskHealth,
}

/// What a worker needs: each is `ok`, or what is wrong. Keys that the control plane's answer also has mean the same.
/// The database is not included: a call goes on without it.
#[derive(Debug, PartialEq, Serialize)]
struct Ready {
    ready: bool,
    livekit: String,
    worker: String,
    agents: String,
    runtime: String,
    /// Background tasks that failed and are restarted, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tasks: BTreeMap<&'static str, String>,
    /// How many file descriptors are open, if that is near the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<String>,
}

impl WorkerHealth {
    /// Why the runtime or a thread of calls counts as stuck at `now`, if one does.
    fn stuck(&self, now: Instant) -> Option<String> {
        let threads = self.threads.iter().map(|beat| *beat.borrow());
        let oldest = threads.fold(self.beat.borrow().at, Instant::min);
        let silent = now.saturating_duration_since(oldest);
        (silent >= STUCK_AFTER).then(|| format!("stuck for {} s", silent.as_secs()))
    }

    fn ready(&self, now: Instant) -> Ready {
        let worker = self.worker.borrow().trouble();
        let no_agents = (self.beat.borrow().agents == 0).then_some("there are no agents");
        let stuck = self.stuck(now);
        let Down { tasks, calls_wait } = self.tasks.down(now);
        let works = [
            self.livekit.is_none(),
            worker.is_none(),
            no_agents.is_none(),
            stuck.is_none(),
            !calls_wait,
        ];
        let ok = || "ok".to_owned();
        Ready {
            ready: works.into_iter().all(|works| works),
            livekit: self.livekit.clone().unwrap_or_else(ok),
            worker: worker.map_or_else(ok, str::to_owned),
            agents: no_agents.map_or_else(ok, str::to_owned),
            runtime: stuck.unwrap_or_else(ok),
            tasks,
            files: None,
        }
    }
}

/// Alive unless its runtime is stuck: then only a restart helps.
async fn alive(State(health): State<WorkerHealth>) -> (StatusCode, Json<Value>) {
    let stuck = health.stuck(clock::now());
    let body = json!({
        "status": stuck.as_deref().unwrap_or("ok"),
        "version": env!("CARGO_PKG_VERSION"),
    });
    (status(stuck.is_none()), Json(body))
}

/// Whether a job offered by LiveKit becomes a call.
async fn ready(State(health): State<WorkerHealth>) -> (StatusCode, Json<Ready>) {
    let ready = Ready {
        files: Descriptors::now().and_then(Descriptors::trouble),
        ..health.ready(clock::now())
    };
    (status(ready.ready), Json(ready))
}

/// The process's metrics, for clients in its private network.
async fn scrape(request: Request) -> Response {
    if machine::is_near(&request.into_parts().0) {
        http::metrics::text()
    } else {
        let told = "Metrics are for scrapers in the worker's own private network.\n";
        (StatusCode::FORBIDDEN, told).into_response()
    }
}

/// Serves at `address` for a worker without a control plane, and starts the runtime's heartbeat. `livekit` is what is
/// wrong with its address and keys, `threads` when each of the calls' threads beat last.
///
/// # Errors
/// If the address cannot be listened on, or the thread could not be started.
pub fn start(
    address: SocketAddr,
    livekit: Option<String>,
    agents: &Arc<AgentFolder>,
    worker: watch::Receiver<WorkerStatus>,
    threads: Vec<watch::Receiver<Instant>>,
    tasks: &mut Supervisor,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}; choose another --health"))?;
    tracing::info!(address = %listener.local_addr()?, "health checks are answered");
    let (beats, beat_seen) = watch::channel(Beat::now(agents));
    let agents = Arc::clone(agents);
    tasks.spawn("heartbeat", Needed::Later, move |stop| {
        beat(Arc::clone(&agents), beats.clone(), stop)
    });
    let health = WorkerHealth {
        livekit,
        worker,
        beat: beat_seen,
        threads,
        tasks: tasks.health(),
    };
    answer(listener, health, stop.clone()).context("starting the thread of health checks")
}

/// Serves on `listener` until `stop`, from its own thread.
fn answer(
    listener: TcpListener,
    health: WorkerHealth,
    stop: CancellationToken,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let router = Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
        .with_state(health);
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        http::serve(listener, router, stop).await
    };
    let thread = std::thread::Builder::new().name("health".into());
    thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Err(error) = runtime.and_then(|runtime| runtime.block_on(serve)) {
            tracing::error!(%error, "health checks are no longer answered");
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
