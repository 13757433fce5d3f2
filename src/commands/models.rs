//! `sidetone models`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use sidetone::cli::ModelsCommand;
use sidetone_config::env::Env;
use sidetone_models as models;
use tokio::net::TcpListener;

use super::shutdown;

/// Lists, fetches or serves the local models.
pub(super) async fn run(command: ModelsCommand) -> anyhow::Result<ExitCode> {
    // Whatever else is wrong with the environment is no matter of the models.
    let llm = Env::read().map(|env| env.llm_model).unwrap_or_default();
    let settings = models::Settings::with_llm(&llm);
    match command {
        ModelsCommand::List => list(&settings.cache)?,
        ModelsCommand::Fetch { names } => {
            let (wanted, extras) = match names.is_empty() {
                true => (settings.models(), settings.extras()),
                false => (named(&names)?, Vec::new()),
            };
            let mut bars = models::fetch::Bars::default();
            let mut draw = |progress: models::fetch::Progress<'_>| bars.draw(progress);
            models::fetch::fetch(&settings.cache, &wanted, &mut draw).await?;
            models::fetch::fetch_extras(&settings.cache, &extras, &mut draw).await?;
        }
        ModelsCommand::Serve { bind, threads } => {
            let settings = models::Settings {
                threads: threads.unwrap_or(settings.threads),
                ..settings
            };
            let loaded = tokio::task::spawn_blocking(move || models::load(&settings)).await??;
            let listener = TcpListener::bind(bind)
                .await
                .with_context(|| format!("cannot listen on {bind}; choose another --bind"))?;
            println!("models are served at http://{}/v1", listener.local_addr()?);
            models::serve(listener, loaded, shutdown(None).drain).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints each model with what a user should know about it.
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
