//! Tools that answer as a scenario says: models are tried without the tools' servers.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use super::scenario::Scenario;
use sidetone_call::{Served, Tools};
use sidetone_config::agent::AgentConfig;
use sidetone_config::request::HttpRequest;
use sidetone_config::tools::{Action, McpTool};

struct Answering {
    others: Arc<dyn Tools>,
    answers: Vec<(HttpRequest, String)>,
}

/// `tools` of an agent; those that the scenario has an answer of are not asked.
pub fn answering(
    scenario: &Scenario,
    agent: &AgentConfig,
    tools: Arc<dyn Tools>,
) -> Arc<dyn Tools> {
    let answered = agent.tools.iter().filter_map(|tool| {
        let Action::Http(request) = &tool.action else {
            return None;
        };
        let answer = scenario.answers.get(&tool.name)?;
        Some((request.clone(), answer.clone()))
    });
    Arc::new(Answering {
        answers: answered.collect(),
        others: tools,
    })
}

impl Tools for Answering {
    fn call_tool(
        &self,
        request: HttpRequest,
        values: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        match self.answers.iter().find(|(known, _)| *known == request) {
            Some((_, answer)) => {
                let answer = answer.clone();
                async move { Ok(answer) }.boxed()
            }
            None => self.others.call_tool(request, values, arguments),
        }
    }

    fn served(&self) -> BoxFuture<'static, Served> {
        self.others.served()
    }

    fn call_served(
        &self,
        tool: McpTool,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        self.others.call_served(tool, arguments)
    }
}
