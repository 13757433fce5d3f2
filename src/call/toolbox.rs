//! The tools of one answer: waited for until the caller's turn is over, run side by side, and
//! told of to the call's loop, which keeps what came of them whatever becomes of the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::providers::{Message, Providers, Question, Role, Served, ToolCall};
use crate::clock;
use crate::config::agent::AgentConfig;
use crate::config::json_schema;
use crate::config::tools::{Action, Tool};
use crate::config::transfer::Target;
use crate::turn::ReplyId;

/// Times that the model may call tools in one answer; then it must speak.
pub const MAX_ROUNDS: usize = 3;
/// Tools that run at a time; more is a model gone wild.
const MAX_CALLS: usize = 8;
/// What the model is told when an MCP server's tools are not there.
const MISSING: &str = "\n\nNot available in this call: the tools of";
/// A request keeps its own time; this is for one that does not.
const GRACE: Duration = Duration::from_secs(1);

/// Who speaks: an agent, and the providers that give it its voice and mind.
#[derive(Clone)]
pub struct Persona {
    /// Its configuration, filled in for this call.
    pub agent: Arc<AgentConfig>,
    /// Its providers.
    pub providers: Providers,
}

impl std::fmt::Debug for Persona {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Persona({})", self.agent.name)
    }
}

/// What the loop is told; unlike a reply's items it counts also when the reply is put down.
pub enum ToolNews {
    /// These run now.
    Started(ReplyId, Vec<ToolCall>),
    /// All of the round have ended.
    Finished(ReplyId, Vec<ToolRun>),
    /// A fact to keep.
    Remembered(String, String),
    /// Keys to press.
    Dtmf(String),
    /// Another agent goes on.
    HandedTo(Persona),
    /// A person has taken the call, or has not.
    Transferred(Result<String, String>),
}

/// A tool that ran.
#[derive(Clone)]
pub struct ToolRun {
    /// What the model asked for.
    pub call: ToolCall,
    /// The agent whose tool it was.
    pub agent: String,
    /// What the model is told.
    pub result: Result<String, String>,
    /// When it was called.
    pub started_at: Instant,
    /// How long it took.
    pub took: Duration,
}

/// What is to happen after a round.
pub enum Then {
    /// The model sees the results.
    GoOn,
    /// The call ends when this was heard.
    HangUp(String),
    /// Another agent answers.
    HandOver,
    /// A person is called when this was heard.
    Transfer(String, Transfer),
}

/// A person is to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Who.
    pub target: Target,
    /// How long that may take.
    pub ring: Duration,
    /// Said when nobody has come.
    pub failed: String,
}

/// All that an answer is made from.
pub struct Answer {
    /// The reply that it becomes.
    pub reply: ReplyId,
    /// The model's context; the first message is the prompt.
    pub messages: Vec<Message>,
    /// What was remembered, as it stands at the end of the prompt.
    pub notes: String,
    /// Who answers.
    pub persona: Persona,
    /// What its MCP servers have.
    pub served: Served,
    /// Who may take over.
    pub team: Arc<[Persona]>,
    /// Whether the caller's turn is over: nothing is done before.
    pub committed: watch::Receiver<bool>,
    /// To the loop.
    pub news: mpsc::Sender<ToolNews>,
    /// Rounds of tools so far.
    pub rounds: usize,
    /// The model has begun to write.
    pub begun: bool,
    /// The call ends with this answer.
    pub hangs_up: bool,
}

impl Answer {
    /// Sees what the MCP servers of whoever answers have. They are connected when a call begins,
    /// so there is rarely something to wait for.
    pub async fn look_around(&mut self) {
        self.served = self.persona.providers.tools.served().await;
    }

    /// What the model is asked now.
    pub fn question(&self) -> Question {
        let mut messages = self.messages.clone();
        if let (Some(prompt), false) = (messages.first_mut(), self.served.missing.is_empty()) {
            prompt.text += &format!("{MISSING} {}.", self.served.missing.join(", "));
        }
        let tools = self.tools().cloned().collect();
        let may_call = self.rounds < MAX_ROUNDS;
        Question {
            messages,
            tools,
            may_call,
        }
    }

    /// What the model may call: the file's own, and of the servers' what is not named the same.
    fn tools(&self) -> impl Iterator<Item = &Tool> {
        let own = &self.persona.agent.tools;
        let is_new = |tool: &&Tool| !own.iter().any(|known| known.name == tool.name);
        own.iter().chain(self.served.tools.iter().filter(is_new))
    }

    fn find(&self, name: &str) -> Option<&Tool> {
        self.tools().find(|tool| tool.name == name)
    }

    /// Starts a round of tools once the caller's turn is over. The round goes on when the answer
    /// is put down: what a server was asked to do cannot be taken back.
    pub async fn start(&mut self, mut calls: Vec<ToolCall>) -> JoinHandle<Vec<ToolRun>> {
        // Fails only when the reply is gone, and this task with it.
        self.committed.wait_for(|committed| *committed).await.ok();
        calls.truncate(MAX_CALLS);
        for (number, call) in calls.iter_mut().enumerate() {
            // Some servers give no ids; results need them.
            if call.id.is_empty() {
                call.id = format!("call_{}_{}_{number}", self.reply.0, self.rounds);
            }
        }
        self.rounds += 1;
        self.tell(ToolNews::Started(self.reply, calls.clone()))
            .await;
        let (persona, team, news, reply) = (
            self.persona.clone(),
            Arc::clone(&self.team),
            self.news.clone(),
            self.reply,
        );
        let tools: Vec<_> = calls.iter().map(|c| self.find(&c.name).cloned()).collect();
        tokio::spawn(async move {
            let runs = calls.into_iter().zip(tools);
            let runs = runs.map(|(call, tool)| run(call, tool, &persona, &team));
            let runs = join_all(runs).await;
            // Fails only when the call is over.
            news.send(ToolNews::Finished(reply, runs.clone()))
                .await
                .ok();
            runs
        })
    }

    async fn tell(&self, news: ToolNews) {
        self.news.send(news).await.ok();
    }

    /// Puts what came of a round into the context, and carries out what the built-in ones want.
    pub async fn take(&mut self, runs: Vec<ToolRun>) -> Then {
        let calls = runs.iter().map(|run| run.call.clone()).collect();
        self.messages.push(Message::calls("", calls));
        let mut then = Then::GoOn;
        for run in runs {
            self.messages
                .push(Message::result(&run.call.id, shown(&run.result)));
            if run.result.is_err() {
                continue;
            }
            let Some(tool) = self.find(&run.call.name) else {
                continue;
            };
            let arguments: Value = serde_json::from_str(&run.call.arguments).unwrap_or_default();
            let text = |key: &str| arguments[key].as_str().unwrap_or_default().to_owned();
            match &tool.action {
                Action::Http(_) | Action::Mcp(_) => {}
                Action::EndCall => then = Then::HangUp(text("goodbye")),
                Action::Transfer(transfer) => {
                    if let Some(target) = transfer.find(&text("to")) {
                        let transfer = Transfer {
                            target: target.clone(),
                            ring: transfer.ring,
                            failed: transfer.failed.clone(),
                        };
                        then = Then::Transfer(text("say"), transfer);
                    }
                }
                Action::Remember => {
                    let (key, value) = (text("key"), text("value"));
                    self.notes += &note(&key, &value);
                    self.tell(ToolNews::Remembered(key, value)).await;
                }
                Action::SendDtmf => self.tell(ToolNews::Dtmf(text("digits"))).await,
                Action::Handoff(_) => {
                    let name = text("agent");
                    if let Some(next) = self.team.iter().find(|p| p.agent.name == name) {
                        self.persona = next.clone();
                        then = Then::HandOver;
                    }
                }
            }
        }
        if let Then::HandOver = then {
            let prompt = format!("{}{}", self.persona.agent.system_prompt, self.notes);
            self.messages[0] = Message::new(Role::System, prompt);
            self.tell(ToolNews::HandedTo(self.persona.clone())).await;
        }
        then
    }
}

/// A remembered fact, as it stands in the prompt.
pub fn note(key: &str, value: &str) -> String {
    format!("\n- {key}: {value}")
}

/// What the model is told of a result.
pub fn shown(result: &Result<String, String>) -> String {
    match result {
        Ok(text) => text.clone(),
        Err(message) => format!("error: {message}"),
    }
}

async fn run(call: ToolCall, tool: Option<Tool>, persona: &Persona, team: &[Persona]) -> ToolRun {
    let started_at = clock::now();
    let result = match tool {
        Some(tool) => result_of(&call, &tool, persona, team).await,
        None => Err(format!("there is no tool {}", call.name)),
    };
    ToolRun {
        call,
        agent: persona.agent.name.clone(),
        result,
        started_at,
        took: clock::now().saturating_duration_since(started_at),
    }
}

async fn result_of(
    call: &ToolCall,
    tool: &Tool,
    persona: &Persona,
    team: &[Persona],
) -> Result<String, String> {
    let agent = &persona.agent;
    let text = match call.arguments.trim() {
        "" => "{}",
        text => text,
    };
    let arguments: Value = serde_json::from_str(text)
        .map_err(|error| format!("the arguments are no JSON: {error}"))?;
    let tools = &persona.providers.tools;
    let in_time = async |answer: BoxFuture<'static, Result<String, String>>| {
        let limit = tool.timeout() + GRACE;
        timeout(limit, answer)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {limit:?}")))
    };
    // An MCP server has a schema of its own making, and checks it.
    if let Action::Mcp(served) = &tool.action {
        return in_time(tools.call_served(served.clone(), arguments)).await;
    }
    json_schema::check(&tool.parameters, &arguments)?;
    match &tool.action {
        Action::Mcp(_) => Err("it was called already".into()),
        Action::Http(request) => {
            in_time(tools.call_tool(request.clone(), agent.values.clone(), arguments)).await
        }
        Action::Transfer(_) => {
            Ok("the person is called as soon as your sentence was heard to its end".into())
        }
        Action::EndCall => Ok("the call ends when the goodbye was heard".into()),
        Action::Remember => Ok("noted".into()),
        Action::SendDtmf => {
            let digits = arguments["digits"].as_str().unwrap_or_default();
            let good = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | 'w' | 'A'..='D');
            if digits.is_empty() || !digits.chars().all(good) {
                return Err("digits are 0 to 9, *, #, A to D, and w to wait".into());
            }
            Ok("sent".into())
        }
        Action::Handoff(_) => {
            let name = arguments["agent"].as_str().unwrap_or_default();
            let known = team.iter().any(|persona| persona.agent.name == name);
            known
                .then(|| format!("{name} goes on with the caller"))
                .ok_or_else(|| format!("{name} cannot take over now"))
        }
    }
}
