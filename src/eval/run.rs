//! Runs a scenario, a whole call in writing, and compares the results with the expectations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::answering::answering;
use super::expect::{failure, judge};
use super::recorded::{Playback, Recording};
use super::recorder::{Kept, Recorder, locked};
use super::scenario::{Delays, Expect, Scenario};
use super::script::{Played, Script, words};
use super::spoken::ears::{Ears, Sent};
use super::spoken::played::{PlayedCaller, Voice as CallersVoice};
use super::spoken::voice::{Late, Voice};
use super::spoken::{self, Spoken};
use super::text::in_writing;
use super::told::{Heard, Told};
use super::written;
use sidetone_base::clock;
use sidetone_call::{EndOfTurn, Persona, Providers};
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::folder::AgentFolder;

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
    end_of_turn: Option<&Arc<dyn EndOfTurn>>,
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
    let recorded = match mind {
        Mind::Recorded => Recording::load(&scenario.recording())?,
        Mind::Live(_) | Mind::Record(..) => Recording::default(),
    };
    // Answers written by hand are to no version.
    let is_old = !recorded.agent_version.is_empty() && recorded.agent_version != version;
    let playback = Arc::new(Playback::new(&recorded));
    let kept = Arc::new(Mutex::new(Kept::default()));
    let sent = Arc::default();
    let is_spoken = scenario.is_spoken();
    let persona = |agent: AgentConfig| {
        let (agent, providers) = match mind {
            Mind::Recorded => (agent, by_heart(scenario.delays, &sent, &playback)),
            Mind::Live(minds) | Mind::Record(minds, _) => {
                let (agent, models) = minds(agent);
                let tools = answering(scenario, &agent, models.tools);
                (agent, Providers { tools, ..models })
            }
        };
        let providers = match mind {
            Mind::Recorded | Mind::Live(_) => providers,
            Mind::Record(..) => {
                let recorder = Arc::new(Recorder::new(providers.clone(), Arc::clone(&kept)));
                Providers {
                    llm: recorder.clone(),
                    tools: recorder,
                    ..providers
                }
            }
        };
        let providers = match is_spoken {
            true => providers,
            false => in_writing(providers.llm, providers.tools),
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
    let lines = words(scenario, live.as_ref().map(|live| &*live.stt), &recorded).await?;
    let heard = scenario.turns.iter().zip(&lines);
    let heard = heard.filter(|(turn, _)| turn.wav.is_some());
    let heard: Vec<String> = heard.map(|(_, words)| words.clone()).collect();
    let played = scenario.simulated.clone().map(|caller| {
        let mind = live.as_ref().map(|live| live.llm.clone());
        Played::new(caller, mind, recorded.caller)
    });
    let (mut turns, ended, caller) = match is_spoken {
        false => {
            let mut script = Script {
                lines: lines.into(),
                played,
            };
            let (turns, ended) = written::hold(scenario, &mut script, first, team).await;
            let said = script.played.map(|played| played.said());
            (turns, ended, said.unwrap_or_default())
        }
        true => {
            let voice = voice_of(scenario, live.as_ref());
            let kept = Arc::clone(&kept);
            let spoken = Spoken {
                name: scenario.caller.clone(),
                turns: spoken::turns(scenario, &lines)?,
                played: played.map(|played| PlayedCaller::new(played, voice)),
                first,
                team,
                end_of_turn: end_of_turn.cloned(),
                sent,
                turn_begins: Box::new(move || {
                    playback.turn_begins();
                    locked(&kept).turn_begins();
                }),
            };
            let held = match mind {
                Mind::Recorded => spoken::hold_simulated(spoken).await?,
                Mind::Live(_) | Mind::Record(..) => spoken::hold(spoken).await?,
            };
            if let (Mind::Record(..), Some(played)) = (mind, &held.played) {
                played.keep_sounds(&scenario.file)?;
            }
            let said = held.played.map(|played| played.said());
            (held.turns, held.ended, said.unwrap_or_default())
        }
    };
    let mut made = Vec::new();
    let mut judgements = recorded.judgements.into_iter();
    let mut failures = Vec::new();
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
                    made.extend(judgement.clone());
                    match judgement {
                        Some(judgement) if judgement.holds => None,
                        Some(judgement) => Some(format!("judge {rubric:?}: {}", judgement.why)),
                        None => Some(format!("judge {rubric:?}: no judgement")),
                    }
                }
                Expect::WithinMs(_) if live.is_none() && !is_spoken => None,
                expect => failure(expect, &told, ended),
            };
            failures.extend(failure.map(|failure| (number, failure)));
        }
    }
    if let Mind::Record(_, source) = mind {
        Recording {
            heard,
            caller,
            judgements: made,
            ..locked(&kept).recording(source.clone(), version)
        }
        .save(&scenario.recording())?;
    }
    Ok(Outcome {
        name: scenario.name.clone(),
        turns,
        failures,
        took: clock::now().saturating_duration_since(begun),
        is_old,
    })
}

/// Who knows by heart what the caller says and what is answered, and takes so long for it.
fn by_heart(delays: Delays, sent: &Arc<Mutex<Sent>>, playback: &Arc<Playback>) -> Providers {
    let ms = Duration::from_millis;
    Providers {
        stt: Arc::new(Ears::new(Arc::clone(sent), ms(delays.stt_ms))),
        llm: Arc::new(Late {
            mind: playback.clone(),
            takes: ms(delays.llm_ms),
        }),
        tts: Arc::new(Voice {
            takes: ms(delays.tts_ms),
        }),
        tools: playback.clone(),
    }
}

/// How the caller sounds whom a model plays.
fn voice_of(scenario: &Scenario, live: Option<&Providers>) -> CallersVoice {
    match (scenario.simulated.as_ref(), live) {
        (Some(caller), Some(live)) if caller.spoken => CallersVoice::Made(Arc::clone(&live.tts)),
        (Some(caller), None) if caller.spoken => CallersVoice::Kept(scenario.file.as_path().into()),
        _ => CallersVoice::None,
    }
}

/// All of a conversation, as one answer.
fn whole(turns: &[Told]) -> Told {
    let said: Vec<&str> = turns.iter().map(|turn| turn.said.as_str()).collect();
    Told {
        said: said.join("\n"),
        tools: turns.iter().flat_map(|turn| turn.tools.clone()).collect(),
        first_words: turns.iter().filter_map(|turn| turn.first_words).max(),
        heard: turns
            .iter()
            .filter_map(|turn| turn.heard)
            .reduce(Heard::worst),
        ..Told::default()
    }
}
