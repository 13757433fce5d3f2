//! The agents' files, and what local models do badly for them.

use super::Item;
use crate::agent::DEFAULT_AGENT;
use sidetone_config::agent::small_model;
use sidetone_config::folder::AgentFolder;

/// Checks each agent of the folder; `local_models` says whether they use the models of this machine.
pub fn agents(agents: &AgentFolder, local_models: bool) -> Vec<Item> {
    let mut items = Vec::new();
    if let Err(problems) = agents.team(DEFAULT_AGENT) {
        let fix = "calls that name no agent use this one; `--agents` names the folder";
        items.push(Item::wrong("agent", problems.to_string(), fix));
    }
    for problem in agents.problems() {
        let fix = "fix the file; until then the last good version is used";
        items.push(Item::wrong("agent", problem.to_string(), fix));
    }
    items.dedup_by(|a, b| a.found == b.found);
    for agent in agents.agents() {
        let (name, voice, tools) = (&agent.name, &agent.voice, agent.tools.len());
        let version = &agent.version;
        let found = format!("{name}: version {version}, voice {voice}, {tools} tools");
        items.push(Item::ok("agent", found));
        if let Some(doubtful) = agent.doubtful_on_local_models().filter(|_| local_models) {
            let found = format!("{name}: {doubtful}");
            items.push(Item::note("tools", found, small_model::FIX));
        }
    }
    items
}
