//! Tools that answer from a stored call: a replay books nothing twice.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use sidetone_call::{Providers, Served, Tools};
use sidetone_config::request::HttpRequest;
use sidetone_config::tools::McpTool;
use sidetone_store::tools::ToolCall;

type Results = Vec<(Value, Result<String, String>)>;

/// What tools answered, by their arguments; each answer is used once, in order.
#[derive(Clone)]
pub struct Recalled(Arc<Mutex<Results>>);

impl Recalled {
    pub fn new(calls: &[ToolCall]) -> Self {
        let results = calls.iter().filter_map(|call| {
            let result = call.outcome()?.map(str::to_owned).map_err(str::to_owned);
            Some((call.arguments.0.clone(), result))
        });
        Self(Arc::new(Mutex::new(results.collect())))
    }

    /// `providers` with these in place of their tools.
    pub fn in_place_of_tools(&self, providers: Providers) -> Providers {
        let recalling = Recalling {
            known: providers.tools,
            results: self.clone(),
        };
        Providers {
            tools: Arc::new(recalling),
            ..providers
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

/// Tools that answer as they did in a stored call.
struct Recalling {
    /// The tools whose names the model knows.
    known: Arc<dyn Tools>,
    results: Recalled,
}

impl Tools for Recalling {
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
        self.known.served()
    }

    fn call_served(
        &self,
        _: McpTool,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let result = self.results.take(&arguments);
        async move { result }.boxed()
    }
}
