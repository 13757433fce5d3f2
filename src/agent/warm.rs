//! What an agent needs is warmed when a token is given: the caller may join in a moment.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Agents, DEFAULT_AGENT};
use sidetone_config::agent::Overrides;
use sidetone_store::DispatchMetadata;

/// Hints that wait. Of many tokens at once the first are warmed for; most are of the same agent.
pub const HINTS: usize = 4;

impl Agents {
    /// Warms for the agents that are awaited, one after the other, until `stop`.
    pub async fn warm(
        &self,
        mut awaited: mpsc::Receiver<DispatchMetadata>,
        stop: CancellationToken,
    ) {
        while let Some(Some(metadata)) = stop.run_until_cancelled(awaited.recv()).await {
            self.warm_for(metadata).await;
        }
    }

    /// Opens the connections of the agent's voice, and lets a local model read its prompt. What cannot
    /// be, the call itself will say.
    async fn warm_for(&self, metadata: DispatchMetadata) {
        let name = metadata.agent.as_deref().unwrap_or(DEFAULT_AGENT);
        let Ok(team) = self.agents.team(name) else {
            return;
        };
        let call_id = metadata.call_id.unwrap_or_default();
        let overrides = Overrides {
            voice: metadata.voice.and_then(|voice| voice.parse().ok()),
            system_prompt: metadata.system_prompt,
            variables: metadata.variables,
            set_by_user: metadata.set_by_user,
            call_id: Some(call_id.to_string()),
            recording: metadata.recording,
            dispatch: metadata.dispatch,
        };
        if let Ok(agent) = team[0].variant_of(call_id).for_call(&overrides) {
            let agent = self.clients.settle(agent);
            self.clients.for_call(&agent).warm();
            self.clients.clone().read_ahead(agent).await;
        }
    }
}
