//! Dispatches agents: every agent, on one machine or many, is requested through LiveKit's dispatch.

pub mod guardian;
pub mod leave;
pub mod observer;

use crate::server_api::{ServerApi, ServiceError};
use sidetone_store::DispatchMetadata;

/// Why LiveKit rejected a dispatch.
#[derive(Debug, thiserror::Error)]
#[error("LiveKit did not accept the dispatch for room {room}: {source}")]
pub struct DispatchError {
    room: String,
    source: ServiceError,
}

/// Dispatches agents of one name.
#[derive(Debug)]
pub struct Dispatcher {
    livekit: ServerApi,
    agent_name: String,
}

impl Dispatcher {
    /// Dispatches to the workers registered as `agent_name`.
    pub fn new(livekit: ServerApi, agent_name: impl Into<String>) -> Self {
        Self {
            livekit,
            agent_name: agent_name.into(),
        }
    }

    /// The name under which workers register for dispatches.
    pub fn agent_name(&self) -> &str {
        &self.agent_name
    }

    /// Dispatches an agent to `room` (created if necessary) and returns the dispatch's id, `AD_…`. LiveKit answers
    /// when the dispatch is recorded; whether a worker took it shows in the room.
    /// # Errors
    /// LiveKit rejected it or did not respond within 10 s.
    pub async fn create(
        &self,
        room: &str,
        metadata: &DispatchMetadata,
    ) -> Result<String, DispatchError> {
        let metadata = serde_json::to_string(metadata).unwrap_or_default();
        let created = self
            .livekit
            .create_dispatch(room, &self.agent_name, metadata);
        created.await.map_err(|source| failed(room, source))
    }

    /// Deletes a dispatch: LiveKit orders the worker that runs it to leave. A dispatch that is gone already is no
    /// error.
    /// # Errors
    /// LiveKit rejected it or did not respond within 10 s.
    pub async fn delete(&self, room: &str, dispatch_id: &str) -> Result<(), DispatchError> {
        let deleted = self.livekit.delete_dispatch(room, dispatch_id).await;
        deleted.map_err(|source| failed(room, source))
    }

    /// The identities of the agents of this name whose jobs in `room` a worker took. The open-source server never reports the end
    /// of such a job: compare with the participants of the room.
    /// # Errors
    /// LiveKit rejected it or did not respond within 10 s.
    pub async fn taken(&self, room: &str) -> Result<Vec<String>, DispatchError> {
        let listed = self.livekit.dispatches(room).await;
        let dispatches = listed.map_err(|source| failed(room, source))?;
        Ok(dispatches
            .into_iter()
            .filter(|dispatch| dispatch.agent_name == self.agent_name)
            .filter_map(|dispatch| dispatch.state)
            .flat_map(|state| state.jobs)
            .map(|job| job.state.unwrap_or_default().participant_identity)
            .collect())
    }
}

fn failed(room: &str, source: ServiceError) -> DispatchError {
    DispatchError {
        room: room.to_owned(),
        source,
    }
}
