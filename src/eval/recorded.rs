//! Recorded answers of models and tool servers, on which a scenario runs offline.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::anew::Anew;
use sidetone_call::{Llm, Part, Piece, ProviderError, Question, Served, ToolCall, Tools};
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

/// What was played of a recording.
struct Played {
    answers: Vec<RecordedAnswer>,
    /// The place of the next one.
    next: usize,
    anew: Anew,
    /// What is left of the results of tools.
    tools: VecDeque<Result<String, String>>,
}

/// Plays a recording back.
pub struct Playback {
    played: Mutex<Played>,
    served: Vec<String>,
}

impl Playback {
    /// Starts at the beginning.
    pub fn new(recording: &Recording) -> Self {
        Self {
            played: Mutex::new(Played {
                answers: recording.answers.clone(),
                next: 0,
                anew: Anew::default(),
                tools: recording.tools.clone().into(),
            }),
            served: recording.served.clone(),
        }
    }

    /// The caller begins a turn by voice: until the next one, who goes on is answered with the same answers.
    pub fn turn_begins(&self) {
        self.played().anew.turn_begins();
    }

    fn played(&self) -> MutexGuard<'_, Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_answer(&self, question: &Question) -> Option<RecordedAnswer> {
        let mut played = self.played();
        let next = played.next;
        let place = played.anew.place(question, next);
        played.next = place + 1;
        played.answers.get(place).cloned()
    }

    fn next_result(&self) -> BoxFuture<'static, Result<String, String>> {
        let result = self.played().tools.pop_front();
        let result =
            result.unwrap_or_else(|| Err("no recorded result is left; record again".to_owned()));
        async move { result }.boxed()
    }
}

impl Llm for Playback {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let Some(answer) = self.next_answer(&question) else {
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
