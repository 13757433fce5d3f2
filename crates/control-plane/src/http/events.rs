//! Streams one call's events as they happen (server-sent events, HTML Living Standard §9.2).
//! The store is polled every second, so each event is at most a second late, whichever process holds the call. A
//! stream begins with everything so far: a client that was away has missed nothing.

mod told;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Instant;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use uuid::Uuid;

use self::told::Told;
use super::auth::{Principal, Right};
use super::error::{Problem, ProblemDocument, path_id};
use super::live::{EVERY, HEARTBEAT, LONGEST, UNBUFFERED, too_many};
use super::streams::Place;
use super::{AppState, Client};
use crate::control::news::News;
use sidetone_base::clock;

/// The events of one call, as server-sent events: everything that has happened so far, then each event as it
/// happens. The
/// stream ends when the call is over.
#[utoipa::path(get, path = "/api/voice/calls/{callId}/events", tag = "voice",
    params(("callId" = Uuid, Path)),
    responses((status = 200, description = "A stream of events named started, turn, tool, transferred and ended, \
            each with a JSON object.", content_type = "text/event-stream"),
        (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument),
        (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument),
        (status = 429, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn events(
    State(state): State<AppState>,
    principal: Principal,
    Client(client): Client,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    principal.need(Right::AllHistory)?;
    let call_id = path_id("callId", &id, "history")?;
    let place = state
        .0
        .streams
        .take(&principal.bucket(), &client.to_string());
    let place = place.map_err(too_many)?;
    let mut told = Told::default();
    let first = look(&state, call_id, &mut told).await?;
    let unsent = first.ok_or_else(|| Problem::not_found("callId", "There is no such call."))?;
    let watcher = Watcher {
        _place: place,
        signed_in: state.session(&headers).await?.is_some(),
        headers,
        state,
        call_id,
        until: clock::now() + LONGEST,
        unsent: unsent.into(),
        told,
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let news = watcher.next().await?;
        let event = Event::default()
            .event(news.name())
            .json_data(&news)
            .unwrap_or_default();
        Some((Ok::<_, Infallible>(event), watcher))
    });
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok((UNBUFFERED, events).into_response())
}

/// The news of a call. `None` if the call does not exist any more.
async fn look(state: &AppState, id: Uuid, told: &mut Told) -> Result<Option<Vec<News>>, Problem> {
    let store = state.store();
    // This must be read first: everything written about a call that was over before has been written by then.
    let call = store.call(id).await?;
    let Some(call) = call.filter(|call| call.deleted_at.is_none()) else {
        return Ok(None);
    };
    let (turns, tools) = (store.turns(id).await?, store.tool_calls(id).await?);
    Ok(Some(told.news(&call, turns, tools)))
}

/// The state of one client's stream.
struct Watcher {
    _place: Place,
    state: AppState,
    /// Authorised by a session: signing out ends the stream.
    signed_in: bool,
    headers: HeaderMap,
    call_id: Uuid,
    until: Instant,
    unsent: VecDeque<News>,
    told: Told,
}

impl Watcher {
    /// The next event. `None` when the stream must end.
    async fn next(&mut self) -> Option<News> {
        let closing = self.state.config().closing.clone();
        loop {
            if let Some(news) = self.unsent.pop_front() {
                return Some(news);
            }
            if self.told.is_over() || clock::now() >= self.until {
                return None;
            }
            tokio::select! {
                () = closing.cancelled() => return None,
                () = tokio::time::sleep(EVERY) => {}
            }
            // An unavailable store ends the stream; the client reconnects.
            if self.signed_in {
                self.state.session(&self.headers).await.ok()??;
            }
            let news = look(&self.state, self.call_id, &mut self.told)
                .await
                .ok()??;
            self.unsent.extend(news);
        }
    }
}
