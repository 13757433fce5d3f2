//! `sidetone check --live`: one real request to each provider of each stage of each agent, with the clients that calls
//! use. Agents that send the same request to the same provider share it.

mod request;

use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::report::{Item, Request};
use super::used::{self, STAGES, label, line};
use request::{Answered, Probe, SENTENCE, answer};
use sidetone_base::audio::{Pcm, Resampler};
use sidetone_call::Part;
use sidetone_call::clients::Clients;
use sidetone_config::agent::AgentConfig;
use sidetone_config::env::Env;
use sidetone_config::providers::{Provider, SttMode};

/// Providers take this many requests at once without delay; the models of this machine do not.
const AT_A_TIME: usize = 4;
/// A transcript with a larger share of wrong words is of little use.
const USEFUL: f64 = 0.5;

/// A request to be made.
struct Ask {
    stage: Part,
    /// Its provider list for this stage has one entry.
    agent: AgentConfig,
    /// The agents that share the request.
    agents: Vec<String>,
}

/// Makes the requests and reports on each, in the order of the agents.
pub async fn ask(env: &Env, clients: &Clients, agents: &[Arc<AgentConfig>]) -> Vec<Item> {
    let asks = plan(agents);
    let at_a_time = if clients.is_local() { 1 } else { AT_A_TIME };
    let mut answers: Vec<Option<Answered>> = asks.iter().map(|_| None).collect();
    // STT hears what TTS has said before.
    for hears in [false, true] {
        let round = asks.iter().enumerate();
        let round = round.filter(|(_, ask)| (ask.stage == Part::Stt) == hears);
        let requests: Vec<_> = round
            .map(|(place, ask)| {
                let models = clients.for_call(&ask.agent);
                let speech = spoken(&asks, &answers, ask);
                async move { (place, answer(&models, ask, speech).await) }
            })
            .collect();
        let requests = stream::iter(requests).buffered(at_a_time);
        for (place, answered) in requests.collect::<Vec<_>>().await {
            answers[place] = Some(answered);
        }
    }
    let asks = asks.into_iter().zip(answers);
    asks.filter_map(|(ask, answered)| Some(item(env, ask, answered?)))
        .collect()
}

/// Each request once.
fn plan(agents: &[Arc<AgentConfig>]) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    for agent in agents.iter().flat_map(|agent| agent.versions()) {
        for stage in STAGES {
            for index in 0..line(&agent, stage).providers.len() {
                let agent = narrowed(&agent, stage, index);
                let mut known = asks.iter_mut().filter(|ask| ask.stage == stage);
                match known.find(|ask| is_same(stage, &ask.agent, &agent)) {
                    Some(ask) => ask.agents.push(label(&agent)),
                    None => asks.push(Ask {
                        stage,
                        agents: vec![label(&agent)],
                        agent,
                    }),
                }
            }
        }
    }
    asks
}

/// The agent with only this provider of the stage.
fn narrowed(agent: &AgentConfig, stage: Part, index: usize) -> AgentConfig {
    let mut agent = agent.clone();
    let line = match stage {
        Part::Stt => &mut agent.stages.stt,
        Part::Tts => &mut agent.stages.tts,
        _ => &mut agent.stages.llm,
    };
    line.providers = vec![line.providers.swap_remove(index)];
    // Providers after the first get whole utterances.
    if index > 0 {
        agent.stages.stt_mode = SttMode::Batch;
    }
    agent
}

/// Whether both agents would send the same request.
fn is_same(stage: Part, a: &AgentConfig, b: &AgentConfig) -> bool {
    line(a, stage) == line(b, stage)
        && match stage {
            Part::Stt => a.stages.stt_mode == b.stages.stt_mode && a.language == b.language,
            Part::Tts => a.voice == b.voice && a.stages.style == b.stages.style,
            _ => a.tools == b.tools,
        }
}

/// What the agents of a request said, if TTS worked.
fn spoken(asks: &[Ask], answers: &[Option<Answered>], by: &Ask) -> Option<Pcm<16_000>> {
    let is_theirs = |ask: &Ask| ask.agents.iter().any(|agent| by.agents.contains(agent));
    let mut said = asks.iter().zip(answers).filter(|(ask, _)| is_theirs(ask));
    said.find_map(|(_, answered)| match answered {
        Some(Ok(answer)) if !answer.sound.is_empty() => {
            Some(Resampler::<24_000, 16_000>::convert(&answer.sound))
        }
        _ => None,
    })
}

/// The report on a request.
fn item(env: &Env, ask: Ask, answered: Answered) -> Item {
    let Ask {
        stage,
        agent,
        agents,
    } = ask;
    let name = stage.as_str();
    let Some(provider) = line(&agent, stage).providers.first() else {
        return Item::wrong(name, "no provider", "name one");
    };
    let model = match provider.address.is_none() && env.uses_local_models() {
        true => "the local model".to_owned(),
        false => used::model(env, stage, provider),
    };
    let how = match (stage, agent.stages.stt_mode) {
        (Part::Stt, SttMode::Realtime) => " (over its realtime socket)",
        _ => "",
    };
    let who = format!("{}: {model} of {}{how}", agents.join(", "), provider.name);
    let mut item = match &answered {
        Err(error) => {
            let setting = used::setting(stage, provider);
            let fix = format!("check the key, the address, and the model in {setting}");
            Item::wrong(name, format!("{who} fails: {error}"), fix)
        }
        Ok(answer) => {
            let (what, after) = (what(stage, provider, &agent, answer), answer.after);
            let found = format!("{who} {what}, after {} ms", after.as_millis());
            if answer.misheard.is_some_and(|misheard| misheard > USEFUL) {
                let fix = format!(
                    "{SENTENCE:?} was said: listen to the voice by `sidetone console`, and check \
                     the model and `language`"
                );
                Item::note(name, found, fix)
            } else {
                Item::ok(name, found)
            }
        }
    };
    item.request = Some(Request {
        agents,
        provider: provider.name.clone(),
        model,
        first_piece_ms: answered.ok().map(|answer| answer.after.as_millis() as u64),
    });
    item
}

fn what(stage: Part, provider: &Provider, agent: &AgentConfig, answer: &Probe) -> String {
    match stage {
        Part::Stt => format!("heard {:?}", answer.words),
        Part::Tts => {
            let voice = provider.voice.as_deref().unwrap_or(agent.voice.as_str());
            let seconds = answer.sound.duration().as_secs_f32();
            format!("spoke for {seconds:.1} s as {voice}")
        }
        _ => "answered".to_owned(),
    }
}
