//! The environment, read once and checked: what is missing or wrong is named with its mending.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::address::{self, Reach};
use super::allowance::UserLimits;
use super::recording::RecordingEnv;
use super::secret::Secret;
pub use super::variable::BadVariable;
use super::webhook::CallWebhook;
use sidetone_base::network::{Block, NoBlock};
use sidetone_base::provider::{catalogue, is_openai};

/// Where LiveKit is and how to sign for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveKit {
    /// `wss://…`, or `ws://` on loopback or a private network; no trailing slash.
    pub host: String,
    /// `iss` of every token.
    pub api_key: String,
    /// HS256 key of every token and webhook.
    pub api_secret: Secret,
}

impl LiveKit {
    /// What an operator has to know of an address that tokens and media keys reach in the clear; none
    /// for `wss://` and this machine.
    pub fn in_the_clear(&self) -> Option<String> {
        (address::reach_of_ws(&self.host) == Some(Reach::Private)).then(|| {
            format!(
                "LIVEKIT_HOST is \"{}\": tokens and media keys cross that network unencrypted; use \
                 wss:// unless you trust everything on it",
                self.host
            )
        })
    }
}

/// Why no call can be placed; the text tells the operator what to set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotConfigured {
    /// Variables that are not set.
    #[error("Voice service not configured: set {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// LIVEKIT_HOST has another scheme, or none.
    #[error(
        "Voice service not configured: LIVEKIT_HOST is \"{0}\", it must start with wss:// (or ws:// on loopback or a private network, such as ws://127.0.0.1:7880 or ws://livekit:7880)"
    )]
    Host(String),
}

impl NotConfigured {
    /// The variables to mend.
    pub fn variables(&self) -> Vec<&'static str> {
        match self {
            Self::Missing(names) => names.clone(),
            Self::Host(_) => vec!["LIVEKIT_HOST"],
        }
    }
}

/// Where calls are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// Embedded, one file.
    Sqlite(PathBuf),
    /// `postgres://…` (may hold a password).
    Postgres(Secret),
}

/// How users' own tokens (JWT of the product's login) are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserLogin {
    /// HS256 secret shared with the product.
    pub hs256_secret: Option<Secret>,
    /// Address of the JWKS document for RS256 and ES256.
    pub jwks_url: Option<String>,
    /// `iss` that tokens must carry, when set.
    pub issuer: Option<String>,
    /// `aud` that tokens must carry, when set.
    pub audience: Option<String>,
    /// Claim that holds the user's id.
    pub id_claim: String,
    /// Claim that holds the name shown to others.
    pub name_claim: String,
    /// Claim that makes an admin: `true`, or a list or string holding `admin_value`.
    pub admin_claim: String,
    /// See `admin_claim`.
    pub admin_value: String,
}

/// The whole environment.
#[derive(Clone, Debug)]
pub struct Env {
    /// LiveKit's address and keys, or what is wrong with them.
    pub livekit: Result<LiveKit, NotConfigured>,
    /// With a key, STT, LLM and TTS are OpenAI's (or `openai_base_url`'s); without, the local models.
    pub openai_api_key: Option<Secret>,
    /// Any OpenAI-compatible server.
    pub openai_base_url: Option<String>,
    /// Model that transcribes.
    pub stt_model: String,
    /// Model that transcribes as it is spoken, where it is another.
    pub stt_live_model: Option<String>,
    /// Model that answers.
    pub llm_model: String,
    /// Model that speaks.
    pub tts_model: String,
    /// SQLite in the data folder, or Postgres.
    pub database: Database,
    /// Database file, models, recordings.
    pub data_dir: PathBuf,
    /// Where HTTP listens. Default 127.0.0.1:3000.
    pub bind: SocketAddr,
    /// Where a worker without a control plane answers health checks; none: nowhere.
    pub health_address: Option<SocketAddr>,
    /// Address others reach this server by, for hints and links.
    pub public_url: Option<String>,
    /// Browsers' origins that may call the API, as browsers write them. Empty: same origin only.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed. Empty: nobody's.
    pub trusted_proxies: Vec<Block>,
    /// Name the workers register under and dispatches ask for.
    pub agent_name: String,
    /// Loopback demo: callers need no credentials.
    pub demo: bool,
    /// How users' tokens are checked.
    pub user_login: UserLogin,
    /// `name:scope+scope:sha256-hex`, and maybe `:requests a minute`, one a backend.
    pub api_keys: Vec<String>,
    /// What one user may have and ask for.
    pub user_limits: UserLimits,
    /// Days after which a call's personal data is deleted; none: kept.
    pub retention_days: Option<u32>,
    /// Calls a worker takes at once.
    pub max_calls: usize,
    /// How long calls may go on when the process is to end.
    pub drain_time: Duration,
    /// Whether a model judges the end of turns.
    pub end_of_turn: bool,
    /// Where recordings go.
    pub recording: RecordingEnv,
    /// Where the ends of calls are told of.
    pub call_webhook: CallWebhook,
}

impl Env {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// The first variable whose value cannot be used. Missing LiveKit variables are no error
    /// here: the control plane starts and says so where it matters.
    pub fn read() -> Result<Self, BadVariable> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Whether speech and language models run on this machine: no provider is named.
    pub fn uses_local_models(&self) -> bool {
        self.openai_api_key.is_none() && self.openai_base_url.is_none()
    }

    /// Whether STT, LLM and TTS are OpenAI's own, and not another server's that speaks its protocol.
    pub fn uses_openai(&self) -> bool {
        !self.uses_local_models() && self.openai_base_url.as_deref().is_none_or(is_openai)
    }

    /// As [`Env::read`], from any source of variables. Blank values count as unset.
    ///
    /// # Errors
    /// See [`Env::read`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BadVariable> {
        let var = |name: &str| {
            lookup(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let data_dir = var("SIDETONE_DATA_DIR").map_or_else(
            || default_data_dir(var("XDG_DATA_HOME"), var("HOME")),
            PathBuf::from,
        );
        let bind = listens_at("SIDETONE_BIND", 3000, var("SIDETONE_BIND"))?;
        let health = listens_at(
            "SIDETONE_HEALTH_ADDRESS",
            3001,
            var("SIDETONE_HEALTH_ADDRESS"),
        )?;
        let named = |name: &str, default: &str| var(name).unwrap_or_else(|| default.to_owned());
        let (openai_api_key, openai_base_url) = (var("OPENAI_API_KEY"), var("OPENAI_BASE_URL"));
        // Other servers keep the names that most of them know; the local models answer to any.
        let models = match (&openai_api_key, &openai_base_url) {
            (_, Some(base_url)) if is_openai(base_url) => Names::OPENAI,
            (Some(_), None) => Names::OPENAI,
            _ => Names::COMPATIBLE,
        };
        let stt_model = var("SIDETONE_STT_MODEL");
        Ok(Self {
            livekit: livekit(&var),
            openai_api_key: openai_api_key.map(Secret::new),
            openai_base_url,
            // Who names a model for speech to text means it for both ways of hearing.
            stt_live_model: models
                .stt_live
                .filter(|_| stt_model.is_none())
                .map(str::to_owned),
            stt_model: stt_model.unwrap_or_else(|| models.stt.to_owned()),
            llm_model: named("SIDETONE_LLM_MODEL", models.llm),
            tts_model: named("SIDETONE_TTS_MODEL", models.tts),
            database: database(var("DATABASE_URL"), &data_dir)?,
            data_dir,
            bind: bind.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 3000))),
            health_address: health,
            public_url: var("SIDETONE_PUBLIC_URL"),
            cors_origins: origins("SIDETONE_CORS_ORIGINS", var("SIDETONE_CORS_ORIGINS"))?,
            trusted_proxies: blocks("SIDETONE_TRUSTED_PROXIES", var("SIDETONE_TRUSTED_PROXIES"))?,
            agent_name: named("SIDETONE_AGENT_NAME", "sidetone"),
            demo: flag("SIDETONE_DEMO", var("SIDETONE_DEMO"))?,
            user_login: UserLogin {
                hs256_secret: var("SIDETONE_JWT_SECRET").map(Secret::new),
                jwks_url: var("SIDETONE_JWKS_URL"),
                issuer: var("SIDETONE_JWT_ISSUER"),
                audience: var("SIDETONE_JWT_AUDIENCE"),
                id_claim: named("SIDETONE_JWT_ID_CLAIM", "sub"),
                name_claim: named("SIDETONE_JWT_NAME_CLAIM", "name"),
                admin_claim: named("SIDETONE_JWT_ADMIN_CLAIM", "role"),
                admin_value: named("SIDETONE_JWT_ADMIN_VALUE", "admin"),
            },
            api_keys: list(var("SIDETONE_API_KEYS")),
            user_limits: UserLimits::read(&var)?,
            retention_days: number("SIDETONE_RETENTION_DAYS", var("SIDETONE_RETENTION_DAYS"))?,
            end_of_turn: end_of_turn(var("SIDETONE_END_OF_TURN"))?,
            max_calls: number("SIDETONE_MAX_CALLS", var("SIDETONE_MAX_CALLS"))?.unwrap_or(25),
            drain_time: Duration::from_secs(
                number("SIDETONE_DRAIN_SECONDS", var("SIDETONE_DRAIN_SECONDS"))?
                    .unwrap_or(DRAIN_SECONDS),
            ),
            recording: RecordingEnv::read(&var)?,
            call_webhook: CallWebhook::read(&var)?,
        })
    }
}

/// Ten minutes: longer than most calls.
const DRAIN_SECONDS: u64 = 600;

/// The models that are asked for where nothing is named.
struct Names {
    stt: &'static str,
    stt_live: Option<&'static str>,
    llm: &'static str,
    tts: &'static str,
}

impl Names {
    const OPENAI: Self = Self {
        stt: catalogue::default::STT,
        stt_live: Some(catalogue::default::STT_LIVE),
        llm: catalogue::default::LLM,
        tts: catalogue::default::TTS,
    };
    const COMPATIBLE: Self = Self {
        stt: catalogue::compatible::STT,
        stt_live: None,
        llm: catalogue::compatible::LLM,
        tts: catalogue::compatible::TTS,
    };
}

fn end_of_turn(value: Option<String>) -> Result<bool, BadVariable> {
    match value.as_deref() {
        None | Some("smart-turn") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(BadVariable {
            name: "SIDETONE_END_OF_TURN",
            value: other.to_owned(),
            fix: "write smart-turn, or off".into(),
        }),
    }
}

fn livekit(var: &impl Fn(&str) -> Option<String>) -> Result<LiveKit, NotConfigured> {
    let host = var("LIVEKIT_HOST").or_else(|| var("LIVEKIT_URL"));
    match (host, var("LIVEKIT_API_KEY"), var("LIVEKIT_API_SECRET")) {
        (Some(host), Some(api_key), Some(secret)) => {
            if !is_livekit_host(&host) {
                return Err(NotConfigured::Host(host));
            }
            let host = host.trim_end_matches('/').to_owned();
            Ok(LiveKit {
                host,
                api_key,
                api_secret: Secret::new(secret),
            })
        }
        (host, key, secret) => Err(NotConfigured::Missing(
            [
                (host.is_none(), "LIVEKIT_HOST"),
                (key.is_none(), "LIVEKIT_API_KEY"),
                (secret.is_none(), "LIVEKIT_API_SECRET"),
            ]
            .into_iter()
            .filter_map(|(missing, name)| missing.then_some(name))
            .collect(),
        )),
    }
}

/// `wss://host…`, or `ws://` to this machine or a private network: tokens never travel a public one in
/// the clear.
fn is_livekit_host(host: &str) -> bool {
    match host.strip_prefix("wss://") {
        Some(rest) => !rest.is_empty(),
        None => matches!(
            address::reach_of_ws(host),
            Some(Reach::Machine | Reach::Private)
        ),
    }
}

fn database(url: Option<String>, data_dir: &std::path::Path) -> Result<Database, BadVariable> {
    match url {
        None => Ok(Database::Sqlite(data_dir.join("sidetone.db"))),
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Ok(Database::Postgres(Secret::new(url)))
        }
        Some(url) => match url.strip_prefix("sqlite:") {
            Some(path) => Ok(Database::Sqlite(path.trim_start_matches("//").into())),
            None => Err(BadVariable {
                name: "DATABASE_URL",
                // The rest may hold a password.
                value: format!("{}…", url.split(':').next().unwrap_or_default()),
                fix: "write postgres://user:password@host/database or sqlite:path, or leave it \
                      unset for SQLite in the data folder"
                    .into(),
            }),
        },
    }
}

fn default_data_dir(xdg: Option<String>, home: Option<String>) -> PathBuf {
    match (xdg, home) {
        (Some(xdg), _) => PathBuf::from(xdg).join("sidetone"),
        (None, Some(home)) => PathBuf::from(home).join(".local/share/sidetone"),
        (None, None) => PathBuf::from("data"),
    }
}

fn list(value: Option<String>) -> Vec<String> {
    value
        .iter()
        .flat_map(|value| value.split(','))
        .map(|item| item.trim().to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

fn origins(name: &'static str, value: Option<String>) -> Result<Vec<String>, BadVariable> {
    let read =
        |value: String| address::origin(&value).map_err(|fix| BadVariable { name, value, fix });
    list(value).into_iter().map(read).collect()
}

fn blocks(name: &'static str, value: Option<String>) -> Result<Vec<Block>, BadVariable> {
    let parse = |item: String| {
        item.parse().map_err(|why| BadVariable {
            name,
            fix: match why {
                NoBlock::Unreadable => "write the proxies' addresses or networks, such as \
                     127.0.0.1,10.0.0.0/8,2001:db8::/32"
                    .into(),
                NoBlock::Everybody => "name the networks that your proxies are in: of all \
                     addresses, anybody could write the one that requests are counted by"
                    .into(),
            },
            value: item,
        })
    };
    list(value).into_iter().map(parse).collect()
}

/// An address to listen at; `port` is that of the example.
fn listens_at(
    name: &'static str,
    port: u16,
    value: Option<String>,
) -> Result<Option<SocketAddr>, BadVariable> {
    let parse = |value: String| {
        value.parse().map_err(|_| BadVariable {
            name,
            value,
            fix: format!("write an address and a port, such as 127.0.0.1:{port} or 0.0.0.0:{port}"),
        })
    };
    value.map(parse).transpose()
}

fn flag(name: &'static str, value: Option<String>) -> Result<bool, BadVariable> {
    match value.as_deref() {
        None | Some("0" | "false" | "no" | "off") => Ok(false),
        Some("1" | "true" | "yes" | "on") => Ok(true),
        Some(other) => Err(BadVariable {
            name,
            value: other.into(),
            fix: "write true or false".into(),
        }),
    }
}

fn number<T: std::str::FromStr>(
    name: &'static str,
    value: Option<String>,
) -> Result<Option<T>, BadVariable> {
    value
        .map(|value| {
            value.parse().map_err(|_| BadVariable {
                name,
                value,
                fix: "write a whole number".into(),
            })
        })
        .transpose()
}

#[cfg(test)]
mod tests;
