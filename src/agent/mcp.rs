//! The MCP servers of a call: connected beside its greeting, and put down where they failed.

use sqlx::types::Json;
use uuid::Uuid;

use sidetone_call::tools::mcp::{Failure, Mcp};
use sidetone_store::Store;
use sidetone_store::tools::ToolCall;

/// Connects the servers of `agent`; the call's record says which could not be.
pub async fn connect(mcp: Mcp, store: Store, call_id: Uuid, agent: String) {
    if mcp.is_empty() {
        return;
    }
    let began = sidetone_store::now();
    for failure in mcp.settled().await {
        let Failure {
            server,
            message,
            took,
        } = failure;
        tracing::warn!(%call_id, agent, server, message, "an MCP server is not there for this call");
        let call = ToolCall {
            agent: agent.clone(),
            name: format!("mcp.{server}"),
            arguments: Json(serde_json::Value::Null),
            ok: false,
            result: message,
            started_at: began,
            duration_ms: took.as_millis().try_into().unwrap_or(i32::MAX),
        };
        if let Err(error) = store.save_tool_call(call_id, &call).await {
            tracing::warn!(%call_id, server, %error, "an MCP server's failure was not stored");
        }
    }
}
