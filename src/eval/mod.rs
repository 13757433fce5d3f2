//! Conversations in writing, on which an agent's files are tried: scenarios with expectations,
//! offline on recorded answers or live. Beside it, how well words were understood.

pub mod recorded;
pub mod report;
pub mod run;
pub mod scenario;
pub mod text;
pub mod word_error;

use futures::{StreamExt as _, stream};

use crate::config::folder::AgentFolder;
use run::Mind;
use scenario::Scenario;

/// Runs scenarios side by side; the results are in their order.
pub async fn run_all(
    scenarios: &[Scenario],
    agents: &AgentFolder,
    mind: &Mind,
    at_a_time: usize,
) -> Vec<report::Result> {
    let runs = scenarios.iter().map(|scenario| async move {
        run::run(scenario, agents, mind)
            .await
            .map_err(|error| (scenario.name.clone(), format!("{error:#}")))
    });
    stream::iter(runs)
        .buffered(at_a_time.max(1))
        .collect()
        .await
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::config::env::Secrets;

    async fn eval(scenarios: &[Scenario]) -> Vec<report::Result> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let agents = AgentFolder::open(root.join("agent-config"), Secrets::default());
        assert_eq!(agents.problems(), []);
        run_all(scenarios, &agents, &Mind::Recorded, 8).await
    }

    fn scenarios() -> Vec<Scenario> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        scenario::load_all(&[root.join("fixtures/scenarios")]).unwrap()
    }

    #[tokio::test]
    async fn all_scenarios_hold() {
        let scenarios = scenarios();
        assert!(scenarios.len() >= 30);
        let results = eval(&scenarios).await;
        let table = report::table(&results, Duration::ZERO);
        assert!(report::is_good(&results), "{table}");
    }

    #[tokio::test]
    async fn what_does_not_hold_is_found() {
        let find = |name: &str| {
            let found = scenarios().into_iter().find(|s| s.name == name);
            found.unwrap_or_else(|| panic!("no scenario {name}"))
        };
        let mut booked = find("02-booked");
        booked.turns[0].expect = vec![
            scenario::Expect::Contains("Christmas".into()),
            scenario::Expect::NoTool("find_tables".into()),
            scenario::Expect::Ended(true),
            scenario::Expect::Handoff("default".into()),
            scenario::Expect::Never("tomorrow".into()),
            scenario::Expect::Judge("It is polite.".into()),
        ];
        // Two answers are recorded for more turns than that.
        let mut long = find("21-support-greets");
        long.turns.push(long.turns[0].clone());
        let results = eval(&[booked, long]).await;
        let failures: Vec<usize> = results
            .iter()
            .map(|result| result.as_ref().map_or(0, |outcome| outcome.failures.len()))
            .collect();
        assert_eq!(
            failures[0],
            6,
            "{}",
            report::table(&results, Duration::ZERO)
        );
        assert!(
            failures[1] > 0,
            "{}",
            report::table(&results, Duration::ZERO)
        );
    }
}
