//! `sidetone check`: finds what is wrong with configuration, credentials, database and the like, and says how to fix
//! it. Never prints a secret.

mod agents;
pub mod bucket;
mod editions;
pub mod live;
mod livekit;
mod media;
mod providers;
mod report;
mod used;
mod variables;
mod voices;

use std::sync::Arc;
use std::time::Duration;

use crate::env_files;
use sidetone_base::private::{self, Holds};
use sidetone_config::agent::AgentConfig;
use sidetone_config::env::{BadVariable, Database, Env};
use sidetone_control_plane::http::auth::Auth;
use sidetone_http_server::descriptors;
use sidetone_store::{Store, StoreError};

pub use agents::agents;
pub use editions::editions;
pub use report::{Item, Outcome, Report, Request};
pub use variables::{KNOWN, variables};

const DEADLINE: Duration = Duration::from_secs(10);
/// File descriptors needed by a worker full of calls and a control plane with a thousand connections.
const ENOUGH_FILES: u64 = 4_096;

/// Checks everything the control plane needs, and the providers that it and `agents` use; `fix` fixes what can be fixed
/// from here (a bucket's CORS rules). `more` is appended.
pub async fn run(
    env: Result<Env, BadVariable>,
    agents: &[Arc<AgentConfig>],
    fix: bool,
    more: Vec<Item>,
) -> Report {
    let env = match env {
        Ok(env) => env,
        Err(error) => {
            let found = format!("{} is \"{}\"", error.name, error.value);
            return Report {
                items: vec![Item::wrong("environment", found, error.fix)],
            };
        }
    };
    let mut items = vec![environment(&env)];
    match &env.livekit {
        Ok(livekit) => {
            let (rooms, skew) =
                tokio::join!(livekit::credentials(livekit), livekit::clock_skew(livekit));
            let may_join = rooms.outcome == Outcome::Ok;
            items.extend([rooms, skew]);
            items.extend(livekit::encryption(livekit));
            items.extend(livekit::public(livekit).await);
            items.extend(livekit::secret(livekit));
            if may_join {
                items.extend(media::ways(livekit).await);
            }
        }
        Err(error) => items.push(Item::wrong(
            "livekit",
            error.to_string(),
            format!(
                "set {} (LiveKit Cloud: Settings, Keys)",
                error.variables().join(", ")
            ),
        )),
    }
    items.push(files(descriptors::limit()));
    items.push(database(&env.database).await);
    items.push(webhook(&env).await);
    items.push(logins(&env));
    items.extend(env.user_login.too_trusting().map(|found| {
        let fix = "set them to what your tokens carry as iss and aud";
        Item::note("logins", found, fix)
    }));
    items.extend(privacy(&env));
    items.extend(providers::look(&env, agents).await);
    items.extend(bucket::look(&env, fix).await);
    items.extend(more);
    Report { items }
}

fn environment(env: &Env) -> Item {
    let known = [
        ("OPENAI_API_KEY", env.openai_api_key.is_some()),
        ("OPENAI_BASE_URL", env.openai_base_url.is_some()),
        (
            "DATABASE_URL",
            matches!(env.database, Database::Postgres(_)),
        ),
        ("SIDETONE_PUBLIC_URL", env.public_url.is_some()),
        ("SIDETONE_JWT_SECRET", env.user_login.hs256_secret.is_some()),
        ("SIDETONE_JWKS_URL", env.user_login.jwks_url.is_some()),
        ("SIDETONE_API_KEYS", env.api_keys.is_some()),
        ("SIDETONE_TRUSTED_PROXIES", !env.trusted_proxies.is_empty()),
        ("SIDETONE_CORS_ORIGINS", !env.cors_origins.is_empty()),
        ("SIDETONE_RETENTION_DAYS", env.retention_days.is_some()),
    ];
    let named = |set: bool| {
        let names: Vec<&str> = known
            .iter()
            .filter(|(_, is)| *is == set)
            .map(|(name, _)| *name)
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    Item::ok(
        "environment",
        format!(
            "listens on {}, data in {}; set: {}; not set: {}",
            env.bind,
            env.data_dir.display(),
            named(true),
            named(false)
        ),
    )
}

/// `limit` is the number of file descriptors that a process may have open, once it has raised the limit as far as it
/// may.
fn files(limit: u64) -> Item {
    if limit >= ENOUGH_FILES {
        return Item::ok("files", format!("{limit} may be open at once"));
    }
    Item::note(
        "files",
        format!("only {limit} may be open at once, of which a quarter is for HTTP connections"),
        "raise the hard limit of open files (ulimit -Hn, LimitNOFILE=, docker --ulimit nofile=) to \
         some thousands",
    )
}

async fn database(database: &Database) -> Item {
    let place = match database {
        Database::Sqlite(path) => format!("SQLite at {}", path.display()),
        Database::Postgres(_) => "Postgres at DATABASE_URL".into(),
    };
    let looked = async {
        let store = Store::connect(database).await?;
        store.ping().await?;
        let tables = store.has_tables().await;
        store.close().await;
        Ok::<_, StoreError>(tables)
    };
    match tokio::time::timeout(DEADLINE, looked).await {
        Ok(Ok(true)) => Item::ok("database", format!("{place} answers")),
        Ok(Ok(false)) => Item::note(
            "database",
            format!("{place} answers; its tables are not made yet"),
            "they are made at start, or now by `sidetone migrate`",
        ),
        Ok(Err(error)) => Item::wrong(
            "database",
            format!("{place}: {error}"),
            "check DATABASE_URL, or that the data folder can be written",
        ),
        Err(_) => Item::wrong(
            "database",
            format!("{place} does not answer within 10 s"),
            "check DATABASE_URL, and that this machine may reach the database",
        ),
    }
}

/// Notes on what other users of this machine can read.
fn privacy(env: &Env) -> Vec<Item> {
    let open = env.private_paths().into_iter();
    let open = open.filter_map(|path| private::too_open(&path, Holds::Calls));
    let open = open.chain(env_files::too_open());
    open.map(|open| Item::note("files", open.to_string(), open.fix()))
        .collect()
}

async fn webhook(env: &Env) -> Item {
    let Some(public) = &env.public_url else {
        return Item::note(
            "webhook",
            "SIDETONE_PUBLIC_URL is not set, so the webhook's address is not known",
            "set SIDETONE_PUBLIC_URL to where LiveKit reaches this server, and register \
             <address>/api/voice/webhook in LiveKit; without webhooks, calls are followed by \
             looking once a minute",
        );
    };
    let url = format!("{}/api/voice/webhook", public.trim_end_matches('/'));
    let Ok(parsed) = reqwest::Url::parse(&url) else {
        return Item::wrong(
            "webhook",
            format!("SIDETONE_PUBLIC_URL is \"{public}\", which is not a URL"),
            "write it as https://voice.example.com",
        );
    };
    let loopback = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let secure = parsed.scheme() == "https" || loopback;
    let answer = reqwest::Client::new()
        .get(&url)
        .timeout(DEADLINE)
        .send()
        .await;
    match answer {
        Ok(response) if response.status().is_success() && secure => {
            Item::ok("webhook", format!("{url} answers; register it in LiveKit"))
        }
        Ok(response) if response.status().is_success() => Item::wrong(
            "webhook",
            format!("{url} is not https"),
            "events name your callers: put TLS in front of this server",
        ),
        Ok(response) => Item::wrong(
            "webhook",
            format!("{url} answers {}", response.status()),
            "the address must lead to this server; is it running?",
        ),
        Err(_) => Item::wrong(
            "webhook",
            format!("{url} does not answer"),
            "start `sidetone serve`, and check that SIDETONE_PUBLIC_URL leads to it",
        ),
    }
}

fn logins(env: &Env) -> Item {
    let loopback = env.bind.ip().is_loopback();
    let login = &env.user_login;
    let any_login = login.hs256_secret.is_some() || login.jwks_url.is_some();
    match Auth::new(env) {
        Err(error) => Item::wrong("logins", error.to_string(), "fix or remove that entry"),
        Ok(auth) if any_login || auth.key_count() > 0 => Item::ok(
            "logins",
            format!(
                "users {}, {} API keys",
                if any_login {
                    "by their tokens"
                } else {
                    "not set up"
                },
                auth.key_count()
            ),
        ),
        Ok(_) if env.demo && loopback => Item::note(
            "logins",
            "demo on loopback: whoever is on this machine is an admin",
            "set SIDETONE_JWT_SECRET or SIDETONE_JWKS_URL, or SIDETONE_API_KEYS, before others \
             can reach it",
        ),
        Ok(_) => Item::wrong(
            "logins",
            "nobody can sign in",
            "set SIDETONE_JWT_SECRET or SIDETONE_JWKS_URL (users), or SIDETONE_API_KEYS (backends)",
        ),
    }
}
