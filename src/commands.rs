//! What each subcommand does.

mod agents;
mod call;
mod check;
mod console;
mod eval;
mod models;
mod replay;

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use futures::FutureExt as _;
use futures::future::select_all;
use sidetone::cli::Command;
use sidetone::demo;
use sidetone::serve::{AFTER_DRAIN, Process, serve};
use sidetone::worker::{LoadMeasure, Shutdown};
use sidetone_call::clients::Clients;
use sidetone_config::env::Env;
use sidetone_config::reference;
use sidetone_models as local;
use sidetone_store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Runs a subcommand to its end.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => {
            let mut env = Env::read()?;
            env.drain_time = args.drain.time(env.drain_time);
            let bind = args.bind.unwrap_or(env.bind);
            let listener = TcpListener::bind(bind)
                .await
                .with_context(|| format!("cannot listen on {bind}; choose another --bind"))?;
            let worker = (!args.no_worker).then(|| measure(args.count_jobs));
            // A control plane without a worker has no calls to wait for.
            let drain = worker.is_some().then_some(env.drain_time);
            let process = Process {
                env,
                agents: args.agents,
                listener: Some(listener),
                models: None,
                worker,
            };
            serve(process, shutdown(drain)).await?;
        }
        Command::Worker(args) => {
            let mut env = Env::read()?;
            env.health_address = args.health.or(env.health_address);
            env.drain_time = args.drain.time(env.drain_time);
            let drain = Some(env.drain_time);
            let process = Process {
                env,
                agents: args.agents,
                listener: None,
                models: None,
                worker: Some(measure(args.count_jobs)),
            };
            serve(process, shutdown(drain)).await?;
        }
        Command::Agents(command) => agents::run(command).await?,
        Command::Migrate => {
            let store = Store::open(&Env::read()?.database).await?;
            println!("the {} database is up to date", store.kind());
            store.close().await;
        }
        Command::Check(args) => return check::run(args).await,
        Command::Eval(args) => return eval::run(args).await,
        Command::Replay(args) => return replay::run(args).await,
        Command::Console(args) => console::run(args).await?,
        Command::Schema { markdown: true } => print!("{}", reference::markdown()),
        Command::Schema { markdown: false } => println!("{:#}", reference::schema()),
        Command::Call(args) => return call::run(args).await,
        Command::Models(command) => return models::run(command).await,
        Command::Demo(args) => return demo::run(args, shutdown(None)).await,
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

/// Clients for models outside of `serve` and `worker`: local models if no provider is set.
async fn live_clients() -> anyhow::Result<Clients> {
    let env = Env::read()?;
    if !env.uses_local_models() {
        return Clients::new(&env, None);
    }
    eprintln!("OPENAI_API_KEY is not set: loading the models of this machine ...");
    let settings = local::Settings::with_llm(&env.llm_model);
    let loaded = tokio::task::spawn_blocking(move || local::load(&settings)).await??;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    // It ends with the process.
    tokio::spawn(local::serve(listener, loaded, CancellationToken::new()));
    Clients::new(&env, Some(address))
}

/// SIGTERM or ctrl-c: the first drains, the second ends the calls, the third the process. `drain` is how long calls may
/// go on after the first.
fn shutdown(drain: Option<Duration>) -> Shutdown {
    let shutdown = Shutdown::default();
    let told = shutdown.clone();
    tokio::spawn(async move {
        let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
        let mut signals: Vec<Signal> = kinds.into_iter().flat_map(signal).collect();
        let mut next = async || {
            let asked = signals.iter_mut().map(|signal| signal.recv().boxed());
            select_all(asked).await;
        };
        next().await;
        match drain {
            Some(drain) => tracing::info!(
                "ending: calls under way have {} s, and the process ends within {} s; a second signal \
                 ends the calls now, a third the process",
                drain.as_secs(),
                (drain + AFTER_DRAIN).as_secs(),
            ),
            None => tracing::info!("ending"),
        }
        told.drain.cancel();
        next().await;
        let within = AFTER_DRAIN.as_secs();
        tracing::info!("ending: calls end with what is being said, the process within {within} s");
        told.end_calls.cancel();
        next().await;
        std::process::exit(130);
    });
    shutdown
}
