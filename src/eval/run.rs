//! Runs a scenario: the whole of a call, in writing, and what came of it against what was expected.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::recorded::{Judgement, Playback, Recorder, Recording};
use super::scenario::{Expect, Scenario, pattern_of};
use super::text::{Seen, Silent, drive};
use crate::call::vad::Vad;
use crate::call::{
    self, CallEvent, CallSpec, EndReason, Message, Persona, Piece, Providers, Question, Role,
    ToolCalled,
};
use crate::clock;
use crate::config::agent::{AgentConfig, Overrides};
use crate::config::folder::AgentFolder;
use crate::transport::{self, AgentState, DisconnectReason, RoomEvent};

/// An answer that takes longer counts as none.
const TURN_DEADLINE: Duration = Duration::from_secs(60);

/// How long the caller waits for the agent to hang up.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Gives the model of an agent.
pub type Minds = dyn Fn(&AgentConfig) -> Arc<dyn Providers> + Send + Sync;

/// Where answers come from.
#[derive(Clone)]
pub enum Mind {
    /// The recording beside the scenario.
    Recorded,
    /// Models and tools' servers as they are now.
    Live(Arc<Minds>),
    /// The same; the recording is written anew, with this as its source.
    Record(Arc<Minds>, String),
}

/// What came of a turn.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The agent's words, as far as they were heard.
    pub said: String,
    /// Tools that ran.
    pub tools: Vec<ToolCalled>,
    /// From the caller's words to the agent's first.
    pub first_words: Option<Duration>,
    /// Failures of stages.
    pub errors: Vec<String>,
}

/// What came of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Each turn; the first is the greeting.
    pub turns: Vec<Told>,
    /// What does not hold: the turn (from 1), and why.
    pub failures: Vec<(usize, String)>,
    /// How long it took.
    pub took: Duration,
    /// The recording was made with other files of the agent than there are now.
    pub is_old: bool,
}

/// Runs one scenario.
///
/// # Errors
/// Its agent or its recording cannot be used.
pub async fn run(
    scenario: &Scenario,
    agents: &AgentFolder,
    mind: &Mind,
) -> anyhow::Result<Outcome> {
    let overrides = Overrides {
        variables: scenario.variables.clone(),
        call_id: Some("eval".into()),
        ..Overrides::default()
    };
    let team = agents.team(&scenario.agent)?;
    let team: Vec<_> = team
        .iter()
        .map(|a| a.for_call(&overrides))
        .collect::<Result<_, _>>()?;
    let version = team[0].version.clone();
    let recording = Arc::new(Mutex::new(match mind {
        Mind::Recorded => Recording::load(&scenario.recording())?,
        Mind::Live(_) => Recording::default(),
        Mind::Record(_, source) => Recording {
            source: source.clone(),
            agent_version: version.clone(),
            ..Recording::default()
        },
    }));
    let lock = || recording.lock().unwrap_or_else(PoisonError::into_inner);
    // Answers written by hand are to no version.
    let recorded_with = lock().agent_version.clone();
    let is_old = !recorded_with.is_empty() && recorded_with != version;
    let playback: Arc<dyn Providers> = Arc::new(Playback::new(&lock()));
    let persona = |agent: AgentConfig| {
        let mind: Arc<dyn Providers> = match mind {
            Mind::Recorded => Arc::clone(&playback),
            Mind::Live(minds) => minds(&agent),
            Mind::Record(minds, _) => {
                Arc::new(Recorder::new(minds(&agent), Arc::clone(&recording)))
            }
        };
        Persona {
            agent: Arc::new(agent),
            providers: Arc::new(Silent::new(mind)),
        }
    };
    let mut team: Vec<Persona> = team.into_iter().map(persona).collect();
    let first = team.remove(0);
    let begun = clock::now();
    let (mut turns, ended) = hold(scenario, first.clone(), team).await;
    let mut failures = Vec::new();
    let mut recorded = lock().judgements.clone().into_iter();
    turns.resize(scenario.turns.len() + 1, Told::default());
    for (number, (turn, told)) in scenario.turns.iter().zip(&turns[1..]).enumerate() {
        for error in &told.errors {
            failures.push((number + 1, error.clone()));
        }
        for expect in &turn.expect {
            let failure = match expect {
                Expect::Judge(rubric) => {
                    let judgement = match mind {
                        Mind::Recorded => recorded.next(),
                        Mind::Live(minds) | Mind::Record(minds, _) => {
                            let minds = minds(&first.agent);
                            judge(&*minds, rubric, &turn.caller, &told.said).await
                        }
                    };
                    if let (Mind::Record(..), Some(judgement)) = (mind, &judgement) {
                        lock().judgements.push(judgement.clone());
                    }
                    match judgement {
                        Some(judgement) if judgement.holds => None,
                        Some(judgement) => Some(format!("judge {rubric:?}: {}", judgement.why)),
                        None => Some(format!("judge {rubric:?}: no judgement")),
                    }
                }
                Expect::WithinMs(_) if matches!(mind, Mind::Recorded) => None,
                expect => failure(expect, told, ended),
            };
            failures.extend(failure.map(|failure| (number + 1, failure)));
        }
    }
    if let Mind::Record(..) = mind {
        lock().save(&scenario.recording())?;
    }
    Ok(Outcome {
        name: scenario.name.clone(),
        turns,
        failures,
        took: clock::now().saturating_duration_since(begun),
        is_old,
    })
}

/// Holds the conversation; answers what came of each turn (the greeting first), and why it ended.
async fn hold(scenario: &Scenario, first: Persona, team: Vec<Persona>) -> (Vec<Told>, EndReason) {
    let (link, driver) = transport::link();
    let (write, written) = mpsc::channel(4);
    let (seen, mut see) = mpsc::channel(64);
    let (record, mut events) = mpsc::channel(64);
    let Persona { agent, providers } = first;
    let spec = CallSpec {
        id: Uuid::nil(),
        vad: Vad::new(&agent.vad),
        end_of_turn: None,
        agent,
        team,
    };
    let call = call::run(spec, link, providers, record, CancellationToken::new());
    let room = drive(driver, &scenario.caller, written, seen);
    let caller = async {
        let mut waits = vec![listened(&mut see, clock::now()).await.1];
        for turn in &scenario.turns {
            let text = turn.caller.clone();
            let asked = clock::now();
            if write.send(RoomEvent::Chat { text }).await.is_err() {
                break;
            }
            let (is_there, first_words) = listened(&mut see, asked).await;
            waits.push(first_words);
            if !is_there {
                return waits;
            }
        }
        // An agent that has said goodbye hangs up a moment later: it may be first.
        let left = async { while !matches!(see.recv().await, Some(Seen::Left) | None) {} };
        if tokio::time::timeout(LAST_WORD, left).await.is_ok() {
            return waits;
        }
        let reason = DisconnectReason::ClientInitiated;
        write.send(RoomEvent::CallerLeft { reason }).await.ok();
        while !matches!(see.recv().await, Some(Seen::Left) | None) {}
        waits
    };
    let listen = async {
        let mut all = Vec::new();
        while let Some(event) = events.recv().await {
            all.push(event);
        }
        all
    };
    let (outcome, (), waits, events) = tokio::join!(call, room, caller, listen);
    let mut turns = by_turn(events);
    for (turn, wait) in turns.iter_mut().zip(waits) {
        turn.first_words = wait;
    }
    (turns, outcome.reason)
}

/// Waits until the agent has answered and listens again; whether it is still there, and how long
/// its first words took.
async fn listened(see: &mut mpsc::Receiver<Seen>, since: Instant) -> (bool, Option<Duration>) {
    let mut first_words = None;
    let until = since + TURN_DEADLINE;
    loop {
        match tokio::time::timeout_at(until.into(), see.recv()).await {
            Ok(Some(Seen::State(AgentState::Listening))) | Err(_) => return (true, first_words),
            Ok(Some(Seen::Words(words))) if !words.is_empty() => {
                let took = clock::now().saturating_duration_since(since);
                first_words.get_or_insert(took);
            }
            Ok(Some(Seen::Left) | None) => return (false, first_words),
            Ok(Some(_)) => {}
        }
    }
}

/// The call's events, cut where the caller's turns begin.
fn by_turn(events: Vec<CallEvent>) -> Vec<Told> {
    let mut turns = vec![Told::default()];
    let mut last_turn = None;
    for event in events {
        let now = turns.len() - 1;
        match event {
            CallEvent::CallerTurn { turn_id, .. } if last_turn != Some(turn_id) => {
                last_turn = Some(turn_id);
                turns.push(Told::default());
            }
            CallEvent::AgentTurn(turn) if turn.is_final => {
                let said = &mut turns[now].said;
                if !said.is_empty() {
                    said.push(' ');
                }
                said.push_str(&turn.text_heard);
            }
            CallEvent::ToolCall(called) => turns[now].tools.push(called),
            CallEvent::Error { stage, message, .. } => {
                turns[now]
                    .errors
                    .push(format!("{}: {message}", stage.as_str()));
            }
            _ => {}
        }
    }
    turns
}

fn called<'t>(told: &'t Told, name: &'t str) -> impl Iterator<Item = &'t ToolCalled> {
    told.tools.iter().filter(move |tool| tool.name == name)
}

/// Why an expectation does not hold.
fn failure(expect: &Expect, told: &Told, ended: EndReason) -> Option<String> {
    let said = &told.said;
    let is_match = |pattern: &str| pattern_of(pattern).is_ok_and(|p| p.is_match(said));
    let (holds, what) = match expect {
        Expect::Contains(words) => (
            said.to_lowercase().contains(&words.to_lowercase()),
            format!("does not contain {words:?}"),
        ),
        Expect::Matches(pattern) => (is_match(pattern), format!("does not match {pattern:?}")),
        Expect::Never(pattern) => (!is_match(pattern), format!("matches {pattern:?}")),
        Expect::Tool { name, with, ok } => {
            let fits = |tool: &ToolCalled| {
                let given: Value = serde_json::from_str(&tool.arguments).unwrap_or_default();
                with.iter()
                    .all(|(key, value)| given.get(key) == Some(value))
                    && ok.is_none_or(|ok| ok == tool.result.is_ok())
            };
            let did: Vec<String> = told
                .tools
                .iter()
                .map(|tool| format!("{}{} -> {:?}", tool.name, tool.arguments, tool.result))
                .collect();
            let what = format!(
                "did not call {name} with {with:?}, but [{}]",
                did.join(", ")
            );
            (called(told, name).any(fits), what)
        }
        Expect::NoTool(name) => (
            called(told, name).next().is_none(),
            format!("called {name}"),
        ),
        Expect::Handoff(agent) => {
            let is_to = |tool: &ToolCalled| {
                let given: Value = serde_json::from_str(&tool.arguments).unwrap_or_default();
                tool.result.is_ok() && given["agent"] == agent.as_str()
            };
            (
                called(told, "handoff").any(is_to),
                format!("did not hand over to {agent}"),
            )
        }
        Expect::Ended(wanted) => {
            let has = told
                .tools
                .iter()
                .any(|t| t.name == "end_call" && t.result.is_ok())
                && ended == EndReason::AgentHungUp;
            (has == *wanted, format!("hung up: {has}, expected {wanted}"))
        }
        Expect::WithinMs(limit) => {
            let took = told.first_words.map(|took| took.as_millis());
            let holds = took.is_some_and(|took| took <= u128::from(*limit));
            (
                holds,
                format!("first words after {took:?} ms, expected {limit}"),
            )
        }
        Expect::Judge(_) => return None,
    };
    (!holds).then(|| format!("{what}; said: {said:?}"))
}

/// Asks a model whether `rubric` is true of an answer.
async fn judge(mind: &dyn Providers, rubric: &str, asked: &str, said: &str) -> Option<Judgement> {
    const PROMPT: &str = "You judge answers of a voice agent. Say YES or NO on the first line: \
                          whether the statement is true of the answer. Then say why, in one \
                          sentence.";
    let question = Question {
        messages: vec![
            Message::new(Role::System, PROMPT),
            Message::new(
                Role::User,
                format!("Caller: {asked}\nAnswer: {said}\nStatement: {rubric}"),
            ),
        ],
        ..Question::default()
    };
    let pieces = tokio::time::timeout(TURN_DEADLINE, mind.chat(question).collect::<Vec<_>>());
    let text: String = pieces
        .await
        .ok()?
        .into_iter()
        .filter_map(|piece| match piece {
            Ok(Piece::Text(text)) => Some(text),
            _ => None,
        })
        .collect();
    let (verdict, why) = text.split_once('\n').unwrap_or((&text, ""));
    Some(Judgement {
        holds: verdict.trim().to_uppercase().starts_with("YES"),
        why: why.trim().to_owned(),
    })
}
