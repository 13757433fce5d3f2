//! Tools as a stored call remembers them: nothing is booked twice by a replay.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde_json::Value;

use crate::audio::Pcm;
use crate::call::{Piece, ProviderError, Providers, Question, Served};
use crate::config::request::HttpRequest;
use crate::config::tools::McpTool;
use crate::store::tools::ToolCall;

type Results = Vec<(Value, Result<String, String>)>;

/// What tools answered, by their arguments; each answer once, in order.
#[derive(Clone)]
pub struct Recalled(Arc<Mutex<Results>>);

impl Recalled {
    pub fn new(calls: &[ToolCall]) -> Self {
        let results = calls.iter().map(|call| {
            let result = call.result.clone();
            let result = if call.ok { Ok(result) } else { Err(result) };
            (call.arguments.0.clone(), result)
        });
        Self(Arc::new(Mutex::new(results.collect())))
    }

    /// `mind` thinks, and these are its tools.
    pub fn around(&self, mind: Arc<dyn Providers>) -> Recalling {
        Recalling {
            mind,
            results: self.clone(),
        }
    }

    fn take(&self, arguments: &Value) -> Result<String, String> {
        let mut results = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = results.iter().position(|(known, _)| known == arguments);
        match found {
            Some(found) => results.remove(found).1,
            None => Err("not available now".into()),
        }
    }
}

/// A mind whose tools answer as they did in a stored call.
pub struct Recalling {
    mind: Arc<dyn Providers>,
    results: Recalled,
}

impl Providers for Recalling {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        self.mind.transcribe(audio)
    }

    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        self.mind.chat(question)
    }

    fn call_tool(
        &self,
        _: HttpRequest,
        _: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let result = self.results.take(&arguments);
        async move { result }.boxed()
    }

    fn served(&self) -> BoxFuture<'static, Served> {
        self.mind.served()
    }

    fn call_served(
        &self,
        _: McpTool,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let result = self.results.take(&arguments);
        async move { result }.boxed()
    }

    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        self.mind.speak(text)
    }
}
