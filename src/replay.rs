//! `sidetone replay`: the caller of a stored call says the same again, to today's files. Tools are not run again: they
//! give the answers they gave in the call.

mod table;
mod tools;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde::Serialize;
use uuid::Uuid;

use crate::eval::run::{self, Mind, Minds};
use crate::eval::scenario::{Delays, Scenario, ScenarioTurn};
use crate::eval::told::Told;
use sidetone_config::folder::AgentFolder;
use sidetone_store::tools::ToolCall;
use sidetone_store::{ParticipantKind, Speaker, Store, StoredTurn};
use tools::Recalled;

/// A stored call, as far as a replay needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The call's id.
    pub id: Uuid,
    /// The agent that answered first.
    pub agent: String,
    /// The version of its files.
    pub version: String,
    /// The caller's name.
    pub caller: String,
    /// Values for the prompt's variables.
    pub variables: BTreeMap<String, String>,
    /// What was said and heard, in order.
    pub turns: Vec<StoredTurn>,
    /// Tool calls, in order.
    pub tools: Vec<ToolCall>,
}

impl Stored {
    /// Reads a call.
    ///
    /// # Errors
    /// If the call does not exist, nothing was said in it, or the database did not answer.
    pub async fn load(store: &Store, id: Uuid) -> anyhow::Result<Self> {
        let call = store.call(id).await?;
        let call = call.with_context(|| format!("there is no call {id} in the database"))?;
        let turns = store.turns(id).await?;
        let asked = turns.iter().any(|turn| turn.speaker == Speaker::User);
        ensure!(asked, "the caller of {id} said nothing, or it was deleted");
        let by = store.version_of_call(id).await?;
        let by = by.with_context(|| format!("no agent has held the call {id}"))?;
        let people = store.participants(id).await?;
        let person = people.into_iter().find(|p| p.kind == ParticipantKind::User);
        let wanted = store.agent_in(&call.room_name).await?;
        let wanted = wanted.filter(|wanted| wanted.call_id == Some(id));
        Ok(Self {
            id,
            agent: by.agent,
            version: by.agent_version,
            caller: person.map_or_else(String::new, |person| person.participant_name),
            variables: wanted.map_or_else(BTreeMap::new, |wanted| wanted.metadata.0.variables),
            turns,
            tools: store.tool_calls(id).await?,
        })
    }
}

/// What was said and done at one point of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The agent's words.
    pub text: String,
    /// Tools, with their arguments.
    pub tools: Vec<String>,
}

/// A turn of the caller, and both answers. The first has no words of the caller: it is the greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// The caller's words.
    pub caller: Option<String>,
    /// The stored answer.
    pub then: Said,
    /// Today's answer.
    pub now: Said,
}

impl Exchange {
    /// Whether the answers differ.
    pub fn differs(&self) -> bool {
        self.then != self.now
    }
}

/// A call, then and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// The call's id.
    pub call_id: Uuid,
    /// The agent that answered then.
    pub agent_then: String,
    /// The version of its files.
    pub version_then: String,
    /// The agent that answers now.
    pub agent_now: String,
    /// The version of its files.
    pub version_now: String,
    /// Turn by turn.
    pub exchanges: Vec<Exchange>,
}

/// Holds the call again with the agent `name` (`None` for the call's own), using `minds`.
///
/// # Errors
/// If the agent cannot be used.
pub async fn replay(
    stored: &Stored,
    name: Option<&str>,
    agents: &AgentFolder,
    minds: Arc<Minds>,
) -> anyhow::Result<Replay> {
    let agent = name.unwrap_or(&stored.agent);
    let then = exchanges(stored);
    let scenario = Scenario {
        name: stored.id.to_string(),
        file: PathBuf::new(),
        about: String::new(),
        agent: agent.to_owned(),
        caller: stored.caller.clone(),
        variables: stored.variables.clone(),
        turns: then
            .iter()
            .filter_map(|(caller, _)| caller.clone())
            .map(|caller| ScenarioTurn {
                caller,
                ..ScenarioTurn::default()
            })
            .collect(),
        answers: BTreeMap::new(),
        delays: Delays::default(),
        simulated: None,
    };
    let recalled = Recalled::new(&stored.tools);
    let minds: Arc<Minds> = Arc::new(move |agent| {
        let (agent, models) = minds(agent);
        (agent, recalled.in_place_of_tools(models))
    });
    let outcome = run::run(&scenario, agents, &Mind::Live(minds), None).await?;
    let version_now = agents.team(agent)?[0].version.clone();
    let now = outcome.turns.into_iter().map(said);
    let pairs = then
        .into_iter()
        .zip(now.chain(std::iter::repeat_with(Said::default)));
    Ok(Replay {
        call_id: stored.id,
        agent_then: stored.agent.clone(),
        version_then: stored.version.clone(),
        agent_now: agent.to_owned(),
        version_now,
        exchanges: pairs
            .map(|((caller, then), now)| Exchange { caller, then, now })
            .collect(),
    })
}

fn said(told: Told) -> Said {
    let tools = told.tools.iter();
    Said {
        text: told.said.trim().to_owned(),
        tools: tools
            .map(|tool| shown(&tool.name, &tool.arguments))
            .collect(),
    }
}

fn shown(name: &str, arguments: &str) -> String {
    // Differences in white space do not count.
    let value: Option<serde_json::Value> = serde_json::from_str(arguments).ok();
    let arguments = value.map_or_else(|| arguments.to_owned(), |value| value.to_string());
    format!("{name} {arguments}")
}

/// The stored call in exchanges; the first is what was said before the caller's first words.
fn exchanges(stored: &Stored) -> Vec<(Option<String>, Said)> {
    let mut all = vec![(None, Said::default())];
    let mut tools = stored.tools.iter().peekable();
    for turn in &stored.turns {
        // A tool belongs to the caller's turn before it.
        let is_before = |tool: &&ToolCall| tool.started_at < turn.started_at;
        if turn.speaker == Speaker::User {
            while let Some(tool) = tools.next_if(|tool| is_before(tool)) {
                add_tool(&mut all, tool);
            }
            all.push((Some(turn.text.clone()), Said::default()));
        } else if let Some((_, said)) = all.last_mut() {
            let space = if said.text.is_empty() { "" } else { " " };
            said.text += space;
            said.text += turn.text.trim();
        }
    }
    for tool in tools {
        add_tool(&mut all, tool);
    }
    all
}

fn add_tool(all: &mut [(Option<String>, Said)], tool: &ToolCall) {
    if let Some((_, said)) = all.last_mut() {
        said.tools
            .push(shown(&tool.name, &tool.arguments.0.to_string()));
    }
}

#[cfg(test)]
mod tests;
