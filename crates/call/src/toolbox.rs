//! The tools of one answer: waited for until the caller's turn is over, run side by side, and
//! reported to the call's loop, which keeps what came of them whatever becomes of the answer.

mod run;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::context;
use super::event::Receipt;
use super::providers::{Message, Opaque, Providers, Question, Role, Served, ToolCall, Usage};
use sidetone_config::agent::AgentConfig;
use sidetone_config::tools::{Action, Tool};
use sidetone_config::transfer::{Target, To, Transfer};
use sidetone_turn::ReplyId;

/// Times that the model may call tools in one answer; then it must speak.
pub const MAX_ROUNDS: usize = 3;
/// Tools that run at a time; more is a model gone wild.
const MAX_CALLS: usize = 8;
/// What the model is told when an MCP server's tools are not there.
const MISSING: &str = "\n\nNot available in this call: the tools of";
/// Told to a model that has written nothing for a caller who waits.
const URGED: &str =
    "You have written nothing that can be said. Say now what the caller should hear.";
/// Longest wait of a tool's request for its start to be on disk.
pub const WRITTEN_DEADLINE: Duration = Duration::from_millis(500);
/// Times that a question which is too long for the model is made shorter.
const MAX_CUTS: usize = 4;

/// Who speaks: an agent, and the providers that give it its voice and mind.
#[derive(Clone)]
pub struct Persona {
    /// Its configuration, filled in for this call.
    pub agent: Arc<AgentConfig>,
    /// Its providers.
    pub providers: Providers,
}

impl Persona {
    /// The team with this agent in it: the caller can be handed back.
    pub fn joining(self, team: &[Self]) -> Arc<[Self]> {
        let is_other = |known: &&Self| known.agent.name != self.agent.name;
        let others: Vec<_> = team.iter().filter(is_other).cloned().collect();
        others.into_iter().chain([self]).collect()
    }
}

impl std::fmt::Debug for Persona {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Persona({})", self.agent.name)
    }
}

/// What the loop is told, past the reply's items, which wait for their turn to be played. What tools
/// did counts also when the reply is cancelled.
pub enum ToolNews {
    /// The model is asked for this reply: until it has written a sentence no sound is owed.
    Asked(ReplyId),
    /// A sentence of this reply is written: its sound is on its way.
    Written(ReplyId),
    /// The model said this, and its tools run now.
    Started(ReplyId, Round),
    /// A tool's request leaves when the receipt is dropped.
    Starting(ReplyId, ToolStart, Receipt),
    /// All of the round have ended.
    Finished(ReplyId, Vec<ToolRun>),
    /// A fact to keep.
    Remembered(String, String),
    /// Keys to press.
    Dtmf(String),
    /// Another agent goes on.
    HandedTo(Persona),
    /// The caller waits for somebody who is called.
    StillCalling,
    /// A person has taken the call, or has not.
    Transferred(Result<String, String>),
    /// A question of this size was so many tokens.
    Measured(usize, Usage),
    /// A question of this size was too long for the model.
    TooLong(usize),
    /// The older part of the conversation in short; nothing where that could not be had.
    Summarised(Option<String>),
}

/// What the model wrote before it waits for tools: one message in the history.
#[derive(Clone, Default)]
pub struct Round {
    /// Its words.
    pub text: String,
    /// See [`Message::opaque`].
    pub opaque: Opaque,
    /// The tools that it called.
    pub calls: Vec<ToolCall>,
}

impl From<Round> for Message {
    fn from(round: Round) -> Self {
        Self {
            opaque: round.opaque,
            ..Self::calls(round.text, round.calls)
        }
    }
}

/// Tells the loop of each tool before its request leaves.
pub(crate) struct Starts<'a> {
    reply: ReplyId,
    news: &'a mpsc::Sender<ToolNews>,
}

impl Starts<'_> {
    /// Waits until the start is written down, so that a process that is killed leaves no request that
    /// nobody knows of. A record that cannot be kept is not waited for.
    async fn of(&self, start: ToolStart) {
        let (receipt, written) = Receipt::new();
        let starting = ToolNews::Starting(self.reply, start, receipt);
        // Fails only when the call is over.
        self.news.send(starting).await.ok();
        if timeout(WRITTEN_DEADLINE, written.cancelled())
            .await
            .is_err()
        {
            tracing::error!("a tool runs although its start could not be stored");
        }
    }
}

/// A tool that is about to run.
pub struct ToolStart {
    /// What the model asked for, as it stands in the history.
    pub call: ToolCall,
    /// Its arguments as the model wrote them.
    pub written: String,
    /// The agent whose tool it is.
    pub agent: String,
    /// When it was called.
    pub started_at: Instant,
}

/// A tool that ran.
#[derive(Clone)]
pub struct ToolRun {
    /// What the model asked for, as it stands in the history.
    pub call: ToolCall,
    /// Its arguments as the model wrote them: they may be no JSON.
    pub written: String,
    /// Its arguments as they were taken.
    pub arguments: Value,
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
pub enum AfterRound {
    /// The model sees the results.
    GoOn,
    /// The call ends when this was heard.
    HangUp(String),
    /// Another agent answers.
    HandOver,
    /// A person is called when this was heard.
    Transfer(String, TransferOrder),
}

/// A person is to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferOrder {
    /// Who.
    pub target: Target,
    /// How long that may take.
    pub ring: Duration,
    /// Said when nobody has come.
    pub failed: String,
    /// Said again and again while a person is called and briefed; may be empty.
    pub hold: String,
    /// Asked of a person who is briefed.
    pub question: String,
}

impl TransferOrder {
    /// To this person, as the file has it.
    pub fn of(transfer: &Transfer, target: &Target) -> Self {
        Self {
            target: target.clone(),
            ring: transfer.ring,
            failed: transfer.failed.clone(),
            hold: transfer.hold.clone(),
            question: transfer.question.clone(),
        }
    }

    /// Whether the person is briefed.
    pub fn is_warm(&self) -> bool {
        matches!(self.target.to, To::Warm { .. })
    }
}

/// All that an answer is made from.
pub struct Answering {
    /// The reply that it becomes.
    pub reply: ReplyId,
    /// The model's context; the first message is the prompt.
    pub messages: Vec<Message>,
    /// What was remembered and summarised, as it stands at the end of the prompt.
    pub notes: String,
    /// How large a question may be, by [`context::size`].
    pub room: usize,
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
    /// Times that the question was too long.
    pub cuts: usize,
    /// The caller has not been told what came of tools.
    pub owes_words: bool,
    /// The model has left the caller without words, and is told so.
    pub is_urged: bool,
}

impl Answering {
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
        context::fit(&mut messages, self.room);
        if self.is_urged {
            messages.push(Message::new(Role::System, URGED));
        }
        let tools = self.tools().cloned().collect();
        Question {
            messages,
            tools,
            may_call: self.may_call(),
            schema: None,
        }
    }

    /// Whether the model may call tools now; else it must speak.
    pub fn may_call(&self) -> bool {
        self.rounds < MAX_ROUNDS
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

    /// The question was too long for the model: makes it shorter, so that it can be asked again.
    /// False when that is no use.
    pub async fn shorten(&mut self) -> bool {
        let asked = context::size(&self.question().messages);
        self.tell(ToolNews::TooLong(asked)).await;
        self.cuts += 1;
        context::fit(&mut self.messages, self.room);
        self.cuts <= MAX_CUTS && context::cut(&mut self.messages)
    }

    /// Starts a round of tools once the caller's turn is over. The round goes on when the answer
    /// is cancelled: what a server was asked to do cannot be taken back. Answers the round as it
    /// stands in the history.
    pub async fn start(&mut self, mut round: Round) -> (Round, JoinHandle<Vec<ToolRun>>) {
        // Fails only when the reply is gone, and this task with it.
        self.committed.wait_for(|committed| *committed).await.ok();
        round.calls.truncate(MAX_CALLS);
        let name = format!("call_{}_{}", self.reply.0, self.rounds);
        let given = run::settle(&mut round, &self.messages, &name);
        self.rounds += 1;
        self.tell(ToolNews::Started(self.reply, round.clone()))
            .await;
        let (persona, team, news, reply) = (
            self.persona.clone(),
            Arc::clone(&self.team),
            self.news.clone(),
            self.reply,
        );
        let calls = round.calls.iter().cloned().zip(given);
        let calls: Vec<_> = calls
            .map(|(call, given)| {
                let tool = self.find(&call.name).cloned();
                (call, given, tool)
            })
            .collect();
        let running = tokio::spawn(
            async move {
                let runs = run::run(calls, &persona, &team, &Starts { reply, news: &news }).await;
                // Fails only when the call is over.
                news.send(ToolNews::Finished(reply, runs.clone()))
                    .await
                    .ok();
                runs
            }
            .in_current_span(),
        );
        (round, running)
    }

    /// Tells the loop.
    pub async fn tell(&self, news: ToolNews) {
        self.news.send(news).await.ok();
    }

    /// Puts what came of a round into the context, and carries out what the built-in ones want.
    pub async fn take(&mut self, round: Round, runs: Vec<ToolRun>) -> AfterRound {
        self.messages.push(round.into());
        let mut then = AfterRound::GoOn;
        for run in runs {
            let asks = self.find(&run.call.name).is_some_and(run::asks_a_server);
            self.owes_words |= asks || run.result.is_err();
            self.messages
                .push(Message::result(&run.call.id, shown(&run.result)));
            if run.result.is_err() {
                continue;
            }
            let Some(tool) = self.find(&run.call.name) else {
                continue;
            };
            let text = |key: &str| run.arguments[key].as_str().unwrap_or_default().to_owned();
            match &tool.action {
                Action::Http(_) | Action::Mcp(_) => {}
                Action::EndCall => then = AfterRound::HangUp(text("goodbye")),
                Action::Transfer(transfer) => {
                    if let Some(target) = transfer.find(&text("to")) {
                        let order = TransferOrder::of(transfer, target);
                        then = AfterRound::Transfer(text("say"), order);
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
                    let next = self.team.iter().find(|p| p.agent.name == name);
                    if let Some(next) = next {
                        if next.agent.stages.llm != self.persona.agent.stages.llm {
                            // Another provider does not understand them.
                            self.messages.iter_mut().for_each(Message::forget_opaque);
                        }
                        let next = next.clone();
                        let before = std::mem::replace(&mut self.persona, next);
                        self.team = before.joining(&self.team);
                        then = AfterRound::HandOver;
                    }
                }
            }
        }
        if let AfterRound::HandOver = then {
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
        Ok(text) if text.trim().is_empty() => "done, without an answer".into(),
        Ok(text) => text.clone(),
        Err(message) => format!("error: {message}"),
    }
}

#[cfg(test)]
mod tests;
