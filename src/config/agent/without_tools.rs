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
mod tests {
    use crate::config::folder::AgentFolder;
    use crate::config::secret::Secrets;

    #[test]
    fn what_the_local_model_cannot_do_is_named_for_agents_that_ask_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p.md"), "You are kind.").unwrap();
        let tools = "prompt = \"p.md\"\n[tools.end_call]\n[tools.remember]\n";
        let elsewhere = "[llm]\nproviders = [\"x\"]\n[providers.x]\nllm = \"m\"\n\
                         base_url = \"https://x.example/v1\"\n";
        for (name, text) in [
            ("plain", "prompt = \"p.md\"\n".to_owned()),
            ("tools", tools.to_owned()),
            (
                "served",
                format!("{tools}[mcp.crm]\nurl = \"https://crm.example/mcp\"\n"),
            ),
            (
                "result",
                "prompt = \"p.md\"\n[result]\nintents = [\"order\"]\n".to_owned(),
            ),
            ("elsewhere", format!("{tools}{elsewhere}")),
        ] {
            std::fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
        }
        let agents = AgentFolder::open(folder.path(), Secrets::default());
        assert_eq!(agents.problems(), []);
        let missing = |name: &str| {
            let agent = agents.team(name).unwrap().swap_remove(0);
            agent.missing_on_local_models()
        };
        assert_eq!(missing("plain"), None);
        assert_eq!(missing("elsewhere"), None);
        let tools = missing("tools").unwrap();
        assert!(tools.ends_with("missing: end_call, remember"), "{tools}");
        let served = missing("served").unwrap();
        assert!(
            served.ends_with("end_call, remember, the tools of crm"),
            "{served}"
        );
        assert!(missing("result").unwrap().contains("[result]"));
    }
}
