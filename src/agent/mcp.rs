//! The MCP servers of a call: connected beside its greeting, and recorded where they failed.

use std::time::Instant;

use futures::future::join_all;
use sidetone_store::Json;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::record::Beside;
use super::spool::Entry;
use sidetone_call::tools::mcp::{Failure, Mcp};
use sidetone_store::tools::ToolCall;

/// The servers of all agents of a call.
#[derive(Default)]
pub struct Servers {
    all: Vec<Mcp>,
    /// Aborted with the call.
    connecting: JoinSet<()>,
}

impl Servers {
    /// Connects the servers of `agent` in the background.
    pub fn connect(&mut self, mcp: Mcp, record: &Beside, call_id: Uuid, agent: &str) {
        let connecting = connect(mcp.clone(), record.clone(), call_id, agent.to_owned());
        self.connecting.spawn(connecting);
        self.all.push(mcp);
    }

    /// Ends connections and processes, and waits until they have ended or the deadline is there.
    pub async fn close(&self, until: Instant) {
        join_all(self.all.iter().map(|mcp| mcp.close(until))).await;
    }
}

/// Connects the servers of `agent`; the call's record says which could not be.
async fn connect(mcp: Mcp, record: Beside, call_id: Uuid, agent: String) {
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
        tracing::warn!(%call_id, agent, server, message, "an MCP server is not available in this call");
        let run = ToolCall {
            agent: agent.clone(),
            name: format!("mcp.{server}"),
            arguments: Json(serde_json::Value::Null),
            ok: false,
            running: false,
            result: message,
            started_at: began,
            duration_ms: took.as_millis().try_into().unwrap_or(i32::MAX),
        };
        let id = Uuid::now_v7().to_string();
        if record.try_send(Entry::Tool { id, run }).is_err() {
            tracing::warn!(%call_id, server, "an MCP server's failure could not be stored");
        }
    }
}
