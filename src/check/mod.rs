//! `sidetone check`: what is wrong with configuration, credentials, database and the like, and how
//! to mend each. Never prints a secret.

pub mod bucket;
mod variables;

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use livekit_api::services::{ServerError, ServiceError};
use serde::Serialize;

use crate::clock;
use crate::config::env::{BadVariable, Database, Env, LiveKit};
use crate::control::rooms::Rooms;
use crate::http::auth::Auth;
use crate::store::{Store, StoreError};

pub use variables::variables;

const DEADLINE: Duration = Duration::from_secs(10);
/// Tokens tolerate a minute; half of it is warning enough.
const MAX_SKEW_SECONDS: i64 = 30;

/// Whether a thing is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Works, but less than it could.
    Note,
    /// Calls will not work.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Item {
    /// As it should be.
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Ok,
            found: found.into(),
            fix: None,
        }
    }

    /// Works, but less than it could.
    pub fn note(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Note,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }

    /// Calls will not work.
    pub fn wrong(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Wrong,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }
}

/// All that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order it was looked at.
    pub items: Vec<Item>,
}

impl Report {
    /// Nothing is wrong (notes do not count): exit code 0.
    pub fn is_good(&self) -> bool {
        self.items.iter().all(|item| item.outcome != Outcome::Wrong)
    }

    /// A line for each thing, and under what is wrong the fix.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for item in &self.items {
            let sign = match item.outcome {
                Outcome::Ok => '✓',
                Outcome::Note => '·',
                Outcome::Wrong => '✗',
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{sign} {:<12} {}", item.name, item.found);
            if let Some(fix) = &item.fix {
                let _ = writeln!(text, "  {:<12} → {fix}", "");
            }
        }
        text
    }
}

/// Looks at everything the control plane needs; `fix` mends what can be mended from here (a
/// bucket's CORS rules). `more` is appended (agents, local models).
pub async fn run(env: Result<Env, BadVariable>, fix: bool, more: Vec<Item>) -> Report {
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
            let (rooms, skew) = tokio::join!(credentials(livekit), clock_skew(livekit));
            items.extend([rooms, skew]);
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
    items.push(database(&env.database).await);
    items.push(webhook(&env).await);
    items.push(logins(&env));
    items.push(provider(&env).await);
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
        ("SIDETONE_API_KEYS", !env.api_keys.is_empty()),
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

async fn credentials(livekit: &LiveKit) -> Item {
    let rooms = Rooms::new(livekit);
    match tokio::time::timeout(DEADLINE, rooms.list()).await {
        Ok(Ok(rooms)) => Item::ok(
            "livekit",
            format!("{} takes the key; {} rooms open", livekit.host, rooms.len()),
        ),
        Ok(Err(error)) => {
            let text = error.to_string();
            // A refused key is answered with plain text, which the client cannot decode; only a
            // request that never arrived is about the address.
            let fix = if is_unreachable(&error) {
                "check LIVEKIT_HOST, and that this machine may reach it (firewall, DNS)"
            } else {
                "LIVEKIT_API_KEY and LIVEKIT_API_SECRET belong to another project, or this \
                 machine's clock is wrong"
            };
            Item::wrong("livekit", format!("{}: {text}", livekit.host), fix)
        }
        Err(_) => Item::wrong(
            "livekit",
            format!("{} does not answer within 10 s", livekit.host),
            "check LIVEKIT_HOST, and that this machine may reach it (firewall, DNS)",
        ),
    }
}

fn is_unreachable(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Twirp(ServerError::Request(request))
        if request.is_connect() || request.is_timeout())
}

async fn clock_skew(livekit: &LiveKit) -> Item {
    let url = livekit.host.replacen("ws", "http", 1);
    let response = reqwest::Client::new()
        .get(url)
        .timeout(DEADLINE)
        .send()
        .await;
    let date = response.ok().and_then(|response| {
        let date = response.headers().get("date")?.to_str().ok()?;
        DateTime::parse_from_rfc2822(date).ok()
    });
    let Some(date) = date else {
        return Item::note(
            "clock",
            "LiveKit told no time",
            "see whether the clock is kept (NTP)",
        );
    };
    let skew = (DateTime::<Utc>::from(clock::wall()) - date.to_utc()).num_seconds();
    if skew.abs() <= MAX_SKEW_SECONDS {
        Item::ok("clock", format!("{} s from LiveKit's", skew.abs()))
    } else {
        Item::wrong(
            "clock",
            format!(
                "{} s {} LiveKit's",
                skew.abs(),
                if skew > 0 { "ahead of" } else { "behind" }
            ),
            "tokens will be refused: set this machine's clock (NTP)",
        )
    }
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
            format!("SIDETONE_PUBLIC_URL is \"{public}\", which is no address"),
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
            "events name your callers: put TLS before this server",
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
        Err(error) => Item::wrong("logins", error.to_string(), "mend or remove that entry"),
        Ok(_) if any_login || !env.api_keys.is_empty() => Item::ok(
            "logins",
            format!(
                "users {}, {} API keys",
                if any_login {
                    "by their tokens"
                } else {
                    "not set up"
                },
                env.api_keys.len()
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

async fn provider(env: &Env) -> Item {
    let Some(key) = &env.openai_api_key else {
        return Item::ok(
            "models",
            "OPENAI_API_KEY is not set: the local models speak",
        );
    };
    let base = env
        .openai_base_url
        .as_deref()
        .unwrap_or("https://api.openai.com/v1");
    let url = format!("{}/models", base.trim_end_matches('/'));
    let client = reqwest::Client::new();
    match client
        .get(&url)
        .bearer_auth(key.expose())
        .timeout(DEADLINE)
        .send()
        .await
    {
        Ok(response) if response.status().is_success() => {
            Item::ok("models", format!("{base} takes the key"))
        }
        Ok(response) if matches!(response.status().as_u16(), 401 | 403) => Item::wrong(
            "models",
            format!("{base} refuses the key"),
            "check OPENAI_API_KEY, or unset it to use the local models",
        ),
        Ok(response) => Item::wrong(
            "models",
            format!("{base} answers {}", response.status()),
            "check OPENAI_BASE_URL: it must lead to an OpenAI-compatible /v1",
        ),
        Err(_) => Item::wrong(
            "models",
            format!("{base} does not answer"),
            "check OPENAI_BASE_URL and the network, or unset OPENAI_API_KEY to use the local models",
        ),
    }
}
