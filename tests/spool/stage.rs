//! The environment of a call's record, and an example of one.

use std::path::Path;

use serde_json::json;
use sidetone::agent::spool::{Entry, Writer};
use sidetone_config::env::Database;
use sidetone_store::errors::StageError;
use sidetone_store::figures::Figures;
use sidetone_store::results::CallResult;
use sidetone_store::tools::ToolCall;
use sidetone_store::{CallType, Json, NewCall, Speaker, Store, StoredTurn};
use sqlx::{Connection as _, SqliteConnection};
use uuid::Uuid;

/// Starts a write to SQLite that does not end: other writers wait in vain.
pub async fn lock(database: &Path) -> SqliteConnection {
    let address = format!("sqlite://{}", database.display());
    let mut other = SqliteConnection::connect(&address).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    other
}

pub async fn new_call(store: &Store) -> Uuid {
    let id = Uuid::now_v7();
    let call = NewCall {
        id,
        room_name: format!("support-{id}"),
        caller_id: "ann".into(),
        callee_id: None,
        call_type: CallType::Support,
        metadata: json!({}),
        created_at: sidetone_store::now(),
    };
    store.create_call(&call).await.unwrap().id
}

pub fn turn(n: u32, text: &str) -> Entry {
    Entry::Turn(StoredTurn {
        turn_id: format!("AJ_1-caller-{n:06}"),
        speaker: Speaker::User,
        person: None,
        name: None,
        text: text.into(),
        started_at: sidetone_store::now(),
        ended_at: None,
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms: None,
        metrics: Json(json!({})),
    })
}

/// An entry of each kind, including an older version of a turn before its last.
pub fn record() -> Vec<Entry> {
    let mut figures = Figures::default();
    figures.usage.prompt_tokens = 7;
    vec![
        turn(1, "When do you"),
        turn(1, "When do you open?"),
        Entry::Tool {
            id: "AJ_1-000001".into(),
            run: ToolCall {
                agent: "default".into(),
                name: "hours".into(),
                arguments: Json(json!({"day": 6})),
                ok: true,
                running: false,
                result: "nine".into(),
                started_at: sidetone_store::now(),
                duration_ms: 3,
            },
        },
        Entry::Error {
            id: "AJ_1-000002".into(),
            failed: StageError {
                stage: "tts".into(),
                message: "503".into(),
                at: sidetone_store::now(),
            },
        },
        Entry::Figures {
            job: "AJ_1".into(),
            n: 3,
            figures,
        },
        turn(2, "Thank you."),
        Entry::Result(CallResult {
            result: Some(Json(json!({"resolved": true}))),
            error: None,
            made_at: sidetone_store::now(),
        }),
    ]
}

pub async fn is_whole(store: &Store, call: Uuid) -> bool {
    let turns = store.turns(call).await.unwrap();
    let said: Vec<_> = turns.iter().map(|turn| turn.text.as_str()).collect();
    let tools = store.tool_calls(call).await.unwrap().len();
    let errors = store.stage_errors(call).await.unwrap().len();
    let figures = store.figures(call).await.unwrap();
    let tokens = figures.map(|figures| figures.usage.prompt_tokens);
    let result = store.result(call).await.unwrap().is_some();
    said == ["When do you open?", "Thank you."]
        && (tools, errors, tokens, result) == (1, 1, Some(7), true)
}

pub async fn write(writer: &mut Writer) {
    for entry in record() {
        writer.take(entry).await;
    }
}

pub async fn on_sqlite(data: &Path) -> Store {
    let database = Database::Sqlite(data.join("sidetone.db"));
    Store::open(&database).await.unwrap()
}
