//! Conversations in writing that test an agent's files: scenarios with expectations, offline on recorded answers or
//! live. Also measures how well words were understood.

mod anew;
mod answering;
mod expect;
pub mod recorded;
mod recorder;
pub mod report;
pub mod run;
pub mod scenario;
mod script;
mod simulated;
pub mod spoken;
pub mod text;
pub mod told;
pub mod word_error;
mod written;

use futures::{StreamExt as _, stream};

use std::sync::Arc;

use run::Mind;
use scenario::Scenario;
use sidetone_call::EndOfTurn;
use sidetone_config::folder::AgentFolder;

/// Runs scenarios in parallel; the results are in the order of the scenarios.
pub async fn run_all(
    scenarios: &[Scenario],
    agents: &AgentFolder,
    mind: &Mind,
    end_of_turn: Option<&Arc<dyn EndOfTurn>>,
    at_a_time: usize,
) -> Vec<report::Result> {
    let runs = scenarios.iter().map(|scenario| async move {
        run::run(scenario, agents, mind, end_of_turn)
            .await
            .map_err(|error| (scenario.name.clone(), format!("{error:#}")))
    });
    stream::iter(runs)
        .buffered(at_a_time.max(1))
        .collect()
        .await
}

#[cfg(test)]
mod tests;
