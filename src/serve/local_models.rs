//! The local models, served by the process for itself.

use std::net::{Ipv4Addr, SocketAddr};

use sidetone_models::Loaded;
use sidetone_models::llm::{Message, Role, Tool};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::ended;
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::env::Env;

/// The local models behind their loopback address.
pub(super) struct LocalModels {
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

impl LocalModels {
    /// `None` if a provider's key or address is set.
    pub(super) async fn start_if_needed(
        env: &Env,
        loaded: Option<Loaded>,
        agent: &AgentConfig,
        closing: &CancellationToken,
    ) -> anyhow::Result<Option<Self>> {
        if !env.uses_local_models() {
            return Ok(None);
        }
        tracing::info!("OPENAI_API_KEY is not set: speech and language models run on this machine");
        let models = match loaded {
            Some(models) => models,
            None => {
                let settings = sidetone_models::Settings::with_llm(&env.llm_model);
                spawn_blocking(move || sidetone_models::load(&settings)).await??
            }
        };
        // The prompt is prefilled, so that the first caller need not wait for it.
        let filled = agent.for_call(&Overrides::default());
        let agent = filled.map_or_else(|_| agent.clone(), AgentConfig::for_small_model);
        let prompt = Message::new(Role::System, agent.system_prompt);
        let tools = agent.tools.into_iter().map(|tool| Tool {
            name: tool.name,
            description: tool.description,
            parameters: tool.parameters,
        });
        if let Err(error) = models.llm.prefill(vec![prompt], tools.collect()).await {
            tracing::warn!(%error, "the prompt was not read ahead: the first answer takes longer");
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let stop = closing.child_token();
        let serving = tokio::spawn(sidetone_models::serve(listener, models, stop.clone()));
        Ok(Some(Self {
            address,
            stop,
            serving,
        }))
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        if let Err(error) = ended(Some(self.serving)).await {
            tracing::warn!(%error, "the local models ended badly");
        }
    }
}
