//! What agents want to know before they greet: an HTTP request of their files.

use std::time::Duration;

use futures::future::join_all;
use livekit::Room;
use serde_json::Value;

use crate::room::{caller_of, is_person};
use sidetone_call::tools::HttpTools;
use sidetone_config::agent::{AgentConfig, ConfigError};
use sidetone_config::request::root;
use sidetone_config::template;

/// A lookup that speaks of the caller waits this long for one; then it is made without.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether the caller is there.
const LOOK: Duration = Duration::from_millis(20);

/// Whether a lookup of these agents speaks of the caller, who has to be there first.
pub fn wants_caller(team: &[AgentConfig]) -> bool {
    let mut lookups = team.iter().filter_map(|agent| agent.lookup.as_ref());
    lookups.any(|lookup| {
        let headers = lookup.headers.iter().map(|(_, value)| value);
        let mut texts = headers.chain([&lookup.url]);
        texts.any(|text| {
            let used = template::variables(text);
            used.iter().any(|name| root(name) == "caller")
        })
    })
}

/// Waits for the caller, and tells the agents who that is.
pub async fn meet(team: Vec<AgentConfig>, room: &Room) -> Vec<AgentConfig> {
    let caller = async {
        loop {
            let mut there = room.remote_participants().into_values();
            if let Some(caller) = there.find(is_person) {
                return caller;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let Ok(caller) = tokio::time::timeout(PATIENCE, caller).await else {
        return team;
    };
    let caller = caller_of(&caller);
    let meets = |agent: AgentConfig| {
        let (agent, problems, _) = agent.meet(&caller);
        tell(&problems);
        agent
    };
    team.into_iter().map(meets).collect()
}

/// Asks what each agent wants to know. One without an answer goes on without.
pub async fn look_up(team: Vec<AgentConfig>, http: &HttpTools) -> Vec<AgentConfig> {
    let ask = async |agent: AgentConfig| {
        let Some(request) = &agent.lookup else {
            return agent;
        };
        match http.look_up(request, &agent.values).await {
            Ok(found) => with(&agent, "lookup", found),
            Err(message) => {
                tracing::warn!(
                    agent = agent.name,
                    message,
                    "the lookup failed: the call begins without its result"
                );
                agent
            }
        }
    };
    join_all(team.into_iter().map(ask)).await
}

fn with(agent: &AgentConfig, name: &str, value: Value) -> AgentConfig {
    let (agent, problems) = agent.with(name, value);
    tell(&problems);
    agent
}

fn tell(problems: &[ConfigError]) {
    for problem in problems {
        tracing::error!("{problem}");
    }
}
