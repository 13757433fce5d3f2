//! A real request to a stage, and its result.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Ask;
use crate::eval::word_error::word_error_rate;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_call::{
    Llm as _, Message, Models, Part, Piece, ProviderError, Question, Role, Stt as _, Tts as _,
};
use sidetone_config::agent::AgentConfig;

/// Time for a whole answer; its first piece is limited by the agent's own timeout.
const DEADLINE: Duration = Duration::from_secs(30);
/// Spoken, and transcribed again.
pub(super) const SENTENCE: &str = "Testing, one two three.";
const PROMPT: &str = "This is a test of the telephone line. Answer with one word.";
const QUESTION: &str = "Do you hear me?";
/// Samples pushed to the socket of a realtime STT at a time: its queue holds 512 pieces.
const PIECE: usize = 1_600;

/// The result of a request.
#[derive(Default)]
pub(super) struct Probe {
    /// Time to the first piece.
    pub after: Duration,
    /// What was said.
    pub sound: Pcm<24_000>,
    /// What was heard.
    pub words: String,
    /// The share of words misheard. `None` if a tone was played.
    pub misheard: Option<f64>,
}

/// The result, or what went wrong, in the provider's words.
pub(super) type Answered = Result<Probe, String>;

/// A second of 440 Hz.
fn tone() -> Pcm<16_000> {
    let step = 440.0 * std::f32::consts::TAU / 16_000.0;
    let samples = (0..16_000_u16).map(|n| ((f32::from(n) * step).sin() * 8_192.0) as i16);
    Pcm::new(samples.collect())
}

/// Makes the request of this stage; `speech` is the input for STT, which otherwise gets a tone.
pub(super) async fn answer(models: &Models, ask: &Ask, speech: Option<Pcm<16_000>>) -> Answered {
    let asked = async {
        match ask.stage {
            Part::Stt => listen(models, &ask.agent, speech).await,
            Part::Tts => speak(models).await,
            _ => think(models, &ask.agent).await,
        }
    };
    let late = |_| Err(format!("it was not done within {DEADLINE:?}"));
    timeout(DEADLINE, asked).await.unwrap_or_else(late)
}

fn since(begun: Instant) -> Duration {
    clock::now().saturating_duration_since(begun)
}

/// The message without the stage, which the item names.
fn told(error: ProviderError) -> String {
    error.message
}

async fn speak(models: &Models) -> Answered {
    let begun = clock::now();
    let mut answer = Probe::default();
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
        schema: None,
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
        Some(after) => Ok(Probe {
            after,
            ..Probe::default()
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
    Ok(Probe {
        after: since(begun),
        misheard: is_judged.then(|| word_error_rate(SENTENCE, &spelled(&words))),
        words,
        ..Probe::default()
    })
}

/// With digits written out, as in the sentence.
fn spelled(words: &str) -> String {
    let names = [("1", " one "), ("2", " two "), ("3", " three ")];
    names.iter().fold(words.to_owned(), |words, (digit, name)| {
        words.replace(digit, name)
    })
}
