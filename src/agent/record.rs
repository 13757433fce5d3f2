//! Writes a call's events to the store as they happen.

mod figures;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use sidetone_base::clock;
use sidetone_call::{AgentTurn, CallEvent, Latency, ToolCalled};
use sidetone_store::errors::StageError;
use sidetone_store::tools::ToolCall;
use sidetone_store::{At, Speaker, Store, StoreError, StoredTurn};

pub use figures::result_took;

/// How long a turn waits for a database that does not answer, before the next is tried. Turns are
/// whole rows, so a later one does not need an earlier one.
const PATIENCE: Duration = Duration::from_secs(20);
/// First pause before a turn is written again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Stores the turns of `call_id` until the call has ended. What cannot be stored is told in the
/// log by its id, never by its words. `job` is part of each turn's id: an agent that replaces a dead
/// one counts from the start again and must not write over the turns of the first.
pub async fn record(store: Store, call_id: Uuid, job: &str, mut events: mpsc::Receiver<CallEvent>) {
    let mut started = clock::wall();
    let mut caller = None;
    let mut books = figures::Books::new(store.clone(), call_id);
    while let Some(event) = events.recv().await {
        match event {
            CallEvent::Started { at } => started = at,
            CallEvent::CallerTurn {
                turn_id,
                text,
                started_at,
                ended_at,
            } => {
                let turn = StoredTurn {
                    turn_id: format!("{job}-caller-{:06}", turn_id.0),
                    speaker: Speaker::User,
                    text,
                    started_at: instant(started, started_at),
                    ended_at: Some(instant(started, ended_at)),
                    interrupted: false,
                    latency_ms: None,
                    metrics: sidetone_store::Json(Value::Null),
                };
                save(&store, call_id, &turn).await;
            }
            CallEvent::AgentTurn(turn) => {
                save(&store, call_id, &agent_turn(job, started, turn)).await
            }
            CallEvent::ToolCall(called) => save_tool(&store, call_id, started, called).await,
            CallEvent::Error { at, stage, message } => {
                let stage = stage.as_str();
                tracing::warn!(%call_id, stage, message, "a stage of the call failed");
                let failed = StageError {
                    stage: stage.to_owned(),
                    message,
                    at: instant(started, at),
                };
                if let Err(error) = store.save_error(call_id, &failed).await {
                    tracing::warn!(%call_id, %error, "that was not stored");
                }
            }
            CallEvent::Figures { figures, taken } => books.save(figures, taken).await,
            CallEvent::Ended { reason, .. } => {
                tracing::info!(%call_id, reason = reason.as_str(), "the call ended");
            }
            CallEvent::CallerJoined { identity, .. } => caller = Some(identity),
            CallEvent::CallerMuted { at, muted } => {
                let Some(caller) = &caller else { continue };
                let at = instant(started, at);
                if let Err(error) = store.note_muted(call_id, caller, at, muted).await {
                    tracing::warn!(%call_id, %error, "muting was not stored");
                }
            }
            CallEvent::AgentState { .. } | CallEvent::CallerAway { .. } => {}
        }
    }
}

async fn save_tool(store: &Store, call_id: Uuid, started: SystemTime, called: ToolCalled) {
    let (ok, result) = match called.result {
        Ok(result) => (true, result),
        Err(result) => (false, result),
    };
    let call = ToolCall {
        agent: called.agent,
        name: called.name,
        // What is no JSON is kept as text.
        arguments: sidetone_store::Json(
            serde_json::from_str(&called.arguments).unwrap_or(Value::String(called.arguments)),
        ),
        ok,
        result,
        started_at: instant(started, called.started_at),
        duration_ms: millis(called.took),
    };
    let tool = call.name.clone();
    if let Err(error) = store.save_tool_call(call_id, &call).await {
        tracing::error!(%call_id, tool, %error, "what a tool did could not be stored");
    }
}

fn agent_turn(job: &str, started: SystemTime, turn: AgentTurn) -> StoredTurn {
    StoredTurn {
        turn_id: format!("{job}-agent-{:06}", turn.reply_id.0),
        speaker: Speaker::Agent,
        text: turn.text_heard,
        started_at: instant(started, turn.started_at),
        ended_at: Some(instant(started, turn.ended_at)),
        interrupted: turn.interrupted,
        latency_ms: turn.latency.response.map(millis),
        metrics: sidetone_store::Json(metrics(turn.latency)),
    }
}

/// Milliseconds of each stage; a stage that had no part is left out.
fn metrics(latency: Latency) -> Value {
    let known = latency.named().into_iter();
    Value::Object(
        known
            .map(|(name, time)| (name.to_owned(), json!(millis(time))))
            .collect(),
    )
}

fn millis(duration: Duration) -> i32 {
    duration.as_millis().try_into().unwrap_or(i32::MAX)
}

fn instant(started: SystemTime, offset: Duration) -> At {
    sidetone_store::micros((started + offset).into())
}

/// Writes a turn, again while the database is away.
async fn save(store: &Store, call_id: Uuid, turn: &StoredTurn) {
    let until = clock::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        match store.save_turn(call_id, turn).await {
            Ok(true) => return,
            Ok(false) => {
                tracing::debug!(%call_id, "no row of this call: its turns are not stored");
                return;
            }
            Err(error) if clock::now() + pause > until => {
                give_up(call_id, turn, &error);
                return;
            }
            Err(_) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
}

fn give_up(call_id: Uuid, turn: &StoredTurn, error: &StoreError) {
    tracing::error!(%call_id, turn = turn.turn_id, %error, "a turn could not be stored and is lost");
}
