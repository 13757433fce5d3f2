//! Checks whether providers accept their keys, and how long the configured models will still exist.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use futures::future::join_all;

use super::used::{self, Place, Used};
use super::{Item, Outcome, voices};
use sidetone_base::clock;
use sidetone_base::provider::catalogue::{self, Ending};
use sidetone_base::provider::is_openai;
use sidetone_call::clients::Clients;
use sidetone_config::agent::AgentConfig;
use sidetone_config::env::Env;
use sidetone_providers::openai::{ErrorKind, Listed, Models, ProviderError};

/// A model's shutdown is reported this many days ahead.
const AHEAD: i64 = 90;
/// The name of its items.
const NAME: &str = "models";

/// Checks the process's provider and those that agents' files name.
pub(super) async fn look(env: &Env, agents: &[Arc<AgentConfig>]) -> Vec<Item> {
    let mut items = Vec::new();
    if env.uses_local_models() {
        let found = "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: the local models are used";
        items.push(Item::ok(NAME, found));
    }
    let clients = match Clients::new(env, None) {
        Ok(clients) => clients,
        Err(error) => {
            let fix = "correct OPENAI_BASE_URL or OPENAI_API_KEY";
            items.push(Item::wrong(NAME, format!("{error:#}"), fix));
            return items;
        }
    };
    let today = DateTime::<Utc>::from(clock::wall()).date_naive();
    let places = used::places(env, agents);
    let looked = places.iter().map(|place| at(env, &clients, place, today));
    items.extend(join_all(looked).await.into_iter().flatten());
    if !env.uses_local_models() {
        items.extend(voices::look(&clients, agents));
    }
    items
}

/// Checks one server: an item about itself, then one for each model with a problem.
async fn at(env: &Env, clients: &Clients, place: &Place, today: NaiveDate) -> Vec<Item> {
    let base_url = used::base_url(env, &place.provider);
    let models = match clients.models_of(&place.provider) {
        Ok(models) => models,
        Err(error) => {
            let fix = format!("correct {}", address(place));
            return vec![Item::wrong(NAME, error.to_string(), fix)];
        }
    };
    let (server, listed) = match models.all().await {
        Ok(Some(listed)) => (
            Item::ok(NAME, format!("{base_url} takes the key")),
            Some(listed),
        ),
        Ok(None) => {
            let found = format!(
                "{base_url} answers, and does not list its models: `sidetone check --live` tries \
                 the key"
            );
            (Item::ok(NAME, found), None)
        }
        Err(error) => (failed(place, &error), None),
    };
    let is_openai = is_openai(base_url);
    let looked = place.models.iter().map(async |used| {
        let end = match &listed {
            Some(listed) => match find(&models, listed, &used.model).await {
                Some(model) => model.shutdown_date,
                None => return Some(unknown(base_url, place, used)),
            },
            None => None,
        };
        let known = is_openai.then(|| catalogue::ending(&used.model)).flatten();
        ends(today, place, used, end.as_deref(), known)
    });
    let models = join_all(looked).await.into_iter().flatten();
    std::iter::once(server).chain(models).collect()
}

/// A model as its server describes it: some report the shutdown date only when asked for the model by name.
async fn find(models: &Models, listed: &[Listed], id: &str) -> Option<Listed> {
    let in_list = listed.iter().find(|model| model.id == id);
    if let Some(model) = in_list.filter(|model| model.shutdown_date.is_some()) {
        return Some(model.clone());
    }
    let by_name = models.one(id).await.ok().flatten();
    by_name.or_else(|| in_list.cloned())
}

/// Identifies a server and its key.
fn address(place: &Place) -> String {
    match &place.provider.address {
        Some(_) => format!("providers.{} of the agent's file", place.provider.name),
        None => "OPENAI_BASE_URL, and OPENAI_API_KEY".into(),
    }
}

fn failed(place: &Place, error: &ProviderError) -> Item {
    let is_own = place.provider.address.is_none();
    let local = "unset both to use the local models";
    let fix = match error.kind {
        ErrorKind::Auth if is_own => format!("check OPENAI_API_KEY; {local}"),
        _ if is_own => format!("check the network and OPENAI_BASE_URL (OPENAI_API_KEY: {local})"),
        ErrorKind::Auth => format!("check the key of {}", address(place)),
        _ => format!("check the network and the address of {}", address(place)),
    };
    match error.kind {
        ErrorKind::RateLimited => Item::note(NAME, error.to_string(), fix),
        _ => Item::wrong(NAME, error.to_string(), fix),
    }
}

fn unknown(base_url: &str, place: &Place, used: &Used) -> Item {
    Item::note(
        NAME,
        format!("{base_url} does not list {}", describe(used)),
        format!(
            "check the name in {}; `sidetone check --live` asks for it",
            used::setting(used.stage, &place.provider)
        ),
    )
}

/// What a model's shutdown means today. The server's own date takes precedence over our list.
fn ends(
    today: NaiveDate,
    place: &Place,
    used: &Used,
    server: Option<&str>,
    known: Option<&Ending>,
) -> Option<Item> {
    // Some append a time to the day.
    let date = |text: &str| text.get(..10)?.parse::<NaiveDate>().ok();
    let on = server.or(known.map(|known| known.on)).and_then(date)?;
    let left = on.signed_duration_since(today).num_days();
    let (outcome, when) = match left {
        ..=0 => (Outcome::Wrong, format!("ended on {on}")),
        1 => (Outcome::Note, format!("ends tomorrow, {on}")),
        2..=AHEAD => (Outcome::Note, format!("ends on {on}, in {left} days")),
        _ => return None,
    };
    let instead = known.map_or("another model of this provider", |known| known.instead);
    let setting = used::setting(used.stage, &place.provider);
    let fix = format!("name {instead} in {setting}");
    let found = format!("{} {when}", describe(used));
    Some(match outcome {
        Outcome::Wrong => Item::wrong(NAME, found, fix),
        _ => Item::note(NAME, found, fix),
    })
}

fn describe(used: &Used) -> String {
    let who = match used.agents.as_slice() {
        [] => "the process".to_owned(),
        agents => agents.join(", "),
    };
    format!("{} ({} of {who})", used.model, used.stage.as_str())
}

#[cfg(test)]
mod tests;
