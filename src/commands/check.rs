//! `sidetone check`: beside what the library looks at, what it knows of this binary's own parts.

use std::path::Path;
use std::process::ExitCode;

use sidetone::agent::DEFAULT_AGENT;
use sidetone::check::{self, Item};
use sidetone::cli::CheckArgs;
use sidetone::config::env::Env;
use sidetone::config::folder::AgentFolder;
use sidetone::config::secret::Secrets;
use sidetone_models as models;

/// Fails when anything is wrong.
pub(super) async fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let env = Env::read();
    let local = env.as_ref().is_ok_and(Env::uses_local_models);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut more = vec![check::variables(names)];
    more.extend(check_agents(&args.agents));
    more.push(check_models(local));
    let report = check::run(env, args.fix, more).await;
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

fn check_agents(folder: &Path) -> Vec<Item> {
    let agents = AgentFolder::open(folder, Secrets::read());
    let mut items = Vec::new();
    if let Err(problems) = agents.team(DEFAULT_AGENT) {
        let fix = "calls that name no agent use this one; `--agents` names the folder";
        items.push(Item::wrong("agent", problems.to_string(), fix));
    }
    for problem in agents.problems() {
        let fix = "mend the file; until then the last good version is used";
        items.push(Item::wrong("agent", problem.to_string(), fix));
    }
    items.dedup_by(|a, b| a.found == b.found);
    for agent in agents.agents() {
        let (name, voice, tools) = (&agent.name, &agent.voice, agent.tools.len());
        let version = &agent.version;
        let found = format!("{name}: version {version}, voice {voice}, {tools} tools");
        items.push(Item::ok("agent", found));
    }
    items
}

fn check_models(needed: bool) -> Item {
    const FIX: &str = "run `sidetone models fetch`";
    let settings = models::Settings::default();
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
