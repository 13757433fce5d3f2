//! What an agent's file asks for and a small language model of this machine does badly.

use super::AgentConfig;

/// How to do better.
pub const FIX: &str =
    "try it with `sidetone console`; set OPENAI_API_KEY or name a provider in [llm] for callers";

impl AgentConfig {
    /// What is not to be relied on in its calls where the process's models are those of this machine: the
    /// smaller ones are not offered tools, the larger ones often call the wrong one, or none. `None` if it has
    /// no tools, or if another provider's model calls them.
    pub fn doubtful_on_local_models(&self) -> Option<String> {
        let mut providers = self.stages.llm.providers.iter();
        if providers.all(|provider| provider.address.is_some()) {
            return None;
        }
        let mut tools: Vec<String> = self.tools.iter().map(|tool| tool.name.clone()).collect();
        let served = self.mcp.iter();
        tools.extend(served.map(|server| format!("the tools of {}", server.name)));
        (!tools.is_empty()).then(|| {
            format!(
                "the small local models call no tools, the larger one often the wrong ones; this agent has {}",
                tools.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests;
