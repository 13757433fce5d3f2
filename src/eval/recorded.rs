//! Recorded answers of models and tool servers, on which a scenario runs offline.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use sidetone_call::{
    Llm, Part, Piece, ProviderError, Providers, Question, Served, ToolCall, Tools,
};
use sidetone_config::request::HttpRequest;
use sidetone_config::tools::{Action, McpTool, Tool};

/// A recording file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Which model answered, or that a person wrote the answers.
    pub source: String,
    /// The version of the agent's files that were in use.
    #[serde(default)]
    pub agent_version: String,
    /// In the order of the questions.
    pub answers: Vec<RecordedAnswer>,
    /// In the order of the requests.
    #[serde(default)]
    pub tools: Vec<Result<String, String>>,
    /// The tools of MCP servers that the model was offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub served: Vec<String>,
    /// What speech recognition heard in the turns' recordings, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<String>,
    /// What the model that plays the caller said, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caller: Vec<String>,
    /// In the order of the `judge` expectations.
    #[serde(default)]
    pub judgements: Vec<Judgement>,
}

/// One answer of the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedAnswer {
    /// The words.
    #[serde(default)]
    pub text: String,
    /// Tool calls after the words.
    #[serde(default)]
    pub calls: Vec<Call>,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Value,
}

/// A judging model's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// Whether the rubric is true.
    pub holds: bool,
    /// The reason.
    pub why: String,
}

impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    /// If it does not exist, or is not a recording.
    pub fn load(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{shown}: record it with `sidetone eval --record`"))?;
        serde_json::from_str(&text).with_context(|| format!("{shown}"))
    }

    /// Writes a file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(file, text).with_context(|| format!("{}", file.display()))
    }
}

/// Answers and tool results that have not been played yet.
type Left = (VecDeque<RecordedAnswer>, VecDeque<Result<String, String>>);

/// Plays a recording back.
pub struct Playback {
    left: Mutex<Left>,
    served: Vec<String>,
}

impl Playback {
    /// Starts at the beginning.
    pub fn new(recording: &Recording) -> Self {
        let (answers, tools) = (recording.answers.clone(), recording.tools.clone());
        Self {
            left: Mutex::new((answers.into(), tools.into())),
            served: recording.served.clone(),
        }
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_result(&self) -> BoxFuture<'static, Result<String, String>> {
        let result = self.left().1.pop_front();
        let result =
            result.unwrap_or_else(|| Err("no recorded result is left; record again".to_owned()));
        async move { result }.boxed()
    }
}

impl Llm for Playback {
    fn chat(&self, _: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let Some(answer) = self.left().0.pop_front() else {
            let error = ProviderError::new(
                Part::Llm,
                "no recorded answer is left; record again with --record",
            );
            return stream::iter([Err(error)]).boxed();
        };
        let text = (!answer.text.is_empty()).then_some(Piece::Text(answer.text));
        let calls = answer.calls.into_iter().enumerate().map(|(number, call)| {
            Piece::Call(ToolCall {
                id: format!("call_{number}"),
                name: call.name,
                arguments: call.arguments.to_string(),
                ..ToolCall::default()
            })
        });
        let pieces: Vec<_> = text.into_iter().chain(calls).map(Ok).collect();
        stream::iter(pieces).boxed()
    }
}

impl Tools for Playback {
    fn call_tool(
        &self,
        _: HttpRequest,
        _: Value,
        _: Value,
    ) -> BoxFuture<'static, Result<String, String>> {
        self.next_result()
    }

    fn served(&self) -> BoxFuture<'static, Served> {
        // No server is asked: the names suffice to call the tools.
        let tool = |name: &String| Tool {
            name: name.clone(),
            description: String::new(),
            parameters: Value::Null,
            action: Action::Mcp(McpTool {
                server: String::new(),
                name: name.clone(),
                timeout: Duration::from_secs(1),
            }),
        };
        let tools = self.served.iter().map(tool).collect();
        let missing = Vec::new();
        async move { Served { tools, missing } }.boxed()
    }

    fn call_served(&self, _: McpTool, _: Value) -> BoxFuture<'static, Result<String, String>> {
        self.next_result()
    }
}

/// Passes everything on to other providers, and records their answers.
pub struct Recorder {
    llm: Arc<dyn Llm>,
    tools: Arc<dyn Tools>,
    kept: Arc<Mutex<Recording>>,
}

impl Recorder {
    /// Records `of`; all agents of a call share `kept`.
    pub fn new(of: Providers, kept: Arc<Mutex<Recording>>) -> Self {
        let Providers { llm, tools, .. } = of;
        Self { llm, tools, kept }
    }
}

fn kept(recording: &Mutex<Recording>) -> MutexGuard<'_, Recording> {
    recording.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Llm for Recorder {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let recording = Arc::clone(&self.kept);
        let index = {
            let mut kept = kept(&recording);
            kept.answers.push(RecordedAnswer::default());
            kept.answers.len() - 1
        };
        let pieces = self.llm.chat(question);
        pieces
            .inspect(move |piece| {
                let mut kept = kept(&recording);
                let answer = &mut kept.answers[index];
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
        let recording = Arc::clone(&self.kept);
        let answer = self.tools.call_tool(request, values, arguments);
        async move {
            let result = answer.await;
            kept(&recording).tools.push(result.clone());
            result
        }
        .boxed()
    }

    fn served(&self) -> BoxFuture<'static, Served> {
        let recording = Arc::clone(&self.kept);
        let served = self.tools.served();
        async move {
            let served = served.await;
            let mut kept = kept(&recording);
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
        let recording = Arc::clone(&self.kept);
        let answer = self.tools.call_served(tool, arguments);
        async move {
            let result = answer.await;
            kept(&recording).tools.push(result.clone());
            result
        }
        .boxed()
    }
}
