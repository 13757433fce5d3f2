//! Runs a scenario, a whole call in writing, and compares the results with the expectations.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::answering::answering;
use super::expect::{failure, judge};
use super::recorded::{Playback, Recorder, Recording};
use super::scenario::{Expect, Scenario};
use super::script::{Played, Script, words};
use super::text::{Seen, drive, in_writing};
use super::told::Told;
use sidetone_base::clock;
use sidetone_base::leave::LeaveOrder;
use sidetone_call::transport::{self, AgentState, DisconnectReason, RoomEvent};
use sidetone_call::vad::Vad;
use sidetone_call::{CallEvent, CallSpec, EndReason, Persona, Providers};
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::folder::AgentFolder;

/// An answer that takes longer counts as missing.
const TURN_DEADLINE: Duration = Duration::from_secs(60);

/// How long the caller waits for the agent to hang up.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Gives an agent as its models are asked, and the models.
pub type Minds = dyn Fn(AgentConfig) -> (AgentConfig, Providers) + Send + Sync;

/// Where answers come from.
#[derive(Clone)]
pub enum Mind {
    /// The recording beside the scenario.
    Recorded,
    /// Models and tool servers as they are now.
    Live(Arc<Minds>),
    /// The same; the recording is replaced, with this as its source.
    Record(Arc<Minds>, String),
}

/// The outcome of a scenario.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Each turn; the first is the greeting.
    pub turns: Vec<Told>,
    /// What failed: the turn (from 1), and why.
    pub failures: Vec<(usize, String)>,
    /// How long it took.
    pub took: Duration,
    /// The recording was made with another version of the agent's files.
    pub is_old: bool,
}

/// Runs one scenario.
///
/// # Errors
/// If its agent or its recording cannot be used.
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
    // Answers written by hand have no version.
    let recorded_with = lock().agent_version.clone();
    let is_old = !recorded_with.is_empty() && recorded_with != version;
    let playback = Arc::new(Playback::new(&lock()));
    let persona = |agent: AgentConfig| {
        let (agent, providers) = match mind {
            Mind::Recorded => (agent, in_writing(playback.clone(), playback.clone())),
            Mind::Live(minds) => {
                let (agent, models) = minds(agent);
                let tools = answering(scenario, &agent, models.tools);
                (agent, in_writing(models.llm, tools))
            }
            Mind::Record(minds, _) => {
                let (agent, models) = minds(agent);
                let tools = answering(scenario, &agent, models.tools);
                let models = Providers { tools, ..models };
                let recorder = Arc::new(Recorder::new(models, Arc::clone(&recording)));
                (agent, in_writing(recorder.clone(), recorder))
            }
        };
        Persona {
            agent: Arc::new(agent),
            providers,
        }
    };
    let mut team: Vec<Persona> = team.into_iter().map(persona).collect();
    let first = team.remove(0);
    let begun = clock::now();
    let live = match mind {
        Mind::Recorded => None,
        Mind::Live(minds) | Mind::Record(minds, _) => {
            Some(minds(AgentConfig::clone(&first.agent)).1)
        }
    };
    let recorded = lock().clone();
    let judgements = recorded.judgements.clone();
    let mut script = Script {
        lines: words(scenario, live.as_ref().map(|live| &*live.stt), &recorded)
            .await?
            .into(),
        played: scenario.simulated.as_ref().map(|caller| {
            Played::new(
                caller,
                live.as_ref().map(|live| live.llm.clone()),
                recorded.caller,
            )
        }),
    };
    let heard = scenario.turns.iter().zip(script.lines.iter());
    let heard = heard.filter(|(turn, _)| turn.wav.is_some());
    let heard: Vec<String> = heard.map(|(_, words)| words.clone()).collect();
    let (mut turns, ended) = hold(scenario, &mut script, first.clone(), team).await;
    if let Mind::Record(..) = mind {
        let mut recording = lock();
        recording.heard = heard;
        recording.caller = script.played.as_ref().map_or_else(Vec::new, Played::said);
    }
    let mut failures = Vec::new();
    let mut judgements = judgements.into_iter();
    turns.resize(turns.len().max(scenario.turns.len() + 1), Told::default());
    for (number, told) in turns.iter().enumerate().skip(1) {
        for error in &told.errors {
            failures.push((number, error.clone()));
        }
    }
    let of_turns = scenario.turns.iter().zip(&turns[1..]).enumerate();
    let mut expected: Vec<_> = of_turns
        .map(|(number, (turn, told))| (number + 1, &turn.expect, turn.caller.clone(), told.clone()))
        .collect();
    if let Some(caller) = &scenario.simulated {
        let about = format!("(a conversation; the caller wants: {})", caller.goal);
        expected.push((turns.len() - 1, &caller.expect, about, whole(&turns)));
    }
    for (number, expect, asked, told) in expected {
        for expect in expect {
            let failure = match expect {
                Expect::Judge(rubric) => {
                    let judgement = match &live {
                        None => judgements.next(),
                        Some(mind) => judge(&*mind.llm, rubric, &asked, &told.said).await,
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
                expect => failure(expect, &told, ended),
            };
            failures.extend(failure.map(|failure| (number, failure)));
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

/// The whole conversation as one answer.
fn whole(turns: &[Told]) -> Told {
    let said: Vec<&str> = turns.iter().map(|turn| turn.said.as_str()).collect();
    Told {
        said: said.join("\n"),
        tools: turns.iter().flat_map(|turn| turn.tools.clone()).collect(),
        first_words: turns.iter().filter_map(|turn| turn.first_words).max(),
        errors: Vec::new(),
    }
}

/// Holds the conversation. Returns the results of each turn (the greeting first), and why it ended.
async fn hold(
    scenario: &Scenario,
    script: &mut Script<'_>,
    first: Persona,
    team: Vec<Persona>,
) -> (Vec<Told>, EndReason) {
    let (link, driver) = transport::link();
    let (write, written) = mpsc::channel(4);
    let (seen, mut see) = mpsc::channel(64);
    let (record, mut events) = mpsc::channel(64);
    let spec = CallSpec {
        id: Uuid::nil(),
        vad: Vad::new(&first.agent.vad),
        end_of_turn: None,
        persona: first,
        team,
        meter: sidetone_call::Meter::default(),
        earlier: None,
    };
    let call = sidetone_call::run(spec, link, record, LeaveOrder::default());
    let room = drive(driver, &scenario.caller, written, seen);
    let caller = async {
        let (_, mut heard, first_words) = listened(&mut see, clock::now()).await;
        let mut waits = vec![first_words];
        while let Some(text) = script.next(heard).await {
            let asked = clock::now();
            if write.send(RoomEvent::Chat { text }).await.is_err() {
                break;
            }
            let (is_there, words, first_words) = listened(&mut see, asked).await;
            waits.push(first_words);
            if !is_there {
                return waits;
            }
            heard = words;
        }
        // An agent that has said goodbye hangs up a moment later, possibly before the caller.
        let left = async { while !matches!(see.recv().await, Some(Seen::Left) | None) {} };
        if tokio::time::timeout(LAST_WORD, left).await.is_ok() {
            return waits;
        }
        let reason = DisconnectReason::ClientInitiated;
        write
            .send(RoomEvent::CallerLeft {
                reason,
                is_followed: false,
            })
            .await
            .ok();
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

/// Waits until the agent has answered and listens again. Returns whether it is still there, its words, and how long the
/// first took.
async fn listened(
    see: &mut mpsc::Receiver<Seen>,
    since: Instant,
) -> (bool, String, Option<Duration>) {
    let (mut said, mut first_words) = (String::new(), None);
    let until = since + TURN_DEADLINE;
    loop {
        match tokio::time::timeout_at(until.into(), see.recv()).await {
            Ok(Some(Seen::State(AgentState::Listening))) | Err(_) => {
                return (true, said, first_words);
            }
            Ok(Some(Seen::Words(words))) if !words.is_empty() => {
                let took = clock::now().saturating_duration_since(since);
                first_words.get_or_insert(took);
                said += &words;
            }
            Ok(Some(Seen::Left) | None) => return (false, said, first_words),
            Ok(Some(_)) => {}
        }
    }
}

/// The call's events, split where the caller's turns begin.
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
