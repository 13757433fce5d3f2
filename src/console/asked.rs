//! Remembers what a model was asked, for `/why`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::Value;

use crate::audio::Pcm;
use crate::call::providers::{Hearing, SpeakerId};
use crate::call::{Piece, ProviderError, Providers, Question, Served};
use crate::config::request::HttpRequest;
use crate::config::tools::McpTool;
use crate::config::transfer::Target;

/// Another's providers, looked at.
pub struct Asked {
    inner: Arc<dyn Providers>,
    last: Mutex<Option<Question>>,
}

impl Asked {
    /// Around `inner`.
    pub fn new(inner: Arc<dyn Providers>) -> Self {
        Self {
            inner,
            last: Mutex::default(),
        }
    }

    /// What the model was asked last.
    pub fn last(&self) -> Option<Question> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

impl Providers for Asked {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        self.inner.transcribe(audio)
    }

    fn hear(&self) -> Option<Hearing> {
        self.inner.hear()
    }

    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(question.clone());
        drop(last);
        self.inner.chat(question)
    }

    fn call_tool(
        &self,
        request: HttpRequest,
        values: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        self.inner.call_tool(request, values, arguments)
    }

    fn served(&self) -> BoxFuture<'static, Served> {
        self.inner.served()
    }

    fn call_served(
        &self,
        tool: McpTool,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        self.inner.call_served(tool, arguments)
    }

    fn put_through(
        &self,
        to: Target,
        ring: Duration,
    ) -> BoxFuture<'static, Result<String, String>> {
        self.inner.put_through(to, ring)
    }

    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        self.inner.speak(text)
    }

    fn speak_as(
        &self,
        text: String,
        known: Option<SpeakerId>,
    ) -> BoxStream<'static, Result<(SpeakerId, Pcm<24_000>), ProviderError>> {
        self.inner.speak_as(text, known)
    }

    fn phrase(&self, text: String) -> BoxFuture<'static, Result<Pcm<24_000>, ProviderError>> {
        self.inner.phrase(text)
    }
}
