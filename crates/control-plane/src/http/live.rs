//! Calls under way, told as they change (server-sent events, HTML Living Standard §9.2).
//!
//! The store is asked every second, so the events of all processes that share it come, each at most
//! a second late. An event is the whole state, not a difference: a browser that was away has missed
//! nothing.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument};
use sidetone_base::clock;
use sidetone_store::LiveCall;

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(1);
/// Then the browser asks again by itself, and has to be let in again.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// The calls under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LiveCalls {
    /// Newest first, at most 200.
    calls: Vec<LiveInfo>,
}

/// A call under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveInfo {
    id: Uuid,
    /// pending, ringing or connected.
    status: String,
    /// Turns that are stored by now.
    turns: i64,
}

impl From<LiveCall> for LiveInfo {
    fn from(call: LiveCall) -> Self {
        Self {
            id: call.id,
            status: call.status.as_str().into(),
            turns: call.turns,
        }
    }
}

/// The calls under way, as server-sent events: one at once, then one whenever a call has begun,
/// changed, had a turn or ended.
#[utoipa::path(get, path = "/api/voice/live", tag = "admin",
    responses((status = 200, description = "A stream of events named \"live\".",
            content_type = "text/event-stream", body = LiveCalls),
        (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn live(
    State(state): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    principal.need(Right::AllHistory)?;
    let first = read(&state).await?;
    let watcher = Watcher {
        signed_in: state.session(&headers).await?.is_some(),
        headers,
        state,
        until: clock::now() + LONGEST,
        unsent: Some(first.clone()),
        last: first,
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let calls = watcher.next().await?;
        let event = Event::default()
            .event("live")
            .json_data(calls)
            .unwrap_or_default();
        Some((Ok(event), watcher))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn read(state: &AppState) -> Result<LiveCalls, Problem> {
    let calls = state.store().live_calls().await?;
    let calls = calls.into_iter().map(Into::into).collect();
    Ok(LiveCalls { calls })
}

/// What one browser was told.
struct Watcher {
    state: AppState,
    /// It was let in by its session: who signs out sees no more.
    signed_in: bool,
    headers: HeaderMap,
    until: Instant,
    unsent: Option<LiveCalls>,
    last: LiveCalls,
}

impl Watcher {
    /// The state, once it is another; none when the stream is to end.
    async fn next(&mut self) -> Option<LiveCalls> {
        if let Some(calls) = self.unsent.take() {
            return Some(calls);
        }
        let closing = self.state.config().closing.clone();
        while clock::now() < self.until {
            tokio::select! {
                () = closing.cancelled() => return None,
                () = tokio::time::sleep(EVERY) => {}
            }
            // A store that is away ends the stream; the browser says so, and asks again.
            if self.signed_in {
                self.state.session(&self.headers).await.ok()??;
            }
            let calls = read(&self.state).await.ok()?;
            if calls != self.last {
                self.last = calls.clone();
                return Some(calls);
            }
        }
        None
    }
}
