//! The `sidetone` command: reads the command line and runs the role that it names.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use sidetone::agent::DEFAULT_AGENT;
use sidetone::agent::clients::Clients;
use sidetone::agent::end_of_turn::SmartTurn;
use sidetone::caller::access::{Access, TokenRequest};
use sidetone::caller::script::Patience;
use sidetone::caller::{self, CallPlan, Turn};
use sidetone::check::{self, Item};
use sidetone::cli::{
    CallArgs, CheckArgs, Cli, Command, ConsoleArgs, EvalArgs, ModelsCommand, ReplayArgs, TurnArg,
};
use sidetone::config::env::{Env, Secrets};
use sidetone::config::folder::AgentFolder;
use sidetone::config::reference;
use sidetone::console::sound::{self, SoundOptions};
use sidetone::console::{self, Console};
use sidetone::eval::run::{Mind, Minds};
use sidetone::eval::{report, scenario};
use sidetone::replay::{self, Stored};
use sidetone::serve::{Process, serve};
use sidetone::store::Store;
use sidetone::worker::LoadMeasure;
use sidetone::{audio, clock, demo, telemetry};
use sidetone_models as models;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let cli = Cli::parse();
    telemetry::start();
    if cli.command.runs_models() {
        // SAFETY: it sets an environment variable, and no other thread runs yet.
        unsafe { models::limit_threads(models::default_threads()) };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("sidetone: no threads can be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(run(cli.command));
    // Whatever still runs after the roles have ended was told to end.
    runtime.shutdown_timeout(Duration::from_secs(2));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sidetone: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => {
            let env = Env::read()?;
            let bind = args.bind.unwrap_or(env.bind);
            let listener = TcpListener::bind(bind)
                .await
                .with_context(|| format!("{bind} cannot be listened at; choose another --bind"))?;
            let worker = (!args.no_worker).then(|| measure(args.count_jobs));
            let process = Process {
                env,
                agents: args.agents,
                listener: Some(listener),
                models: None,
                worker,
            };
            serve(process, shutdown()).await?;
        }
        Command::Worker(args) => {
            let process = Process {
                env: Env::read()?,
                agents: args.agents,
                listener: None,
                models: None,
                worker: Some(measure(args.count_jobs)),
            };
            serve(process, shutdown()).await?;
        }
        Command::Migrate => {
            let store = Store::open(&Env::read()?.database).await?;
            println!("the {} database is up to date", store.kind());
            store.close().await;
        }
        Command::Check(args) => return check(args).await,
        Command::Eval(args) => return eval(args).await,
        Command::Replay(args) => return replay(args).await,
        Command::Console(args) => talk(args).await?,
        Command::Schema { markdown: true } => print!("{}", reference::markdown()),
        Command::Schema { markdown: false } => println!("{:#}", reference::schema()),
        Command::Call(args) => return call(args).await,
        Command::Models(command) => return local_models(command).await,
        Command::Demo(args) => return demo::run(args, shutdown()).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(count_jobs: bool) -> LoadMeasure {
    if count_jobs {
        LoadMeasure::Jobs
    } else {
        LoadMeasure::Cpu
    }
}

/// Models that are asked outside of `serve` and `worker`: without a provider, local ones.
async fn live_clients() -> anyhow::Result<Clients> {
    let env = Env::read()?;
    if !env.uses_local_models() {
        return Clients::new(&env, None);
    }
    eprintln!("OPENAI_API_KEY is not set: loading the models of this machine ...");
    let settings = models::Settings::default();
    let loaded = tokio::task::spawn_blocking(move || models::load(&settings)).await??;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    // It ends with the process.
    tokio::spawn(models::serve(listener, loaded, CancellationToken::new()));
    Clients::new(&env, Some(address))
}

async fn talk(args: ConsoleArgs) -> anyhow::Result<()> {
    if args.devices {
        print!("{}", sound::devices()?);
        return Ok(());
    }
    let sound = (!args.text).then_some(SoundOptions {
        input: args.input,
        output: args.output,
        headphones: args.headphones,
    });
    // Before models are loaded: a build without sound says so at once.
    if let Some(sound) = &sound {
        drop(sound::open(sound)?);
    }
    let end_of_turn = (sound.is_some() && Env::read()?.end_of_turn).then(SmartTurn::default);
    if let Some(model) = end_of_turn.clone() {
        // It ends with the process.
        tokio::spawn(model.load());
    }
    let console = Console {
        agents: args.agents,
        agent: args.agent,
        name: args.name,
        clients: live_clients().await?,
        sound,
        end_of_turn: end_of_turn.map(|model| Arc::new(model) as _),
    };
    console::run(console).await
}

async fn replay(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    // As it is: looking at calls changes no tables.
    let store = Store::connect(&Env::read()?.database).await?;
    let stored = Stored::load(&store, args.call).await?;
    store.close().await;
    let agents = AgentFolder::open(&args.agents, Secrets::read());
    let clients = live_clients().await?;
    let minds: Arc<Minds> = Arc::new(move |agent| Arc::new(clients.for_call(agent)));
    let replay = replay::replay(&stored, args.agent.as_deref(), &agents, minds).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&replay)?);
    } else {
        print!("{replay}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Providers take as many requests at once without a wait.
const SCENARIOS_AT_A_TIME: usize = 8;

async fn eval(args: EvalArgs) -> anyhow::Result<ExitCode> {
    let scenarios = scenario::load_all(&args.scenarios)?;
    let agents = AgentFolder::open(&args.agents, Secrets::read());
    let (mind, at_a_time) = if args.live || args.record {
        let env = Env::read()?;
        let clients = live_clients().await?;
        let minds: Arc<Minds> = Arc::new(move |agent| Arc::new(clients.for_call(agent)));
        // The models of this machine share its cores: side by side each is too slow.
        let (source, at_a_time) = match env.uses_local_models() {
            true => (models::Settings::default().llm.name().to_owned(), 1),
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
    let at_a_time = args.jobs.unwrap_or(at_a_time);
    let begun = clock::now();
    let results = sidetone::eval::run_all(&scenarios, &agents, &mind, at_a_time).await;
    let took = clock::now().saturating_duration_since(begun);
    print!("{}", report::table(&results, took));
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

/// What `check` knows of this binary's own parts, beside what it looks at in any case.
async fn check(args: CheckArgs) -> anyhow::Result<ExitCode> {
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
        let (name, voice, tools) = (&agent.name, agent.voice, agent.tools.len());
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

/// Cancelled at SIGTERM or ctrl-c.
fn shutdown() -> CancellationToken {
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            },
            Err(_) => {
                let _ = tokio::signal::ctrl_c().await;
            }
        }
        tracing::info!("ending: calls under way are let finish; a second ctrl-c ends at once");
        cancel.cancel();
        let _ = tokio::signal::ctrl_c().await;
        std::process::exit(130);
    });
    token
}

async fn call(args: CallArgs) -> anyhow::Result<ExitCode> {
    let access = match (args.url, args.token) {
        (Some(url), Some(token)) => Access::Token { url, token },
        _ => Access::Server {
            server: args.server,
            api_key: args.api_key,
            request: TokenRequest {
                room_type: "support".into(),
                participant_name: "Scripted caller".into(),
                agent: args.agent,
                voice: args.voice,
                ..TokenRequest::default()
            },
        },
    };
    let plan = CallPlan {
        access,
        turns: args
            .turns
            .into_iter()
            .map(turn)
            .collect::<anyhow::Result<_>>()?,
        patience: Patience::default(),
        limit: Duration::from_secs(args.limit),
        out: args.out,
    };
    let report = caller::place(plan).await?.report;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(if report.all_answered() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn turn(arg: TurnArg) -> anyhow::Result<Turn> {
    let name = arg
        .file
        .file_name()
        .unwrap_or(arg.file.as_os_str())
        .to_string_lossy()
        .into_owned();
    Ok(Turn {
        name,
        sound: audio::wav::read(&arg.file)?,
        cue: arg.cue,
    })
}

async fn local_models(command: ModelsCommand) -> anyhow::Result<ExitCode> {
    let settings = models::Settings::default();
    match command {
        ModelsCommand::List => list(&settings.cache)?,
        ModelsCommand::Fetch { names } => {
            let wanted = if names.is_empty() {
                settings.models()
            } else {
                named(&names)?
            };
            let mut bars = models::fetch::Bars::default();
            models::fetch::fetch(&settings.cache, &wanted, &mut |progress| {
                bars.draw(progress)
            })
            .await?;
        }
        ModelsCommand::Serve { bind, threads } => {
            let settings = models::Settings {
                threads: threads.unwrap_or(settings.threads),
                ..settings
            };
            let loaded = tokio::task::spawn_blocking(move || models::load(&settings)).await??;
            let listener = TcpListener::bind(bind)
                .await
                .with_context(|| format!("{bind} cannot be listened at; choose another --bind"))?;
            println!("models are served at http://{}/v1", listener.local_addr()?);
            models::serve(listener, loaded, shutdown()).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints each model with what a user should know of it.
fn list(cache: &models::Cache) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for model in models::manifest::models() {
        let state = format!("{:?}", model.state(cache)).to_lowercase();
        let megabytes = model.size() / 1_000_000;
        writeln!(
            out,
            "{:<24} {state:<8} {megabytes:>5} MB  {}",
            model.name, model.task
        )?;
        writeln!(out, "{:24} {}. {}", "", model.licence, model.remark)?;
    }
    Ok(())
}

/// The models of these names.
fn named(names: &[String]) -> anyhow::Result<Vec<&'static models::manifest::Model>> {
    let find = |name: &String| {
        models::manifest::model(name)
            .with_context(|| format!("there is no model {name:?}; see `sidetone models list`"))
    };
    names.iter().map(find).collect()
}
