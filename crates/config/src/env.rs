//! The environment, read once and checked: each missing or invalid variable is reported with how to fix it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address;
use super::agents_from::AgentsFrom;
use super::allowance::UserLimits;
use super::livekit;
pub use super::livekit::{LiveKit, NotConfigured};
use super::login;
pub use super::login::UserLogin;
use super::prices::Prices;
use super::recording::RecordingEnv;
use super::secret::{self, Secret};
use super::traces::Traces;
use super::unknown_agent::UnknownAgent;
pub use super::variable::BadVariable;
use super::variable::Variables;
use super::webhook::CallWebhook;
use sidetone_base::network::{Block, NoBlock};
use sidetone_base::provider::{catalogue, is_openai};

/// Where calls are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// Embedded, in one file.
    Sqlite(PathBuf),
    /// `postgres://…`, which may contain a password, and may come from a file that changes.
    Postgres(Secret),
}

/// The whole environment.
#[derive(Clone, Debug)]
pub struct Env {
    /// LiveKit's address and keys, or why they cannot be used.
    pub livekit: Result<LiveKit, NotConfigured>,
    /// If set, STT, LLM and TTS are OpenAI's (or those of `openai_base_url`); if neither is set, the local models.
    pub openai_api_key: Option<Secret>,
    /// The base URL of any OpenAI-compatible server.
    pub openai_base_url: Option<String>,
    /// The model that transcribes.
    pub stt_model: String,
    /// The model that transcribes during speech, if it is a different one.
    pub stt_live_model: Option<String>,
    /// The language model.
    pub llm_model: String,
    /// The model that speaks.
    pub tts_model: String,
    /// SQLite in the data folder, or Postgres.
    pub database: Database,
    /// The folder for the database file, models and recordings.
    pub data_dir: PathBuf,
    /// The address that HTTP listens on. Default 127.0.0.1:3000.
    pub bind: SocketAddr,
    /// The address on which a worker without a control plane answers health checks. `None` to answer none.
    pub health_address: Option<SocketAddr>,
    /// The address by which others reach this server, for hints and links.
    pub public_url: Option<String>,
    /// The origins of browsers that may call the API, as browsers write them. Empty for the same origin only.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is trusted. Empty for none.
    pub trusted_proxies: Vec<Block>,
    /// The name under which workers register and are dispatched.
    pub agent_name: String,
    /// A demo on loopback: callers need no credentials.
    pub demo: bool,
    /// How users' tokens are checked.
    pub user_login: UserLogin,
    /// `name:scope+scope:sha256-hex`, optionally with `:requests a minute`, one per backend, separated by commas or
    /// line breaks.
    pub api_keys: Option<Secret>,
    /// The limits for one user.
    pub user_limits: UserLimits,
    /// Days after which a call's personal data is deleted. `None` to keep it.
    pub retention_days: Option<u32>,
    /// Where the agents' files are.
    pub agents: AgentsFrom,
    /// Who answers if the requested agent does not exist.
    pub unknown_agent: UnknownAgent,
    /// The most calls that a worker takes at once.
    pub max_calls: usize,
    /// How long calls may continue when the process is to end.
    pub drain_time: Duration,
    /// Whether a model judges if a turn has ended.
    pub end_of_turn: bool,
    /// Where recordings go.
    pub recording: RecordingEnv,
    /// Where events of calls are posted.
    pub call_webhook: CallWebhook,
    /// The providers' prices.
    pub prices: Prices,
    /// Where spans are sent. `None` if none are created.
    pub traces: Option<Traces>,
}

impl Env {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// The first variable whose value cannot be used. Missing LiveKit variables are not an error here: the control
    /// plane starts and reports them where it matters.
    pub fn read() -> Result<Self, BadVariable> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Paths that no other user of this machine should be able to read: the data folder, and a database outside it.
    pub fn private_paths(&self) -> Vec<PathBuf> {
        let mut paths = vec![self.data_dir.clone()];
        match &self.database {
            Database::Sqlite(path) if !path.starts_with(&self.data_dir) => paths.push(path.clone()),
            _ => {}
        }
        paths
    }

    /// The path under which others reach this server, if it is not the root of its host: `/voice` for
    /// `https://example.com/voice/`.
    pub fn path_prefix(&self) -> Option<String> {
        let public = reqwest::Url::parse(self.public_url.as_ref()?).ok()?;
        let path = public.path().trim_end_matches('/');
        (!path.is_empty()).then(|| path.to_owned())
    }

    /// Whether speech and language models run on this machine, because no provider is configured.
    pub fn uses_local_models(&self) -> bool {
        self.openai_api_key.is_none() && self.openai_base_url.is_none()
    }

    /// Whether STT, LLM and TTS are OpenAI's own, and not those of another server that speaks its protocol.
    pub fn uses_openai(&self) -> bool {
        !self.uses_local_models() && self.openai_base_url.as_deref().is_none_or(is_openai)
    }

    /// Like [`Env::read`], from any source of variables. Blank values count as unset.
    ///
    /// # Errors
    /// See [`Env::read`].
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BadVariable> {
        let variables = Variables(&lookup);
        let var = |name: &str| variables.text(name);
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
        let openai_api_key = variables.secret("OPENAI_API_KEY", secret::any)?;
        let openai_base_url = var("OPENAI_BASE_URL");
        let demo = flag("SIDETONE_DEMO", var("SIDETONE_DEMO"))?;
        let database_url = variables.secret("DATABASE_URL", secret::any)?;
        // Other servers keep the names that most of them know; the local models answer to any name.
        let models = match (&openai_api_key, &openai_base_url) {
            (_, Some(base_url)) if is_openai(base_url) => Names::OPENAI,
            (Some(_), None) => Names::OPENAI,
            _ => Names::COMPATIBLE,
        };
        let stt_model = var("SIDETONE_STT_MODEL");
        Ok(Self {
            livekit: LiveKit::read(&variables, demo)?,
            openai_api_key,
            openai_base_url,
            // A configured STT model applies to both ways of transcribing.
            stt_live_model: models
                .stt_live
                .filter(|_| stt_model.is_none())
                .map(str::to_owned),
            stt_model: stt_model.unwrap_or_else(|| models.stt.to_owned()),
            llm_model: named("SIDETONE_LLM_MODEL", models.llm),
            tts_model: named("SIDETONE_TTS_MODEL", models.tts),
            database: database(database_url, &data_dir)?,
            data_dir,
            bind: bind.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 3000))),
            health_address: health,
            public_url: var("SIDETONE_PUBLIC_URL"),
            cors_origins: origins("SIDETONE_CORS_ORIGINS", var("SIDETONE_CORS_ORIGINS"))?,
            trusted_proxies: blocks("SIDETONE_TRUSTED_PROXIES", var("SIDETONE_TRUSTED_PROXIES"))?,
            agent_name: named("SIDETONE_AGENT_NAME", "sidetone"),
            demo,
            user_login: login::read(&variables)?,
            api_keys: variables.secret("SIDETONE_API_KEYS", secret::any)?,
            user_limits: UserLimits::read(&var)?,
            retention_days: number("SIDETONE_RETENTION_DAYS", var("SIDETONE_RETENTION_DAYS"))?,
            end_of_turn: end_of_turn(var("SIDETONE_END_OF_TURN"))?,
            agents: AgentsFrom::read(var("SIDETONE_AGENTS"))?,
            unknown_agent: UnknownAgent::read(var("SIDETONE_UNKNOWN_AGENT"))?,
            max_calls: number("SIDETONE_MAX_CALLS", var("SIDETONE_MAX_CALLS"))?.unwrap_or(25),
            drain_time: Duration::from_secs(
                number("SIDETONE_DRAIN_SECONDS", var("SIDETONE_DRAIN_SECONDS"))?
                    .unwrap_or(DRAIN_SECONDS),
            ),
            recording: RecordingEnv::read(&variables)?,
            call_webhook: CallWebhook::read(&variables)?,
            prices: prices(var("SIDETONE_PRICES"))?,
            traces: Traces::read(&variables)?,
        })
    }
}

/// Ten minutes: longer than most calls.
const DRAIN_SECONDS: u64 = 600;

/// The default models.
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

fn database(url: Option<Secret>, data_dir: &std::path::Path) -> Result<Database, BadVariable> {
    let Some(secret) = url else {
        return Ok(Database::Sqlite(data_dir.join("sidetone.db")));
    };
    let url = secret.expose();
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Database::Postgres(secret));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) => Ok(Database::Sqlite(path.trim_start_matches("//").into())),
        None => Err(BadVariable {
            name: "DATABASE_URL",
            // The rest may contain a password.
            value: format!("{}…", url.split(':').next().unwrap_or_default()),
            fix: "write postgres://user:password@host/database or sqlite:path, or leave it \
                  unset for SQLite in the data folder"
                .into(),
        }),
    }
}

fn prices(file: Option<String>) -> Result<Prices, BadVariable> {
    Prices::read(file.as_deref().map(Path::new)).map_err(|error| BadVariable {
        name: "SIDETONE_PRICES",
        value: file.unwrap_or_default(),
        fix: error.to_string(),
    })
}

fn default_data_dir(xdg: Option<String>, home: Option<String>) -> PathBuf {
    match (xdg, home) {
        (Some(xdg), _) => PathBuf::from(xdg).join("sidetone"),
        (None, Some(home)) => PathBuf::from(home).join(".local/share/sidetone"),
        (None, None) => PathBuf::from("data"),
    }
}

fn list(value: Option<String>) -> Vec<String> {
    let value = value.unwrap_or_default();
    livekit::list(&value).map(str::to_owned).collect()
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

/// An address to listen on; `port` is for the example in the error.
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
