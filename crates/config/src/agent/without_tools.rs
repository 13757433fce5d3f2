//! What an agent's file asks for and the local language model cannot do.

use super::AgentConfig;

/// How to get what is missing.
pub const FIX: &str = "set OPENAI_API_KEY, or name a provider whose model calls tools in [llm]";

impl AgentConfig {
    /// What is missing from its calls where the process's models are those of this machine, which
    /// are asked without tools; none: nothing is, or it never asks them.
    pub fn missing_on_local_models(&self) -> Option<String> {
        let mut providers = self.stages.llm.providers.iter();
        if providers.all(|provider| provider.address.is_some()) {
            return None;
        }
        let mut missing: Vec<String> = self.tools.iter().map(|tool| tool.name.clone()).collect();
        missing.extend(
            self.mcp
                .iter()
                .map(|server| format!("the tools of {}", server.name)),
        );
        let mut sentences = Vec::new();
        if !missing.is_empty() {
            sentences.push(format!(
                "the local model calls no tools, and may promise what it cannot do; missing: {}",
                missing.join(", ")
            ));
        }
        if self.result.schema.is_some() {
            sentences.push("the local model rarely keeps to the schema of [result]".to_owned());
        }
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }
}

#[cfg(test)]
mod tests;
