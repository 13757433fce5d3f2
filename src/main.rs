//! The `sidetone` command: reads the command line and runs the subcommand.

mod commands;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use sidetone::cli::{Cli, Command};
use sidetone::{env_files, telemetry, tls};
use sidetone_http_server::descriptors;
use sidetone_models as models;

fn main() -> ExitCode {
    // Before anything reads a variable. SAFETY: it sets variables, and no other thread runs yet.
    let files = match unsafe { env_files::load(Path::new("")) } {
        Ok(files) => files,
        Err(error) => {
            eprintln!("sidetone: {error}");
            return ExitCode::FAILURE;
        }
    };
    // SAFETY: the same.
    unsafe { sidetone_dial::spare_this_machine() };
    let cli = Cli::parse();
    telemetry::start();
    if !files.is_empty() {
        tracing::info!("variables are read from {}", files.join(", "));
    }
    descriptors::raise();
    if let Err(error) = tls::prepare()
        && !matches!(cli.command, Command::Schema { .. })
    {
        eprintln!("sidetone: {error}");
        return ExitCode::FAILURE;
    }
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
    let result = runtime.block_on(commands::run(cli.command));
    // Whatever still runs after the roles have ended was told to stop.
    runtime.shutdown_timeout(Duration::from_secs(2));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sidetone: {error:#}");
            ExitCode::FAILURE
        }
    }
}
