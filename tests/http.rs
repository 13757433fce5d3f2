//! The control plane over HTTP, without LiveKit: shapes, rights, invalid input, webhooks.

mod commands;
mod door;
mod events;
mod fields;
mod history;
mod limits;
mod live;
mod logins;
mod metadata;
mod neighbours;
mod readme;
mod repeated;
mod rights;
mod secrets;
mod series;
mod sessions;
mod tokens;
mod users;
mod webhooks;
mod workers;

use serde_json::json;
use sidetone_store::{CallType, NewCall, Store};
use uuid::Uuid;

const TOKEN: &str = "/api/voice/token";
const AGENT: &str = "/api/voice/agent";
const CALLS: &str = "/api/voice/calls";
const HISTORY: &str = "/api/voice/history";
const SERIES: &str = "/api/voice/history/stats/series";
const LIVE: &str = "/api/voice/live";
const SESSION: &str = "/api/voice/session";
const WORKERS: &str = "/api/voice/workers";

async fn new_call(store: &Store, caller: &str, call_type: CallType, room: &str) -> Uuid {
    let call = NewCall {
        id: Uuid::new_v4(),
        room_name: room.into(),
        caller_id: caller.into(),
        callee_id: None,
        call_type,
        metadata: json!({}),
        created_at: sidetone_store::now(),
    };
    store.create_call(&call).await.unwrap().id
}
