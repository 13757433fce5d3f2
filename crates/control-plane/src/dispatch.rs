//! Asking for an agent: every spawn, on one machine or many, goes through LiveKit's dispatch.

pub mod guardian;

use livekit_api::services::agent_dispatch::AgentDispatchClient;
use livekit_protocol as proto;
use sidetone_store::DispatchMetadata;

use sidetone_config::env::LiveKit;

/// Why LiveKit took no dispatch.
#[derive(Debug, thiserror::Error)]
#[error("LiveKit did not take the dispatch for room {room}: {source}")]
pub struct DispatchError {
    room: String,
    source: livekit_api::services::ServiceError,
}

/// LiveKit's agent dispatch service.
#[derive(Debug)]
pub struct Dispatcher {
    client: AgentDispatchClient,
    agent_name: String,
}

impl Dispatcher {
    /// Dispatches to the workers registered as `agent_name`.
    pub fn new(livekit: &LiveKit, agent_name: impl Into<String>) -> Self {
        Self {
            client: AgentDispatchClient::with_api_key(
                &livekit.host,
                &livekit.api_key,
                livekit.api_secret.expose(),
            ),
            agent_name: agent_name.into(),
        }
    }

    /// Asks for an agent in `room` (created if need be) and gives the dispatch's id, `AD_…`.
    /// LiveKit answers when the dispatch is noted; whether a worker took it shows in the room.
    ///
    /// # Errors
    /// LiveKit refused or did not answer within 10 s.
    pub async fn create(
        &self,
        room: &str,
        metadata: &DispatchMetadata,
    ) -> Result<String, DispatchError> {
        let request = proto::CreateAgentDispatchRequest {
            agent_name: self.agent_name.clone(),
            room: room.to_owned(),
            metadata: serde_json::to_string(metadata).unwrap_or_default(),
            ..Default::default()
        };
        let dispatch = self.client.create_dispatch(request).await;
        dispatch
            .map(|dispatch| dispatch.id)
            .map_err(|source| DispatchError {
                room: room.to_owned(),
                source,
            })
    }

    /// Withdraws a dispatch: LiveKit tells the worker that runs it to leave. One that is gone
    /// already is no error.
    ///
    /// # Errors
    /// LiveKit refused or did not answer within 10 s.
    pub async fn delete(&self, room: &str, dispatch_id: &str) -> Result<(), DispatchError> {
        match self.client.delete_dispatch(dispatch_id, room).await {
            Ok(_) => Ok(()),
            Err(source) if is_not_found(&source) => Ok(()),
            Err(source) => Err(DispatchError {
                room: room.to_owned(),
                source,
            }),
        }
    }

    /// The identities of the agents whose jobs in `room` a worker took. The open-source server
    /// never says when such a job has ended: compare with who is in the room.
    ///
    /// # Errors
    /// LiveKit refused or did not answer within 10 s.
    pub async fn taken(&self, room: &str) -> Result<Vec<String>, DispatchError> {
        match self.client.list_dispatch(room).await {
            Ok(dispatches) => Ok(dispatches
                .into_iter()
                .filter_map(|dispatch| dispatch.state)
                .flat_map(|state| state.jobs)
                .map(|job| job.state.unwrap_or_default().participant_identity)
                .collect()),
            Err(source) if is_not_found(&source) => Ok(Vec::new()),
            Err(source) => Err(DispatchError {
                room: room.to_owned(),
                source,
            }),
        }
    }
}

/// Whether LiveKit says that there is no such thing.
pub fn is_not_found(error: &livekit_api::services::ServiceError) -> bool {
    use livekit_api::services::{ServerError, ServerErrorCode, ServiceError};
    matches!(error, ServiceError::Twirp(ServerError::Twirp(code))
        if code.code == ServerErrorCode::NOT_FOUND)
}
