//! Streams the calls in progress as they change (server-sent events, HTML Living Standard §9.2).
//! The store is polled every second, so events of all processes that share it arrive at most a second late. An event
//! is the whole state, not a difference: a browser that was away has missed nothing.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument};
use super::streams::{Place, Streams, TooMany};
use super::{AppState, Client};
use sidetone_base::clock;
use sidetone_store::LiveCall;

/// How often the store is polled.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// Longest stream. Then the browser reconnects by itself, and must be authorised again.
pub(super) const LONGEST: Duration = Duration::from_secs(10 * 60);
/// A comment is sent after this long without an event: proxies close an idle connection after a minute, some after
/// half of it.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);
/// Streams of one user or key, and of one network. Each holds a connection and polls the store every second.
const OF_ONE: usize = 10;
const OF_NETWORK: usize = 30;
/// Streams in all.
const IN_ALL: usize = 200;

/// Makes proxies pass on each event at once: nginx and those that read its header do not buffer, and nobody
/// compresses, which would wait for more data.
pub(super) const UNBUFFERED: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-cache, no-transform"),
    (HeaderName::from_static("x-accel-buffering"), "no"),
];

/// The limits on concurrent streams.
pub(super) fn streams() -> Streams {
    Streams::new(OF_ONE, OF_NETWORK, IN_ALL)
}

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
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn live(
    State(state): State<AppState>,
    principal: Principal,
    Client(client): Client,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    principal.need(Right::AllHistory)?;
    let place = state
        .0
        .streams
        .take(&principal.bucket(), &client.to_string());
    let place = place.map_err(too_many)?;
    let first = read(&state).await?;
    let watcher = Watcher {
        _place: place,
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
        Some((Ok::<_, Infallible>(event), watcher))
    });
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok((UNBUFFERED, events).into_response())
}

pub(super) fn too_many(_: TooMany) -> Problem {
    Problem {
        retry_after: Some(30),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many streams",
            "There are too many open streams of events; close one, such as a page that shows calls under way.",
        )
    }
}

async fn read(state: &AppState) -> Result<LiveCalls, Problem> {
    let calls = state.store().live_calls().await?;
    let calls = calls.into_iter().map(Into::into).collect();
    Ok(LiveCalls { calls })
}

/// The state of one browser's stream.
struct Watcher {
    _place: Place,
    state: AppState,
    /// Authorised by a session: signing out ends the stream.
    signed_in: bool,
    headers: HeaderMap,
    until: Instant,
    unsent: Option<LiveCalls>,
    last: LiveCalls,
}

impl Watcher {
    /// The state, once it has changed. `None` when the stream must end.
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
            // An unavailable store ends the stream; the browser shows that, and reconnects.
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
