//! The process's connections to its speech and language models, shared by all calls.

use std::net::SocketAddr;
use std::time::Duration;

use async_openai::types::chat::ChatCompletionRequestSystemMessage as SystemMessage;
use futures::StreamExt as _;

use crate::call::Models;
use crate::clock;
use crate::config::agent::AgentConfig;
use crate::config::env::Env;
use crate::openai::{ApiKey, ChatRequest, Http, Llm, Settings, Stt, Tts};
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
            stt: Stt::new(&http, stage(&env.stt_model), Some("en".into()))?,
            llm: Llm::new(&http, stage(&env.llm_model))?,
            tts: Tts::new(&http, stage(&env.tts_model))?,
            http: HttpTools::new()?,
            is_local: local.is_some(),
        })
    }

    /// The providers of one call.
    pub fn for_call(&self, agent: &AgentConfig) -> Models {
        let Self {
            stt,
            llm,
            tts,
            http,
            ..
        } = self.clone();
        let names = &agent.models;
        let stt = names.stt.iter().fold(stt, |stt, name| stt.with_model(name));
        let llm = names.llm.iter().fold(llm, |llm, name| llm.with_model(name));
        let tts = names.tts.iter().fold(tts, |tts, name| tts.with_model(name));
        Models::new(stt, llm, tts, http, agent)
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
