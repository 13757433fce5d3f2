//! Works through LiveKit's events from the store, so that a crash loses none.

mod body;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, TryStreamExt as _};
use serde::Deserialize as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Control;
pub use body::{EventBody, LONGEST_NAME};
use sidetone_base::metrics::metrics;
use sidetone_store::inbox::Event;
use sidetone_store::{Store, StoreError};

/// How often the store is looked at without being told to: another process may have written.
const POLL: Duration = Duration::from_secs(1);
const BATCH: i64 = 200;
/// Rooms whose events are acted on side by side, where the database takes writes side by side: an event waits mostly
/// for the database, and the process's other connections are for those who ask it something.
const ROOMS: usize = 6;
/// Why an event failed whose handling panicked.
const PANICKED: &str = "acting on it panicked; the log says where";

/// Runs until `shutdown`.
pub(super) async fn run(control: Control, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = control.events.notified() => {}
            () = tokio::time::sleep(POLL) => {}
        }
        if let Err(error) = work_through(&control).await {
            tracing::error!(%error, "LiveKit's events wait for the database");
        }
    }
}

/// Works through all that waits; gives the number of events.
///
/// # Errors
/// The database did not answer; what is left waits.
pub async fn work_through(control: &Control) -> Result<usize, StoreError> {
    let acted = |event: Event| {
        let control = control.clone();
        async move { act(&control, &event).await }
    };
    let at_once = control.store.writes_at_once().min(ROOMS);
    each(&control.store, at_once, acted).await
}

/// Does `act` for each event that waits: those of a room one after the other, as they came, and those of several rooms
/// side by side. One that fails, or panics, holds up no other.
async fn each<F>(
    store: &Store,
    at_once: usize,
    act: impl Fn(Event) -> F,
) -> Result<usize, StoreError>
where
    F: Future<Output = anyhow::Result<(Option<Uuid>, String)>>,
{
    let mut done = 0;
    loop {
        let events = store.waiting_events(BATCH).await?;
        let count = events.len();
        let rooms = by_room(events).into_iter().map(Ok);
        stream::iter(rooms)
            .try_for_each_concurrent(at_once, |events| in_order(store, events, &act))
            .await?;
        done += count;
        if count < BATCH as usize {
            return Ok(done);
        }
    }
}

/// Each room's events in their order; first the room whose event is the oldest.
fn by_room(events: Vec<Event>) -> Vec<Vec<Event>> {
    let mut rooms: Vec<Vec<Event>> = Vec::new();
    let mut known: HashMap<Option<String>, usize> = HashMap::new();
    for event in events {
        let next = rooms.len();
        let room = *known.entry(event.room_name.clone()).or_insert(next);
        match rooms.get_mut(room) {
            Some(room) => room.push(event),
            None => rooms.push(vec![event]),
        }
    }
    rooms
}

async fn in_order<F>(
    store: &Store,
    events: Vec<Event>,
    act: impl Fn(Event) -> F,
) -> Result<(), StoreError>
where
    F: Future<Output = anyhow::Result<(Option<Uuid>, String)>>,
{
    for event in events {
        one(store, event, &act).await?;
    }
    Ok(())
}

/// Does `act` for one event, and notes what came of it.
async fn one<F>(store: &Store, event: Event, act: impl Fn(Event) -> F) -> Result<(), StoreError>
where
    F: Future<Output = anyhow::Result<(Option<Uuid>, String)>>,
{
    let (id, occurred_at) = (event.id.clone(), event.occurred_at);
    let acted = AssertUnwindSafe(act(event)).catch_unwind().await;
    let now = sidetone_store::now();
    match acted.unwrap_or_else(|_| Err(anyhow::anyhow!(PANICKED))) {
        Ok((call_id, note)) => {
            store.event_done(&id, now, call_id, &note).await?;
            let lag = (now - occurred_at).to_std().unwrap_or_default();
            metrics().control.event_lag.observe(lag.as_secs_f64());
            metrics().control.event("acted_on").inc();
        }
        Err(error) => {
            metrics().control.event("failed").inc();
            tracing::error!(event = id, %error, "an event could not be handled");
            store.event_failed(&id, now, &error.to_string()).await?;
        }
    }
    Ok(())
}

/// Acts on one event; gives the call that it is of, and a note for whoever reads the table.
async fn act(control: &Control, event: &Event) -> anyhow::Result<(Option<Uuid>, String)> {
    let body = EventBody::deserialize(&event.payload.0)?;
    let Some(room) = body.room_name() else {
        return Ok((None, "about no room".into()));
    };
    if let Some(sid) = body.room_sid()
        && let Some(erased) = control.store.erased_call(sid, Some(room)).await?
    {
        if let Some(egress) = &body.egress_info {
            // The object is still to go.
            control.egresses.told(egress.report(), Some(erased)).await?;
        }
        return Ok((Some(erased), "its call was erased".into()));
    }
    let (sid, person) = (body.room_sid(), body.newcomer());
    let call = control
        .store
        .call_of(room, sid, body.participant_sid())
        .await?;
    let newest = control.store.call_in_room(room, None).await?;
    // Late news of a room are none of the agent's that is in the next one of the same name.
    let is_late = call.as_ref().zip(newest).is_some_and(|(call, newest)| {
        let had_another = call.room_sid.is_some() && call.room_sid.as_deref() != sid;
        call.id != newest.id || (body.is_end() && had_another)
    });
    if !is_late {
        tell_guard(control, &body, room).await?;
    }
    if let Some(egress) = &body.egress_info {
        // Also without a call: what was deleted before its room was known.
        let call_id = call.as_ref().map(|call| call.id);
        control.egresses.told(egress.report(), call_id).await?;
    }
    let Some(call) = call else {
        if person.is_some() {
            control.arrivals.look(room);
        }
        return Ok((None, "no call of ours".into()));
    };
    // Nobody comes to a room that is closed: that is told late, of the call itself.
    let is_closed = call.room_finished_at.is_some() && call.room_sid.as_deref() == sid;
    if let Some(person) = person
        && call.ended_at.is_some()
        && !is_closed
        && !control.store.is_in_call(call.id, person).await?
    {
        // Which call that is, is decided by who is there now.
        control.arrivals.look(room);
        return Ok((
            Some(call.id),
            "somebody is in the room of an ended call".into(),
        ));
    }
    match body.event.as_str() {
        "room_started" => {
            if !is_late {
                control.somebody_joins(&call).await?;
            }
            control.egresses.room_open(&call).await?;
        }
        "participant_joined" => {
            // Whoever joins may bring an agent that is to be recorded.
            control.egresses.room_open(&call).await?;
            if person.is_some() {
                // An agent that is awaited in the room is the next call's.
                if !is_late {
                    control.somebody_joins(&call).await?;
                }
                control.arrivals.look(room);
            }
        }
        "participant_left" | "participant_connection_aborted" => {
            if let Some(was_called) = body.person_left() {
                control.somebody_left(room, was_called);
            }
        }
        "room_finished" if !is_late => control.egresses.room_over(call.id).await?,
        _ => {}
    }
    let facts = body.facts(event.received_at);
    // Half of LiveKit's events are about tracks, and tell nothing of a call whose room is known.
    let after = match facts.is_empty() && call.room_sid.as_deref() == sid {
        true => Some(call.clone()),
        false => control.store.observe(call.id, sid, &facts).await?,
    };
    let note = after.map_or_else(
        || "the call is gone".into(),
        |after| format!("call {} {}", after.id, after.status.as_str()),
    );
    Ok((Some(call.id), note))
}

/// Tells whoever watches over a room's agent what became of it.
async fn tell_guard(control: &Control, body: &EventBody, room: &str) -> Result<(), StoreError> {
    match (body.event.as_str(), body.agent()) {
        ("participant_joined", Some((identity, epoch))) => {
            control.guard.agent_joined(room, identity, epoch).await?;
        }
        ("participant_left" | "participant_connection_aborted", Some(_)) => {
            control.guard.agent_left(room).await;
        }
        ("room_finished", _) => control.agent_ended(room).await?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
