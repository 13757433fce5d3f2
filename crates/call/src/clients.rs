//! The process's connections to its speech and language models, shared by all calls.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;

use crate::Models;
use crate::models::line::{Client, Line, Member, SharedHealth};
use crate::models::measured::Measured;
use crate::models::{Phrases, SpeechClient};
use crate::requests::Requests;
use crate::tools::HttpTools;
use sidetone_base::clock;
use sidetone_config::agent::AgentConfig;
use sidetone_config::env::Env;
use sidetone_config::language;
use sidetone_config::prices::{LOCAL, Prices};
use sidetone_config::providers::{Provider, StageConfig, Stages};
use sidetone_config::secret::Secret;
use sidetone_providers::openai::{
    self, ApiKey, ChatRequest, Http, Llm, Message, Role, Settings, SettingsError, SpeechSockets,
    Stt, Tts,
};

/// OpenAI's own server.
pub const OPENAI: &str = "https://api.openai.com/v1";
/// One try, to the head of the answer, and from each piece to the next.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Clients of the three stages.
#[derive(Clone)]
pub struct Clients {
    stt: Stt,
    llm: Llm,
    tts: Tts,
    /// Tools' servers.
    pub http: HttpTools,
    connections: Http,
    /// For speech over a socket.
    sockets: SpeechSockets,
    /// The process's own provider; each stage has its model.
    own: Settings,
    /// Its key, which may change while we run.
    key: Option<Secret>,
    models: [String; 3],
    /// Speech to text over a socket, where that is another model.
    live_model: Option<String>,
    /// By stage, address, model, key and headers: agents that ask the same provider in the same way
    /// share what is known of it, and a key that is refused says nothing of others.
    healths: Arc<Mutex<HashMap<String, SharedHealth>>>,
    phrases: Phrases,
    prices: Arc<Prices>,
    is_local: bool,
    requests: Requests,
}

impl Clients {
    /// OpenAI (or `OPENAI_BASE_URL`) when a key or a base URL is set, else the local models at
    /// `local`.
    ///
    /// # Errors
    /// A base URL that is none.
    pub fn new(env: &Env, local: Option<SocketAddr>) -> anyhow::Result<Self> {
        let (http, sockets) = (Http::new()?, SpeechSockets::default());
        let base_url = match (local, &env.openai_base_url) {
            (Some(address), _) => format!("http://{address}/v1"),
            (None, Some(base_url)) => base_url.clone(),
            (None, None) => OPENAI.to_owned(),
        };
        let key = env.openai_api_key.clone().filter(|_| local.is_none());
        let own = Settings {
            base_url,
            api_key: key.as_ref().map(api_key_of),
            timeout: TIMEOUT,
            ..Settings::default()
        };
        let models = [&env.stt_model, &env.llm_model, &env.tts_model].map(String::clone);
        let stage = |stage: openai::Stage| Settings {
            model: models[stage as usize].clone(),
            ..own.clone()
        };
        Ok(Self {
            stt: Stt::new(&http, stage(openai::Stage::Stt), None)?,
            llm: Llm::new(&http, stage(openai::Stage::Llm))?,
            tts: Tts::new(&http, &sockets, stage(openai::Stage::Tts))?,
            http: HttpTools::new()?,
            connections: http,
            sockets,
            own,
            key,
            models,
            live_model: env.stt_live_model.clone(),
            healths: Arc::default(),
            phrases: Phrases::default(),
            prices: Arc::new(env.prices.clone()),
            is_local: local.is_some(),
            requests: Requests::default(),
        })
    }

    /// The same, for a call whose requests are told to these.
    #[must_use]
    pub fn reporting(&self, requests: &Requests) -> Self {
        Self {
            requests: requests.clone(),
            ..self.clone()
        }
    }

    /// Whether the models are those of this machine.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// What lists the models of this provider's server.
    ///
    /// # Errors
    /// An address or a key that cannot be used.
    pub fn models_of(&self, provider: &Provider) -> Result<openai::Models, SettingsError> {
        openai::Models::new(
            &self.connections,
            self.settings(provider, openai::Stage::Llm),
        )
    }

    /// The agent as its models are asked. Those of this machine are small, and speak English only.
    pub fn settle(&self, mut agent: AgentConfig) -> AgentConfig {
        if self.is_local && agent.language.is_none() {
            agent.language = Some("en".into());
        }
        let first = agent.stages.llm.providers.first();
        let thinks_here = first.is_none_or(|provider| provider.address.is_none());
        match self.is_local && thinks_here {
            true => agent.for_small_model(),
            false => agent,
        }
    }

    /// The providers of one call.
    pub fn for_call(&self, agent: &AgentConfig) -> Models {
        let Stages {
            stt,
            llm,
            tts,
            style,
            ..
        } = &agent.stages;
        let language = agent.language.as_deref().map(language::heard_as);
        let language = language.or(self.is_local.then_some("en"));
        let http = &self.connections;
        let hearing = |provider: &Provider| {
            let stt = Stt::new(http, self.settings(provider, openai::Stage::Stt), None)?;
            let live = self.live_model.as_deref();
            let live = live.filter(|_| provider.address.is_none() && provider.model.is_none());
            let stt = match live {
                Some(model) => stt.with_live_model(model),
                None => stt,
            };
            let hints = agent.stages.hints.clone();
            Ok(stt.with_language(language).with_hints(hints))
        };
        let hears = self.line(crate::Part::Stt, stt, hearing);
        let ears = agent.stages.ears.as_ref().map(|provider| {
            let measured = self.measured(crate::Part::Stt, provider);
            hearing(provider).map(|stt| (stt, measured))
        });
        let ears = ears.transpose();
        let ears = ears.inspect_err(|error: &SettingsError| tracing::error!("{error}"));
        let thinks = self.line(crate::Part::Llm, llm, |provider| {
            let llm = Llm::new(http, self.settings(provider, openai::Stage::Llm))?;
            let options = provider.manner.llm.clone();
            let is_own = provider.address.is_none();
            let llm = llm.with_api(provider.llm_api).with_options(options);
            Ok(llm.that_keeps_schemas(self.is_local && is_own))
        });
        let speaks = self.line(crate::Part::Tts, tts, |provider| {
            let voice = provider.voice.as_deref().unwrap_or(agent.voice.as_str());
            let keys = provider.speech.clone();
            let tts = Tts::new(
                http,
                &self.sockets,
                self.settings(provider, openai::Stage::Tts),
            )?;
            Ok(SpeechClient {
                tts: tts
                    .with_protocol(keys.protocol)
                    .with_format(keys.response_format, keys.sample_rate),
                voice: voice.to_owned(),
                instructions: style.instructions.clone(),
                speed: style.speed,
            })
        });
        let (http, phrases) = (self.http.clone(), self.phrases.clone());
        let mut models = Models::new(hears, thinks, speaks, http, phrases, agent);
        models.ears = ears.ok().flatten();
        models
    }

    /// How a provider's stage is asked: a file's provider, or the process's.
    fn settings(&self, provider: &Provider, stage: openai::Stage) -> Settings {
        let own = match &provider.address {
            None => Settings {
                model: self.models[stage as usize].clone(),
                api_key: self.key.as_ref().map(api_key_of),
                ..self.own.clone()
            },
            Some(address) => Settings {
                base_url: address.base_url.clone(),
                api_key: address.api_key.as_ref().map(api_key_of),
                timeout: address.timeout,
                ..Settings::default()
            },
        };
        let headers = provider.manner.headers.iter();
        Settings {
            model: provider.model.clone().unwrap_or(own.model),
            auth: provider.manner.auth,
            headers: headers
                .map(|(name, value)| (name.clone(), api_key_of(value)))
                .collect(),
            ..own
        }
    }

    /// The providers of a stage; one that cannot be set up is left out and told of.
    fn line<C: Client>(
        &self,
        stage: crate::Part,
        config: &StageConfig,
        client: impl Fn(&Provider) -> Result<C, SettingsError>,
    ) -> Line<C> {
        let members = config.providers.iter().filter_map(|provider| {
            let made = client(provider);
            let client = made
                .inspect_err(|error| tracing::error!(provider = provider.name, "{error}"))
                .ok()?;
            let key = health_key(stage, provider);
            let mut healths = self.healths.lock().unwrap_or_else(PoisonError::into_inner);
            let measured = self.measured(stage, provider);
            let health = healths.entry(key);
            let health = health.or_insert_with(|| SharedHealth::new(&measured));
            Some(Member {
                name: provider.name.clone(),
                client,
                health: health.clone(),
                measured,
            })
        });
        Line::new(stage, members.collect(), config.fallback_after)
    }

    /// What asking a provider is measured by.
    fn measured(&self, stage: crate::Part, provider: &Provider) -> Measured {
        let asked = match stage {
            crate::Part::Stt => openai::Stage::Stt,
            crate::Part::Tts => openai::Stage::Tts,
            crate::Part::Llm | crate::Part::Tool | crate::Part::Transport => openai::Stage::Llm,
        };
        let settings = self.settings(provider, asked);
        let (server, model) = match self.is_local && provider.address.is_none() {
            true => (LOCAL.to_owned(), LOCAL),
            false => (server_of(&settings.base_url), settings.model.as_str()),
        };
        let price = self.prices.of(&server, model);
        Measured::new(stage, &provider.name, model, price).reported(&self.requests)
    }

    /// Lets the local model read an agent's prompt and tools while the caller is greeted: two hundred
    /// tokens take it a second. Other servers are not asked, for they may charge for it.
    pub async fn read_ahead(self, agent: AgentConfig) {
        if !self.is_local {
            return;
        }
        let request = ChatRequest {
            messages: vec![Message::new(Role::System, agent.system_prompt)],
            tools: agent.tools.into_iter().map(crate::models::tool).collect(),
            max_tokens: Some(0),
            ..ChatRequest::default()
        };
        let answer = self.llm.stream(request, clock::now() + TIMEOUT);
        answer.for_each(async |_| {}).await;
    }

    /// Opens the connections before the first call needs them.
    pub async fn prewarm(&self) {
        tokio::join!(self.stt.prewarm(), self.llm.prewarm(), self.tts.prewarm());
    }
}

/// The host of a base URL, and its port where the URL has one; "" where it is none.
fn server_of(base_url: &str) -> String {
    let url = reqwest::Url::parse(base_url).ok();
    let named = url
        .as_ref()
        .and_then(|url| Some((url.host_str()?, url.port())));
    match named {
        Some((host, Some(port))) => format!("{host}:{port}"),
        Some((host, None)) => host.to_owned(),
        None => String::new(),
    }
}

fn api_key_of(secret: &Secret) -> ApiKey {
    ApiKey::new(&*secret.expose())
}

/// What tells one provider from another. Keys and headers are secrets: their hash does.
fn health_key(stage: crate::Part, provider: &Provider) -> String {
    use std::hash::{Hash as _, Hasher as _};
    let mut secrets = std::hash::DefaultHasher::new();
    let address = provider.address.as_ref();
    let key = address.and_then(|address| address.api_key.as_ref());
    key.map(Secret::expose).hash(&mut secrets);
    for (name, value) in &provider.manner.headers {
        (name, value.expose()).hash(&mut secrets);
    }
    provider.manner.auth.hash(&mut secrets);
    let base_url = address.map(|address| &address.base_url);
    format!(
        "{stage:?} {base_url:?} {:?} {:x}",
        provider.model,
        secrets.finish()
    )
}
