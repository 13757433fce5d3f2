//! What each subcommand does.

mod call;
mod check;
mod console;
mod eval;
mod models;
mod replay;

use std::net::Ipv4Addr;
use std::process::ExitCode;

use anyhow::Context;
use sidetone::cli::Command;
use sidetone::demo;
use sidetone::serve::{Process, serve};
use sidetone::worker::LoadMeasure;
use sidetone_call::clients::Clients;
use sidetone_config::env::Env;
use sidetone_config::reference;
use sidetone_models as local;
use sidetone_store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Runs one to its end.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
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
            let mut env = Env::read()?;
            env.health_address = args.health.or(env.health_address);
            let process = Process {
                env,
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
        Command::Check(args) => return check::run(args).await,
        Command::Eval(args) => return eval::run(args).await,
        Command::Replay(args) => return replay::run(args).await,
        Command::Console(args) => console::run(args).await?,
        Command::Schema { markdown: true } => print!("{}", reference::markdown()),
        Command::Schema { markdown: false } => println!("{:#}", reference::schema()),
        Command::Call(args) => return call::run(args).await,
        Command::Models(command) => return models::run(command).await,
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
    let settings = local::Settings::default();
    let loaded = tokio::task::spawn_blocking(move || local::load(&settings)).await??;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    // It ends with the process.
    tokio::spawn(local::serve(listener, loaded, CancellationToken::new()));
    Clients::new(&env, Some(address))
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
