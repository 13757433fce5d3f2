//! The process's connections to its speech and language models, shared by all calls.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_openai::types::chat::ChatCompletionRequestSystemMessage as SystemMessage;
use futures::StreamExt as _;

use crate::call::models::line::{Client, Line, Member, SharedHealth};
use crate::call::models::{Phrases, Speaker};
use crate::call::{self, Models};
use crate::clock;
use crate::config::agent::AgentConfig;
use crate::config::env::Env;
use crate::config::providers::{Provider, Stage, Stages};
use crate::openai::{ApiKey, ChatRequest, Http, Llm, Settings, SettingsError, Stt, Tts};
use crate::tools::HttpTools;

/// OpenAI's own server.
const OPENAI: &str = "https://api.openai.com/v1";
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
    /// By stage, address and model: agents that ask the same provider share what is known of it.
    healths: Arc<Mutex<HashMap<String, SharedHealth>>>,
    phrases: Phrases,
    is_local: bool,
}

impl Clients {
    /// OpenAI (or `OPENAI_BASE_URL`) when a key or a base URL is set, else the local models at
    /// `local`.
    ///
    /// # Errors
    /// A base URL that is none.
    pub fn new(env: &Env, local: Option<SocketAddr>) -> anyhow::Result<Self> {
        let http = Http::new()?;
        let base_url = match (local, &env.openai_base_url) {
            (Some(address), _) => format!("http://{address}/v1"),
            (None, Some(base_url)) => base_url.clone(),
            (None, None) => OPENAI.to_owned(),
        };
        let api_key = env.openai_api_key.as_ref().filter(|_| local.is_none());
        let stage = |model: &str| Settings {
            base_url: base_url.clone(),
            api_key: api_key.map(|key| ApiKey::new(key.expose())),
            model: model.to_owned(),
            timeout: TIMEOUT,
        };
        Ok(Self {
            stt: Stt::new(&http, stage(&env.stt_model), None)?,
            llm: Llm::new(&http, stage(&env.llm_model))?,
            tts: Tts::new(&http, stage(&env.tts_model))?,
            http: HttpTools::new()?,
            connections: http,
            healths: Arc::default(),
            phrases: Phrases::default(),
            is_local: local.is_some(),
        })
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
        let language = agent.language.as_deref().or(self.is_local.then_some("en"));
        let http = &self.connections;
        let hears = self.line(call::Stage::Stt, stt, |provider| {
            let stt = match settings(provider) {
                Some(settings) => Stt::new(http, settings, None)?,
                None => self.stt.clone(),
            };
            let stt = stt.with_language(language);
            Ok(provider
                .model
                .iter()
                .fold(stt, |stt, name| stt.with_model(name)))
        });
        let thinks = self.line(call::Stage::Llm, llm, |provider| {
            let llm = match settings(provider) {
                Some(settings) => Llm::new(http, settings)?,
                None => self.llm.clone(),
            };
            let llm = llm.with_api(provider.llm_api);
            Ok(provider
                .model
                .iter()
                .fold(llm, |llm, name| llm.with_model(name)))
        });
        let speaks = self.line(call::Stage::Tts, tts, |provider| {
            let tts = match settings(provider) {
                Some(settings) => Tts::new(http, settings)?,
                None => self.tts.clone(),
            };
            let voice = provider.voice.as_deref().unwrap_or(agent.voice.as_str());
            let keys = provider.speech.clone();
            let tts = tts
                .with_protocol(keys.protocol)
                .with_format(keys.response_format, keys.sample_rate);
            Ok(Speaker {
                tts: provider
                    .model
                    .iter()
                    .fold(tts, |tts, name| tts.with_model(name)),
                voice: voice.to_owned(),
                instructions: style.instructions.clone(),
                speed: style.speed,
            })
        });
        let (http, phrases) = (self.http.clone(), self.phrases.clone());
        Models::new(hears, thinks, speaks, http, phrases, agent)
    }

    /// The providers of a stage; one that cannot be set up is left out and told of.
    fn line<C: Client>(
        &self,
        stage: call::Stage,
        config: &Stage,
        client: impl Fn(&Provider) -> Result<C, SettingsError>,
    ) -> Line<C> {
        let members = config.providers.iter().filter_map(|provider| {
            let made = client(provider);
            let client = made
                .inspect_err(|error| tracing::error!(provider = provider.name, "{error}"))
                .ok()?;
            let address = provider.address.as_ref().map(|address| &address.base_url);
            let key = format!("{stage:?} {address:?} {:?}", provider.model);
            let mut healths = self.healths.lock().unwrap_or_else(PoisonError::into_inner);
            let health = healths.entry(key).or_default().clone();
            let name = provider.name.clone();
            Some(Member {
                name,
                client,
                health,
            })
        });
        Line::new(stage, members.collect(), config.fallback_after)
    }

    /// Lets the local model read a call's prompt while the caller is greeted: two hundred tokens
    /// take it a second. Other servers are not asked, for they may charge for it.
    pub async fn read_ahead(self, prompt: String) {
        if !self.is_local {
            return;
        }
        let request = ChatRequest {
            messages: vec![SystemMessage::from(prompt).into()],
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

/// Of a provider that the agent's file names; none: the process's.
fn settings(provider: &Provider) -> Option<Settings> {
    let address = provider.address.as_ref()?;
    Some(Settings {
        base_url: address.base_url.clone(),
        api_key: address
            .api_key
            .as_ref()
            .map(|key| ApiKey::new(key.expose())),
        model: provider.model.clone().unwrap_or_default(),
        timeout: address.timeout,
    })
}
