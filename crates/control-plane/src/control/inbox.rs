//! Works through LiveKit's events from the store, so that a crash loses none.

mod body;

use std::time::Duration;

use serde::Deserialize as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Control;
pub use body::{EventBody, LONGEST_NAME};
use sidetone_store::StoreError;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::inbox::Event;

/// How often the store is looked at without being told to: another process may have written.
const POLL: Duration = Duration::from_secs(1);
const BATCH: i64 = 100;

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
    let mut done = 0;
    loop {
        let events = control.store.waiting_events(BATCH).await?;
        for event in &events {
            match act(control, event).await {
                Ok((call_id, note)) => {
                    control
                        .store
                        .event_done(&event.id, sidetone_store::now(), call_id, &note)
                        .await?
                }
                Err(error) => {
                    tracing::error!(event = event.id, %error, "an event could not be acted on");
                    control
                        .store
                        .event_failed(&event.id, sidetone_store::now(), &error.to_string())
                        .await?;
                }
            }
        }
        done += events.len();
        if events.len() < BATCH as usize {
            return Ok(done);
        }
    }
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
    let call = control.store.call_in_room(room, body.room_sid()).await?;
    let newest = control.store.call_in_room(room, None).await?;
    // Late news of a room are none of the agent's that is in the next one of the same name.
    let is_late = call
        .as_ref()
        .zip(newest)
        .is_some_and(|(call, newest)| call.id != newest.id);
    if !is_late {
        tell_guard(control, &body, room).await?;
    }
    if let Some(egress) = &body.egress_info {
        // Also without a call: what was deleted before its room was known.
        let call_id = call.as_ref().map(|call| call.id);
        control.egresses.told(egress.report(), call_id).await?;
    }
    let Some(call) = call else {
        return Ok((None, "no call of ours".into()));
    };
    match body.event.as_str() {
        // The second: whoever joins may bring an agent that is to be recorded.
        "room_started" | "participant_joined" => control.egresses.room_open(&call).await?,
        "room_finished" => control.egresses.room_over(call.id).await?,
        _ => {}
    }
    let facts = body.facts(event.received_at);
    let after = control
        .store
        .observe(call.id, body.room_sid(), &facts)
        .await?;
    let note = after.map_or_else(
        || "the call is gone".into(),
        |after| format!("call {} {}", after.id, after.status.as_str()),
    );
    Ok((Some(call.id), note))
}

/// Tells whoever watches over a room's agent what became of it.
async fn tell_guard(control: &Control, body: &EventBody, room: &str) -> Result<(), StoreError> {
    match (body.event.as_str(), body.is_agent()) {
        ("participant_joined", true) => control.guard.agent_joined(room).await,
        ("participant_left" | "participant_connection_aborted", true) => {
            control.guard.agent_left(room).await
        }
        ("room_finished", _) => {
            control.guard.over(room).await;
            let agent = control.store.agent_in(room).await?;
            if let Some(agent) = agent.filter(|agent| agent.state != DispatchState::Failed) {
                let (ended, now) = (DispatchState::Ended, sidetone_store::now());
                let noted = control.store.agent_is(room, agent.epoch, ended, now, None);
                noted.await?;
            }
        }
        _ => {}
    }
    Ok(())
}
