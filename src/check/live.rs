//! `sidetone check --live`: one real request to each provider of each stage of each agent, by the
//! clients that calls use. Agents that ask the same of the same provider share a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::report::{Item, Request};
use super::used::{self, STAGES, label, line};
use crate::agent::clients::Clients;
use crate::audio::{Pcm, Resampler};
use crate::call::{
    Llm as _, Message, Models, Piece, ProviderError, Question, Role, Stage, Stt as _, Tts as _,
};
use crate::clock;
use crate::config::agent::AgentConfig;
use crate::config::env::Env;
use crate::config::providers::SttMode;
use crate::eval::word_error::word_error_rate;

/// A whole answer; its first piece has the agent's own limit.
const DEADLINE: Duration = Duration::from_secs(30);
/// Providers take as many requests at once without a wait; the models of this machine do not.
const AT_A_TIME: usize = 4;
/// What is said, and heard again.
const SENTENCE: &str = "Testing, one two three.";
/// A transcript with more words wrong than this is of little use.
const USEFUL: f64 = 0.5;
const PROMPT: &str = "This is a test of the telephone line. Answer with one word.";
const QUESTION: &str = "Do you hear me?";
/// What the socket of a realtime STT is given at a time: its queue holds 512 pieces.
const PIECE: usize = 1_600;

/// A request that is to be made.
struct Ask {
    stage: Stage,
    /// Its line at this stage has one provider.
    agent: AgentConfig,
    /// Whose request it is.
    agents: Vec<String>,
}

/// What came of one.
#[derive(Default)]
struct Answer {
    /// To the first piece.
    after: Duration,
    /// What was said.
    sound: Pcm<24_000>,
    /// What was heard.
    words: String,
    /// How much of what was said was misheard; none: a tone was played.
    misheard: Option<f64>,
}

type Answered = Result<Answer, String>;

/// Asks, and tells what came of each request, in the order of the agents.
pub async fn ask(env: &Env, clients: &Clients, agents: &[Arc<AgentConfig>]) -> Vec<Item> {
    let asks = plan(agents);
    let at_a_time = if clients.is_local() { 1 } else { AT_A_TIME };
    let mut answers: Vec<Option<Answered>> = asks.iter().map(|_| None).collect();
    // What is heard is what was said before.
    for hears in [false, true] {
        let round = asks.iter().enumerate();
        let round = round.filter(|(_, ask)| (ask.stage == Stage::Stt) == hears);
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

/// The agent with one provider of this stage alone.
fn narrowed(agent: &AgentConfig, stage: Stage, index: usize) -> AgentConfig {
    let mut agent = agent.clone();
    let line = match stage {
        Stage::Stt => &mut agent.stages.stt,
        Stage::Tts => &mut agent.stages.tts,
        _ => &mut agent.stages.llm,
    };
    line.providers = vec![line.providers.swap_remove(index)];
    // Those behind the first get whole utterances.
    if index > 0 {
        agent.stages.stt_mode = SttMode::Batch;
    }
    agent
}

/// Whether both agents would ask the same.
fn is_same(stage: Stage, a: &AgentConfig, b: &AgentConfig) -> bool {
    line(a, stage) == line(b, stage)
        && match stage {
            Stage::Stt => a.stages.stt_mode == b.stages.stt_mode && a.language == b.language,
            Stage::Tts => a.voice == b.voice && a.stages.style == b.stages.style,
            _ => a.tools == b.tools,
        }
}

/// What the agents of a request said, if they could.
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

/// A second of 440 Hz.
fn tone() -> Pcm<16_000> {
    let step = 440.0 * std::f32::consts::TAU / 16_000.0;
    let samples = (0..16_000_u16).map(|n| ((f32::from(n) * step).sin() * 8_192.0) as i16);
    Pcm::new(samples.collect())
}

async fn answer(models: &Models, ask: &Ask, speech: Option<Pcm<16_000>>) -> Answered {
    let asked = async {
        match ask.stage {
            Stage::Stt => listen(models, &ask.agent, speech).await,
            Stage::Tts => speak(models).await,
            _ => think(models, &ask.agent).await,
        }
    };
    let late = |_| Err(format!("it was not done within {DEADLINE:?}"));
    timeout(DEADLINE, asked).await.unwrap_or_else(late)
}

fn since(begun: Instant) -> Duration {
    clock::now().saturating_duration_since(begun)
}

/// Without the stage, which the item names.
fn told(error: ProviderError) -> String {
    error.message
}

async fn speak(models: &Models) -> Answered {
    let begun = clock::now();
    let mut answer = Answer::default();
    let mut pieces = models.speak(SENTENCE.into());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(told)?;
        if answer.sound.is_empty() {
            answer.after = since(begun);
        }
        answer.sound.append(&piece);
    }
    if answer.sound.is_empty() {
        return Err("it answers without any sound".into());
    }
    Ok(answer)
}

/// With the agent's tools, whose schemas a provider may refuse; none of them runs.
async fn think(models: &Models, agent: &AgentConfig) -> Answered {
    let question = Question {
        messages: vec![
            Message::new(Role::System, PROMPT),
            Message::new(Role::User, QUESTION),
        ],
        tools: agent.tools.clone(),
        may_call: true,
    };
    let begun = clock::now();
    let mut after = None;
    let mut pieces = models.chat(question);
    while let Some(piece) = pieces.next().await {
        if let Piece::Text(_) | Piece::Call(_) = piece.map_err(told)? {
            after.get_or_insert_with(|| since(begun));
        }
    }
    match after {
        Some(after) => Ok(Answer {
            after,
            ..Answer::default()
        }),
        None => Err("it answers without a word".into()),
    }
}

async fn listen(models: &Models, agent: &AgentConfig, speech: Option<Pcm<16_000>>) -> Answered {
    let is_english = (agent.language.as_deref()).is_none_or(|language| language.starts_with("en"));
    let is_judged = speech.is_some() && is_english;
    let sound = speech.unwrap_or_else(tone);
    let begun = clock::now();
    let words = match models.hear() {
        Some(mut hearing) => {
            for piece in sound.samples().chunks(PIECE) {
                hearing.push(Pcm::new(piece.to_vec()));
            }
            let words = hearing.words(watch::channel(String::new()).0).await;
            words.ok_or("no words came over its realtime socket; the log says why")?
        }
        None => models.transcribe(sound).await.map_err(told)?,
    };
    Ok(Answer {
        after: since(begun),
        misheard: is_judged.then(|| word_error_rate(SENTENCE, &spelled(&words))),
        words,
        ..Answer::default()
    })
}

/// With digits as the sentence has them.
fn spelled(words: &str) -> String {
    let names = [("1", " one "), ("2", " two "), ("3", " three ")];
    names
        .iter()
        .fold(words.to_owned(), |words, (digit, name)| {
            words.replace(digit, name)
        })
}

fn item(env: &Env, ask: Ask, answered: Answered) -> Item {
    let Ask {
        stage,
        agent,
        agents,
    } = ask;
    let is_local = |provider: &crate::config::providers::Provider| {
        provider.address.is_none() && env.uses_local_models()
    };
    let Some(provider) = line(&agent, stage).providers.first() else {
        return Item::wrong(stage.as_str(), "no provider", "name one");
    };
    let model = match is_local(provider) {
        true => "the local model".to_owned(),
        false => used::model(env, stage, provider),
    };
    let who = format!("{}: {model} of {}", agents.join(", "), provider.name);
    let how = match (stage, agent.stages.stt_mode) {
        (Stage::Stt, SttMode::Realtime) => ", by its realtime socket,",
        _ => "",
    };
    let name = stage.as_str();
    let mut item = match &answered {
        Err(error) => {
            let fix = format!(
                "check the key, the address, and the model in {}",
                used::setting(stage, provider)
            );
            Item::wrong(name, format!("{who}{how} fails: {error}"), fix)
        }
        Ok(answer) => {
            let after = answer.after.as_millis();
            let what = match stage {
                Stage::Stt => format!("heard {:?}", answer.words),
                Stage::Tts => {
                    let voice = provider.voice.as_deref().unwrap_or(agent.voice.as_str());
                    let seconds = answer.sound.duration().as_secs_f32();
                    format!("spoke for {seconds:.1} s as {voice}")
                }
                _ => "answered".to_owned(),
            };
            let found = format!("{who}{how} {what}, after {after} ms");
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
