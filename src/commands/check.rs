//! `sidetone check`: adds to the library's checks those of this binary's own parts.

use std::process::ExitCode;
use std::sync::Arc;

use sidetone::check::{self, Item, Outcome, live};
use sidetone::cli::CheckArgs;
use sidetone_config::agent::AgentConfig;
use sidetone_config::env::Env;
use sidetone_config::folder::AgentFolder;
use sidetone_config::secret::Secrets;
use sidetone_models as models;

use super::live_clients;

/// Fails if anything is wrong.
pub(super) async fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let env = Env::read();
    let local = env.as_ref().is_ok_and(Env::uses_local_models);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let folder = AgentFolder::open(&args.agents, Secrets::read());
    let agents = folder.agents();
    let mut more = vec![check::variables(names)];
    more.extend(check::agents(&folder, local));
    let llm = env.as_ref().map_or("", |env| env.llm_model.as_str());
    if let Ok(env) = &env {
        more.extend(check::editions(env, &folder).await);
    }
    let fetched = check_models(local, llm);
    let can_ask = fetched.outcome != Outcome::Wrong;
    more.push(fetched);
    if let (Ok(env), true) = (&env, local) {
        more.extend(larger_model(&env.llm_model, models::machine()));
    }
    if let (Ok(env), true, true) = (&env, args.live, can_ask) {
        more.extend(ask(env, &agents).await);
    }
    let report = check::run(env, &agents, args.fix, more).await;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.to_text());
    }
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// `--live`; uses the local models if no provider is set.
async fn ask(env: &Env, agents: &[Arc<AgentConfig>]) -> Vec<Item> {
    match live_clients().await {
        Ok(clients) => live::ask(env, &clients, agents).await,
        Err(error) => {
            let fix = "fix what this says, or run without --live";
            vec![Item::wrong("live", format!("{error:#}"), fix)]
        }
    }
}

/// Whether this machine has room for a better language model than the one that it uses.
fn larger_model(name: &str, machine: models::Machine) -> Option<Item> {
    let used = models::Settings::with_llm(name).llm;
    let better = machine.recommended_llm();
    if !used.is_small() || better.is_small() {
        return None;
    }
    let (found, better) = (
        format!(
            "{} is used; {} cores and {} GB of memory are enough for the larger one",
            used.name(),
            machine.cores,
            machine.memory >> 30
        ),
        better.name(),
    );
    let fix = format!("set SIDETONE_LLM_MODEL={better} and run `sidetone models fetch`");
    Some(Item::note("local language model", found, fix))
}

fn check_models(needed: bool, llm: &str) -> Item {
    const FIX: &str = "run `sidetone models fetch`";
    let settings = models::Settings::with_llm(llm);
    let is_missing = |model: &&&models::manifest::Model| {
        model.state(&settings.cache) != models::manifest::State::Ready
    };
    let wanted = settings.models();
    let missing: Vec<_> = wanted
        .iter()
        .filter(is_missing)
        .map(|m| m.name.as_str())
        .collect();
    match (missing.is_empty(), needed) {
        (true, _) => Item::ok("local models", "fetched"),
        (false, true) => Item::wrong(
            "local models",
            format!("missing: {}", missing.join(", ")),
            FIX,
        ),
        (false, false) => Item::ok(
            "local models",
            "not fetched, and not needed with a provider's key",
        ),
    }
}
