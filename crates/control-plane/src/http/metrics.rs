//! What this process and its pool measure of themselves, for Prometheus.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::AppState;
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument};
use sidetone_base::clock;
use sidetone_base::metrics::{TEXT_FORMAT, metrics};
use sidetone_store::census::Census;
use sidetone_store::inbox::InboxHealth;
use sidetone_store::workers::{LOST_AFTER, WorkerRow, WorkerState};
use sidetone_store::{CallStatus, Store, StoreError};

/// Longest wait for the database: a scrape tells what the process knows also without it.
const DEADLINE: Duration = Duration::from_secs(2);

/// What the process measures of itself, in Prometheus' text format. Nothing personal: no ids, rooms, users or
/// words.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument)))]
pub async fn scrape(
    State(state): State<AppState>,
    principal: Principal,
) -> Result<Response, Problem> {
    principal.need(Right::Measure)?;
    look(state.store()).await;
    Ok(text())
}

/// What the process measures of itself.
pub fn text() -> Response {
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], metrics().text()).into_response()
}

/// Asks the database for what it alone knows. When it does not answer, that stays as it was, and is said to.
async fn look(store: &Store) {
    let began = clock::now();
    let asked = async {
        let (census, inbox) = tokio::try_join!(store.census(), store.inbox_health())?;
        let now = store.database_now().await?;
        let is_lost = |worker: &WorkerRow| worker.seen_at + LOST_AFTER < now;
        let workers = store.workers().await?.into_iter().partition(is_lost);
        Ok::<_, StoreError>((census, inbox, workers))
    };
    let answer = timeout(DEADLINE, asked).await;
    let control = &metrics().control;
    let took = clock::now().saturating_duration_since(began);
    control.database_took.observe(took.as_secs_f64());
    control
        .database_up()
        .set(matches!(answer, Ok(Ok(_))).into());
    match answer {
        Ok(Ok((census, inbox, workers))) => tell(census, inbox, workers),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a scrape was answered without the database's figures")
        }
        Err(_) => tracing::warn!(
            "a scrape was answered without the database's figures: no answer in {DEADLINE:?}"
        ),
    }
}

/// `lost` and `there`: the workers.
fn tell(census: Census, inbox: InboxHealth, (lost, there): (Vec<WorkerRow>, Vec<WorkerRow>)) {
    let now = sidetone_store::now();
    let age = |at: Option<sidetone_store::At>| {
        let age = at.and_then(|at| (now - at).to_std().ok());
        age.unwrap_or_default().as_secs_f64()
    };
    let control = &metrics().control;
    for status in CallStatus::ALL {
        let found = census.open_calls.iter().find(|(of, _)| of == status);
        let open = control.open_calls(status.as_str());
        open.set(found.map_or(0, |(_, count)| *count));
    }
    control.posts_waiting.set(census.posts_waiting);
    control.posts_oldest.set(age(census.oldest_post));
    control.results_owed.set(census.results_owed);
    control.events_waiting.set(inbox.waiting);
    control.events_oldest.set(age(inbox.oldest_waiting_at));
    let pool = &metrics().workers;
    pool.pool("lost").set(count(lost.len()));
    for state in WorkerState::ALL {
        let workers = there.iter().filter(|worker| worker.state == *state);
        pool.pool(state.as_str()).set(count(workers.count()));
    }
    let ready = |worker: &&WorkerRow| worker.state == WorkerState::Ready;
    let calls = there.iter().map(|worker| i64::from(worker.calls));
    let slots = there.iter().filter(ready);
    pool.pool_calls.set(calls.sum());
    pool.pool_slots
        .set(slots.map(|worker| i64::from(worker.max_calls)).sum());
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
