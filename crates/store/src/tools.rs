//! Which version of which agent held a call, and what its tools did.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::erasure::in_call;
use super::{At, Store, StoreError, on};

/// A tool that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Whose tool it was.
    pub agent: String,
    /// The tool.
    pub name: String,
    /// As the model wrote them.
    pub arguments: Json<Value>,
    /// Whether it did what it should.
    pub ok: bool,
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
    result,
    started_at,
    duration_ms
});

/// The agent that a call began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBy {
    /// Its name.
    pub agent: String,
    /// Hash of its files.
    pub agent_version: String,
    /// Its variant; none: as it stands.
    pub variant: Option<String>,
}

super::from_row!(HeldBy {
    agent,
    agent_version,
    variant
});

impl Store {
    /// Adds a tool's run to a call, once for each `id`, which the caller chooses. False when there is
    /// no such call, it was erased, or the run is known.
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
             started_at, duration_ms, entry) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (call_id, entry) DO NOTHING";
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
                .execute(&mut *tx)
                .await?;
            added.rows_affected() > 0
        }))
    }

    /// The tools that ran in a call, in order.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn tool_calls(&self, call_id: Uuid) -> Result<Vec<ToolCall>, StoreError> {
        const SELECT: &str = "SELECT agent, name, arguments, ok, result, started_at, duration_ms \
             FROM call_tools WHERE call_id = $1 ORDER BY started_at, id";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_all(pool)
            .await?))
    }

    /// Notes which agent a call began with, and which version of its files.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_of_call(&self, call_id: Uuid, by: &HeldBy) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE voice_calls SET agent = $2, agent_version = $3, variant = $4 \
             WHERE id = $1 AND deleted_at IS NULL";
        on!(self, |pool| sqlx::query(UPDATE)
            .bind(call_id)
            .bind(&by.agent)
            .bind(&by.agent_version)
            .bind(&by.variant)
            .execute(pool)
            .await
            .map(|_| ()))?;
        Ok(())
    }

    /// See [`Store::agent_of_call`]; none when it was never noted.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn version_of_call(&self, call_id: Uuid) -> Result<Option<HeldBy>, StoreError> {
        const SELECT: &str = "SELECT agent, agent_version, variant FROM voice_calls \
             WHERE id = $1 AND agent IS NOT NULL";
        Ok(on!(self, |pool| sqlx::query_as(SELECT)
            .bind(call_id)
            .fetch_optional(pool)
            .await?))
    }
}
