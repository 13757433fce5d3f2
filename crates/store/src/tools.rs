//! Which version of which agent held a call, and its tool runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::in_call;
use super::news::note;
use super::{At, Store, StoreError, on};
use sidetone_config::webhook::WebhookEvent;

/// The name of the tool that transfers callers to a person.
const TRANSFER: &str = "transfer";

/// A tool run, finished or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The agent whose tool it was.
    pub agent: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them.
    pub arguments: Json<Value>,
    /// Whether it succeeded.
    pub ok: bool,
    /// Its end is unknown: it is still running, or its agent was lost. `ok`, `result` and `duration_ms` mean nothing
    /// then.
    #[serde(default)]
    pub running: bool,
    /// What the model was told.
    pub result: String,
    /// When it was called.
    pub started_at: At,
    /// How long it took.
    pub duration_ms: i32,
}

super::from_row!(ToolCall {
    agent,
    name,
    arguments,
    ok,
    running,
    result,
    started_at,
    duration_ms
});

impl ToolCall {
    /// The outcome. `None` while it is unknown.
    pub fn outcome(&self) -> Option<Result<&str, &str>> {
        let result = self.result.as_str();
        (!self.running).then_some(if self.ok { Ok(result) } else { Err(result) })
    }

    /// Whether it transferred the call to a person.
    pub fn is_transfer(&self) -> bool {
        self.name == TRANSFER && self.ok && !self.running
    }

    /// Whether both describe the same run, one of them perhaps only its start.
    pub fn is_same_run(&self, other: &Self) -> bool {
        (&self.agent, &self.name, &self.arguments, self.started_at)
            == (
                &other.agent,
                &other.name,
                &other.arguments,
                other.started_at,
            )
    }
}

/// The agent that a call began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBy {
    /// Its name.
    pub agent: String,
    /// Hash of its files.
    pub agent_version: String,
    /// Its variant. `None` for the agent's file itself.
    pub variant: Option<String>,
    /// The version of the edition that they belong to. `None` if they were on the worker's disk.
    #[serde(default)]
    pub edition: Option<String>,
}

super::from_row!(HeldBy {
    agent,
    agent_version,
    variant,
    edition
});

impl Store {
    /// Adds a tool run to a call, once per `id`, which the caller chooses: its start and its end, in either order.
    /// Returns false if there is no such call, it was erased, or this much of the run is already known.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn save_tool_call(
        &self,
        call_id: Uuid,
        id: &str,
        call: &ToolCall,
    ) -> Result<bool, StoreError> {
        const INSERT: &str = "INSERT INTO call_tools (call_id, agent, name, arguments, ok, result, \
             started_at, duration_ms, entry, running) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (call_id, entry) DO UPDATE SET ok = excluded.ok, \
             result = excluded.result, duration_ms = excluded.duration_ms, running = FALSE \
             WHERE call_tools.running AND NOT excluded.running";
        Ok(in_call!(self, call_id, |tx| {
            let added = sqlx::query(INSERT)
                .bind(call_id)
                .bind(&call.agent)
                .bind(&call.name)
                .bind(&call.arguments)
                .bind(call.ok)
                .bind(&call.result)
                .bind(call.started_at)
                .bind(call.duration_ms)
                .bind(id)
                .bind(call.running)
                .execute(&mut *tx)
                .await?;
            let is_new = added.rows_affected() > 0;
            if is_new && !call.running {
                let kind = match call.is_transfer() {
                    true => WebhookEvent::Transferred,
                    false => WebhookEvent::Tool,
                };
                note!(tx, call_id, kind, id);
            }
            is_new
        }))
    }

    /// One tool run, by the id under which it was stored.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn tool_call(&self, call_id: Uuid, id: &str) -> Result<Option<ToolCall>, StoreError> {
        const SELECT: &str = "SELECT agent, name, arguments, ok, running, result, started_at, duration_ms \
             FROM call_tools WHERE call_id = $1 AND entry = $2";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .bind(id)
            .fetch_optional(pool)
            .await?))
    }

    /// The tool runs of a call, in order.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn tool_calls(&self, call_id: Uuid) -> Result<Vec<ToolCall>, StoreError> {
        const SELECT: &str = "SELECT agent, name, arguments, ok, running, result, started_at, duration_ms \
             FROM call_tools WHERE call_id = $1 ORDER BY started_at, id";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_all(pool)
            .await?))
    }

    /// Records which agent a call began with, and the version of its files. Only the first record counts: an agent
    /// that takes the call over records the same.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_of_call(&self, call_id: Uuid, by: &HeldBy) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET agent = $2, agent_version = $3, variant = $4, \
             edition = $5 WHERE id = $1 AND deleted_at IS NULL AND agent IS NULL";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(&by.agent)
            .bind(&by.agent_version)
            .bind(&by.variant)
            .bind(&by.edition)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// See [`Store::agent_of_call`]. `None` if it was never recorded.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn version_of_call(&self, call_id: Uuid) -> Result<Option<HeldBy>, StoreError> {
        const SELECT: &str = "SELECT agent, agent_version, variant, edition FROM voice_calls \
             WHERE id = $1 AND agent IS NOT NULL";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?))
    }
}
