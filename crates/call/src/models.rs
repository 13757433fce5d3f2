//! A call's providers over the OpenAI protocol: a line of them for each stage.

mod ask;
mod health;
pub mod line;
mod loudness;
pub mod measured;
mod phrases;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::Value;

use super::part::Part;
use super::providers::{
    self, Briefing, Fault, Hearing, Operator, Piece, ProviderError, Question, Served, SpeakerId,
    Spoken,
};
use crate::tools::HttpTools;
use crate::tools::mcp::Mcp;
pub use ask::SpeechClient;
use ask::{AskLlm, AskStt, AskTts};
use line::Line;
use measured::Measured;
pub use phrases::Phrases;
use sidetone_base::audio::Pcm;
use sidetone_config::agent::{AgentConfig, Limits};
use sidetone_config::providers::{Noise, SttMode};
use sidetone_config::request::HttpRequest;
use sidetone_config::tools::{McpTool, Tool};
use sidetone_config::transfer::Target;
use sidetone_providers::openai::{self, ChatRequest, ErrorKind, Llm, Stt};

/// STT, the model, TTS and tools' servers of one call.
#[derive(Clone)]
pub struct Models {
    /// Hears.
    pub stt: Line<Stt>,
    /// Thinks.
    pub llm: Line<Llm>,
    /// Speaks.
    pub tts: Line<SpeechClient>,
    /// Tools' servers.
    pub http: HttpTools,
    /// Servers whose tools are asked for.
    pub mcp: Mcp,
    /// Who puts callers through, where somebody can.
    pub operator: Option<Arc<dyn Operator>>,
    /// Who hears the caller speak, where that is another than who is asked for whole utterances.
    pub ears: Option<(Stt, Measured)>,
    /// What was spoken before.
    pub phrases: Phrases,
    limits: Limits,
    noise: Arc<Noise>,
    mode: SttMode,
}

impl Models {
    /// With the deadlines of `agent`. The clients are cheap clones of the process'.
    pub fn new(
        stt: Line<Stt>,
        llm: Line<Llm>,
        tts: Line<SpeechClient>,
        http: HttpTools,
        phrases: Phrases,
        agent: &AgentConfig,
    ) -> Self {
        Self {
            stt,
            llm,
            tts,
            mcp: Mcp::new(&agent.mcp, http.clone()),
            operator: None,
            ears: None,
            http,
            phrases,
            limits: agent.limits,
            mode: agent.stages.stt_mode,
            noise: Arc::new(agent.stages.noise.clone()),
        }
    }

    /// Opens what the first sentence will need, in the background.
    pub fn warm(&self) {
        if let Some(speaker) = self.tts.first() {
            speaker.warm();
        }
    }
}

/// Retries end a little before the call's own deadline, so that the cause is told and not only
/// that time was up.
fn within(limit: Duration) -> Duration {
    limit.mul_f32(0.95)
}

/// A tool, as the client of the OpenAI protocol has it.
pub(crate) fn tool(tool: Tool) -> openai::Tool {
    openai::Tool {
        name: tool.name,
        description: tool.description,
        parameters: tool.parameters,
    }
}

impl From<openai::ProviderError> for ProviderError {
    fn from(error: openai::ProviderError) -> Self {
        let stage = match error.stage {
            openai::Stage::Stt => Part::Stt,
            openai::Stage::Llm => Part::Llm,
            openai::Stage::Tts => Part::Tts,
        };
        let fault = match error.kind {
            ErrorKind::Refused | ErrorKind::Unspoken => Fault::Refused,
            ErrorKind::TooLong => Fault::TooLong,
            ErrorKind::RateLimited => Fault::Limited,
            // A missing model and a wrong key are the same to whoever asks next.
            ErrorKind::Auth
            | ErrorKind::Exhausted
            | ErrorKind::NotFound
            | ErrorKind::Server
            | ErrorKind::Garbage
            | ErrorKind::Timeout
            | ErrorKind::Connect => Fault::Sick,
        };
        Self {
            fault,
            retry_after: error.retry_after,
            ..Self::new(stage, error.to_string())
        }
    }
}

impl providers::Stt for Models {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        let ask = AskStt::new(audio, Arc::clone(&self.noise));
        let words = self.stt.relay(ask, None, within(self.limits.stt));
        async move {
            let mut words = std::pin::pin!(words);
            // A line answers or fails.
            let first = words.next().await.transpose()?;
            Ok(first.map(|(_, text)| text).unwrap_or_default())
        }
        .boxed()
    }

    fn hear(&self) -> Option<Hearing> {
        let (stt, measured) = self.hears()?;
        measured.listens();
        Some(stt.hear(self.stt.fallback_after()))
    }

    fn heard(&self, audio: &Pcm<16_000>) {
        if let Some((_, measured)) = self.hears() {
            measured.heard(ask::ms(audio.duration()));
        }
    }
}

impl Models {
    /// Who hears the caller speak, where words come as they are spoken.
    fn hears(&self) -> Option<(&Stt, &Measured)> {
        let own = self.ears.as_ref().map(|(stt, measured)| (stt, measured));
        let ears = own.or_else(|| self.stt.first_measured());
        ears.filter(|_| self.mode == SttMode::Realtime)
    }
}

impl providers::Llm for Models {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let request = ChatRequest {
            messages: question.messages,
            tools: question.tools.into_iter().map(tool).collect(),
            may_call: question.may_call,
            schema: question.schema,
            max_tokens: None,
        };
        self.llm
            .relay(AskLlm::new(request), None, within(self.limits.llm))
            .map(|piece| piece.map(|(_, piece)| piece))
            .boxed()
    }
}

impl providers::Tts for Models {
    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        self.speak_as(text, None)
            .map(|piece| piece.map(|spoken| spoken.audio))
            .boxed()
    }

    fn speak_as(
        &self,
        text: String,
        known: Option<SpeakerId>,
    ) -> BoxStream<'static, Result<Spoken, ProviderError>> {
        let known = known.map(|SpeakerId(index)| index);
        self.tts
            .relay(AskTts(text), known, within(self.limits.tts))
            .map(|piece| {
                let (index, spoken) = piece?;
                let openai::Spoken {
                    begins,
                    audio,
                    said,
                } = spoken;
                Ok(Spoken {
                    by: SpeakerId(index),
                    begins,
                    audio,
                    said,
                })
            })
            .boxed()
    }

    fn phrase(&self, text: String) -> BoxFuture<'static, Result<Pcm<24_000>, ProviderError>> {
        let (models, phrases) = (self.clone(), self.phrases.clone());
        async move {
            let voice = models.tts.first().map(SpeechClient::describe);
            let key = (voice.unwrap_or_default(), text.clone());
            if let Some(audio) = phrases.get(&key) {
                return Ok(audio);
            }
            let mut pieces = models.speak_as(text, None);
            let (mut whole, mut may_keep) = (Pcm::default(), true);
            while let Some(piece) = pieces.next().await {
                let spoken = piece?;
                if spoken.begins {
                    (whole, may_keep) = (Pcm::default(), true);
                }
                whole.append(&spoken.audio);
                // In another voice, or in other words, it is for this once.
                may_keep &= spoken.by == SpeakerId(0) && spoken.said.is_none();
            }
            if may_keep {
                phrases.keep(key, whole.clone());
            }
            Ok(whole)
        }
        .boxed()
    }
}

impl providers::Tools for Models {
    fn call_tool(
        &self,
        request: HttpRequest,
        values: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let http = self.http.clone();
        async move { http.call(&request, &values, &arguments).await }.boxed()
    }

    fn served(&self) -> BoxFuture<'static, Served> {
        let mcp = self.mcp.clone();
        async move { mcp.served().await }.boxed()
    }

    fn call_served(
        &self,
        tool: McpTool,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let mcp = self.mcp.clone();
        async move { mcp.call(&tool, arguments).await }.boxed()
    }

    fn put_through(
        &self,
        to: Target,
        ring: Duration,
        briefing: Briefing,
    ) -> BoxFuture<'static, Result<String, String>> {
        match &self.operator {
            Some(operator) => operator.put_through(to, ring, briefing),
            None => async { Err("this call cannot be transferred to a person".into()) }.boxed(),
        }
    }
}
