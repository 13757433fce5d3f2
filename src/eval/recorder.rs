//! Keeps what models and tools' servers answer, so that a scenario runs on it later.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::Value;

use super::anew::Anew;
use super::recorded::{Call, RecordedAnswer, Recording};
use sidetone_call::{Llm, Piece, ProviderError, Providers, Question, Served, Tools};
use sidetone_config::request::HttpRequest;
use sidetone_config::tools::{McpTool, Tool};

/// What was answered in a conversation; all its agents share it.
#[derive(Default)]
pub struct Kept {
    /// Each is shared with the stream that writes it; one that was taken back may still be written, unseen.
    answers: Vec<Arc<Mutex<RecordedAnswer>>>,
    anew: Anew,
    tools: Vec<Result<String, String>>,
    served: Vec<String>,
}

impl Kept {
    /// The caller begins a turn by voice: see [`Anew`].
    pub fn turn_begins(&mut self) {
        self.anew.turn_begins();
    }

    /// As it is written to a file, of `source` and `agent_version`.
    pub fn recording(&self, source: String, agent_version: String) -> Recording {
        let answers = self.answers.iter().map(|answer| locked(answer).clone());
        Recording {
            source,
            agent_version,
            answers: answers.collect(),
            tools: self.tools.clone(),
            served: self.served.clone(),
            ..Recording::default()
        }
    }

    fn answer(&mut self, question: &Question) -> Arc<Mutex<RecordedAnswer>> {
        let place = self.anew.place(question, self.answers.len());
        self.answers.truncate(place);
        let answer = Arc::default();
        self.answers.push(Arc::clone(&answer));
        answer
    }
}

/// Passes all on to others, and keeps what they answer.
pub struct Recorder {
    llm: Arc<dyn Llm>,
    tools: Arc<dyn Tools>,
    kept: Arc<Mutex<Kept>>,
}

impl Recorder {
    /// Of `of`; all agents of a call share what is `kept`.
    pub fn new(of: Providers, kept: Arc<Mutex<Kept>>) -> Self {
        let Providers { llm, tools, .. } = of;
        Self { llm, tools, kept }
    }
}

/// What a panic elsewhere left is still what was answered.
pub fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Llm for Recorder {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let answer = locked(&self.kept).answer(&question);
        let pieces = self.llm.chat(question);
        pieces
            .inspect(move |piece| {
                let mut answer = locked(&answer);
                match piece {
                    Ok(Piece::Text(text)) => answer.text += text,
                    Ok(Piece::Call(call)) => answer.calls.push(Call {
                        name: call.name.clone(),
                        arguments: serde_json::from_str(&call.arguments)
                            .unwrap_or_else(|_| call.arguments.clone().into()),
                    }),
                    Ok(Piece::Calling | Piece::Opaque(_) | Piece::Usage(_)) | Err(_) => {}
                }
            })
            .boxed()
    }
}

impl Tools for Recorder {
    fn call_tool(
        &self,
        request: HttpRequest,
        values: Value,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let kept = Arc::clone(&self.kept);
        let answer = self.tools.call_tool(request, values, arguments);
        async move {
            let result = answer.await;
            locked(&kept).tools.push(result.clone());
            result
        }
        .boxed()
    }

    fn served(&self) -> BoxFuture<'static, Served> {
        let kept = Arc::clone(&self.kept);
        let served = self.tools.served();
        async move {
            let served = served.await;
            let mut kept = locked(&kept);
            for Tool { name, .. } in &served.tools {
                if !kept.served.contains(name) {
                    kept.served.push(name.clone());
                }
            }
            served
        }
        .boxed()
    }

    fn call_served(
        &self,
        tool: McpTool,
        arguments: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        let kept = Arc::clone(&self.kept);
        let answer = self.tools.call_served(tool, arguments);
        async move {
            let result = answer.await;
            locked(&kept).tools.push(result.clone());
            result
        }
        .boxed()
    }
}
