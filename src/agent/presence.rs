//! A worker process tells of itself in the store, and hears there that it is to drain.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use sidetone_base::WorkerStatus;
use sidetone_base::clock;
use sidetone_base::metrics::metrics;
use sidetone_base::metrics::recent::Looks;
use sidetone_config::folder::AgentFolder;
use sidetone_store::workers::{WorkerRow, WorkerState};
use sidetone_store::{Json, Store};

/// Time between two writes of the row; also the longest wait of a request to drain.
const TELL: Duration = Duration::from_secs(3);
/// Time between two beats while there are calls. After three missed ones others ask whether they live.
const BEAT: Duration = Duration::from_millis(500);
/// A beat that takes longer is given up for the next.
const BEAT_DEADLINE: Duration = Duration::from_secs(1);
/// Then a lost worker's row is taken away.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);
/// Longest wait for the store at the end.
const GOODBYE: Duration = Duration::from_secs(3);

/// This machine's name.
pub fn host() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname");
    host.map_or_else(|_| "this machine".into(), |name| name.trim().to_owned())
}

/// What a worker process says of itself at first.
pub fn introduce(agent_name: &str, max_calls: usize) -> WorkerRow {
    let now = sidetone_store::now();
    WorkerRow {
        id: Uuid::now_v7(),
        host: host(),
        agent_name: agent_name.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        livekit_id: None,
        state: WorkerState::Connecting,
        load: 0.0,
        calls: 0,
        max_calls: i32::try_from(max_calls).unwrap_or(i32::MAX),
        started_at: now,
        seen_at: now,
        drain_requested_at: None,
        drain_until: None,
        recent: None,
        edition: None,
    }
}

/// Writes the row every three seconds, and when calls or state change, until `stop`; cancels `drain`
/// when somebody asks for it. A store that is away is asked again at the next beat: calls go on.
pub async fn run(
    store: Store,
    agents: Arc<AgentFolder>,
    mut row: WorkerRow,
    mut status: watch::Receiver<WorkerStatus>,
    drain: CancellationToken,
    drain_time: Duration,
    stop: CancellationToken,
) {
    let mut looks = Looks::default();
    let mut beats = interval(TELL);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        let changed = status.wait_for(|now| Some(summary(now)) != told);
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beats.tick() => {}
            // Err: the worker has ended; the beats go on while the process does.
            Ok(_) = changed => {}
        }
        let now = status.borrow_and_update().clone();
        told = Some(summary(&now));
        let at = match store.database_now().await {
            Ok(at) => at,
            Err(error) => {
                tracing::debug!(%error, "the worker's heartbeat could not be stored");
                continue;
            }
        };
        (row.load, row.seen_at) = (now.load, at);
        (row.state, row.calls) = (state(&now), now.jobs.len().try_into().unwrap_or(i32::MAX));
        row.livekit_id = now.worker_id;
        if now.draining {
            row.drain_until.get_or_insert(at + drain_time);
        }
        row.edition = agents.known().edition().map(str::to_owned);
        row.recent = Some(Json(looks.look(clock::now(), metrics().counts())));
        match store.worker_beat(&row).await {
            Ok(Some(_)) if !drain.is_cancelled() => {
                tracing::info!("this worker is asked to drain");
                drain.cancel();
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the worker's heartbeat could not be stored"),
        }
        if let Err(error) = store.forget_workers(at - FORGOTTEN_AFTER).await {
            tracing::debug!(%error, "lost workers could not be removed from the table");
        }
    }
    if !matches!(
        timeout(GOODBYE, store.worker_gone(row.id)).await,
        Ok(Ok(()))
    ) {
        tracing::warn!("the worker's row stays for an hour, and shows it as lost");
    }
}

/// Beats for `worker`'s calls while it has some, until `stop`. From a task of its own: nothing else
/// that this process writes holds it up.
pub async fn beat(
    store: Store,
    worker: Uuid,
    mut status: watch::Receiver<WorkerStatus>,
    stop: CancellationToken,
) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let due = async {
            // Err: the worker has ended, and all its calls.
            if status.wait_for(|now| !now.jobs.is_empty()).await.is_err() {
                std::future::pending::<()>().await;
            }
            beats.tick().await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = due => {}
        }
        match timeout(BEAT_DEADLINE, store.worker_lives(worker)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a heartbeat could not be stored"),
            Err(_) => tracing::debug!("a heartbeat was not stored within {BEAT_DEADLINE:?}"),
        }
    }
}

/// What is told at once.
fn summary(status: &WorkerStatus) -> (WorkerState, usize) {
    (state(status), status.jobs.len())
}

fn state(status: &WorkerStatus) -> WorkerState {
    match (status.draining, status.jobs.is_empty(), &status.worker_id) {
        (true, true, _) => WorkerState::Drained,
        (true, false, _) => WorkerState::Draining,
        (false, _, Some(_)) => WorkerState::Ready,
        (false, _, None) => WorkerState::Connecting,
    }
}
