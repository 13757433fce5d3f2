//! Checks the agents to which callers come from others: they must exist, and no model may hand callers round in a
//! circle. (A caller who presses keys may go in one.)

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::agent::AgentConfig;
use super::super::menu;
use super::super::section::nearest;

const HANDOFF: &str = "tools.handoff.agents";

/// The agents that lead to nobody, or hand over in a circle, each with a message.
pub(super) fn wrong(agents: &BTreeMap<String, Arc<AgentConfig>>) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for (name, agent) in agents {
        let by_model = (agent.hands_to()).map(|other| (HANDOFF.to_owned(), other));
        let by_key = menu::agents(&agent.menu);
        let by_key = by_key.map(|(key, other)| (format!("menu.{key}.agent"), other));
        for (key, other) in by_model.chain(by_key) {
            if !agents.contains_key(other) {
                let near = nearest(other, agents.keys().map(String::as_str));
                let advice = near.map_or_else(
                    || "there is no valid file of that name".to_owned(),
                    |near| format!("did you mean {near:?}?"),
                );
                wrong.push((name.clone(), format!("{key}: {other:?}: {advice}")));
            }
        }
        let mut path = vec![name.as_str()];
        if let Some(circle) = circle(agents, &mut path) {
            let message = format!(
                "{HANDOFF}: callers could be handed over in a circle ({circle}); remove one of \
                 these agents from the other's list"
            );
            wrong.push((name.clone(), message));
        }
    }
    wrong
}

/// The path from the first agent of `path` back to itself.
fn circle<'a>(
    agents: &'a BTreeMap<String, Arc<AgentConfig>>,
    path: &mut Vec<&'a str>,
) -> Option<String> {
    let last = path.last().copied()?;
    for next in agents.get(last)?.hands_to() {
        if path.first() == Some(&next) {
            return Some(format!("{} -> {next}", path.join(" -> ")));
        }
        if !path.contains(&next) {
            path.push(next);
            let found = circle(agents, path);
            path.pop();
            if found.is_some() {
                return found;
            }
        }
    }
    None
}
