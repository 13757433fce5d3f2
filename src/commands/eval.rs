//! `sidetone eval`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use sidetone::cli::EvalArgs;
use sidetone::eval::run::{Mind, Minds};
use sidetone::eval::spoken::judge;
use sidetone::eval::{self, report, scenario};
use sidetone_base::clock;
use sidetone_config::env::Env;
use sidetone_config::folder::AgentFolder;
use sidetone_config::secret::Secrets;
use sidetone_models as models;

use super::live_clients;

/// Providers take this many requests at once without delay.
const SCENARIOS_AT_A_TIME: usize = 8;

/// Fails if a scenario fails.
pub(super) async fn run(args: EvalArgs) -> anyhow::Result<ExitCode> {
    let scenarios = scenario::load_all(&args.scenarios)?;
    let agents = AgentFolder::open(&args.agents, Secrets::read());
    let (mind, at_a_time) = if args.live || args.record {
        let env = Env::read()?;
        let clients = live_clients().await?;
        let minds: Arc<Minds> = Arc::new(move |agent| {
            let agent = clients.settle(agent);
            let models = clients.for_call(&agent);
            (agent, Arc::new(models).into())
        });
        // The models of this machine share its cores: side by side each is too slow.
        let (source, at_a_time) = match env.uses_local_models() {
            true => (
                models::Settings::with_llm(&env.llm_model)
                    .llm
                    .name()
                    .to_owned(),
                1,
            ),
            false => (env.llm_model, SCENARIOS_AT_A_TIME),
        };
        let mind = match args.record {
            true => Mind::Record(minds, source),
            false => Mind::Live(minds),
        };
        (mind, at_a_time)
    } else {
        (Mind::Recorded, SCENARIOS_AT_A_TIME)
    };
    let is_spoken = scenarios.iter().any(scenario::Scenario::is_spoken);
    // Whatever else is wrong with the environment matters to live conversations alone.
    let is_judged = is_spoken && Env::read().map_or(true, |env| env.end_of_turn);
    let end_of_turn = match is_judged {
        true => judge::cached().await,
        false => None,
    };
    let at_a_time = args.jobs.unwrap_or(at_a_time);
    let begun = clock::now();
    let results = eval::run_all(&scenarios, &agents, &mind, end_of_turn.as_ref(), at_a_time).await;
    let took = clock::now().saturating_duration_since(begun);
    print!("{}", report::table(&results, took));
    if is_judged && end_of_turn.is_none() {
        println!(
            "spoken turns were ended by words and pauses alone, without the end-of-turn model that calls have: \
             `sidetone models fetch {}` brings it",
            models::end_of_turn::NAME
        );
    }
    if let Some(file) = args.junit {
        std::fs::write(&file, report::junit(&results, took))
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(if report::is_good(&results) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
