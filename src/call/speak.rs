//! One reply: from what it answers to audio for playout, in one task.
//!
//! Dropping the task cancels every request in it. Two sentences are in the making at a time: the
//! one whose audio is taken, and the next, so that no gap opens between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::event::Stage;
use super::providers::{ProviderError, Providers};
use super::sentences::Sentences;
use super::speech_text::{Pronunciations, SpeechText};
use super::think::{Thought, think};
use super::toolbox::{Answer, Persona};
use crate::audio::{Pcm, Resampler};
use crate::clock;
use crate::config::agent::Limits;
use crate::turn::ReplyId;

/// Sentences whose speech is asked for at a time.
const AHEAD: usize = 2;
/// Sentences written and not asked for yet.
const WRITTEN: usize = 8;
/// Pieces of audio of one sentence that wait; then the provider waits.
const PIECES: usize = 32;
/// An apology comes soon or is a tone.
const APOLOGY_DEADLINE: Duration = Duration::from_secs(3);

/// What a reply is made from.
pub enum Source {
    /// The model answers.
    Chat(Box<Answer>),
    /// These words.
    Text(String),
    /// These words, as audio made before where there is some; a tone if all fails.
    Apology {
        /// The words.
        text: String,
        /// Their audio.
        audio: Option<Pcm<48_000>>,
    },
}

/// A piece of a reply, on its way to playout with its [`ReplyId`].
#[derive(Debug, PartialEq)]
pub enum Item {
    /// The model began to write, this long after it was asked.
    FirstToken(Duration),
    /// The first audio came, this long after it was asked for.
    FirstAudio(Duration),
    /// The audio that follows says this.
    Sentence(String),
    /// Audio of the sentence.
    Audio(Pcm<48_000>),
    /// All audio of the sentence was sent.
    SentenceEnd,
    /// Words to be read, for they cannot be spoken.
    Notice(String),
    /// The call ends when this reply was heard.
    HangUp,
    /// All of the reply was sent.
    Finished,
    /// The reply cannot go on.
    Failed(ProviderError),
}

/// Where a reply's items go.
#[derive(Clone)]
pub struct Out {
    /// Whose items they are.
    pub id: ReplyId,
    /// To the call's loop; waits when full, so that a provider runs no further ahead than
    /// playout wants.
    pub items: mpsc::Sender<(ReplyId, Item)>,
}

impl Out {
    /// Passes an item on.
    pub async fn send(&self, item: Item) {
        // Fails only when the call is over, and then this task is aborted.
        self.items.send((self.id, item)).await.ok();
    }
}

/// Makes a reply. The last item is `Finished` or `Failed`.
pub async fn reply(
    source: Source,
    providers: Arc<dyn Providers>,
    limits: Limits,
    speech_text: SpeechText,
    out: Out,
) {
    let voice = Voice {
        providers: Arc::clone(&providers),
        speech_text,
        deadline: limits.tts,
    };
    let result = match source {
        Source::Chat(answer) => chat(*answer, voice, &out).await,
        Source::Text(text) => say(text, voice, &out).await,
        Source::Apology { text, audio } => {
            apologise(text, audio, &providers, &out).await;
            Ok(())
        }
    };
    out.send(result.map_or_else(Item::Failed, |()| Item::Finished))
        .await;
}

/// The model's answer in the voice of whoever gives it: after a handover that is another agent.
async fn chat(mut answer: Answer, mut voice: Voice, out: &Out) -> Result<(), ProviderError> {
    let mut any_audio = false;
    loop {
        let (written, sentences) = mpsc::channel(WRITTEN);
        let thinking = think(&mut answer, written, out);
        let speaking = speak(sentences, voice, out);
        // Sentences written before the model failed are still spoken.
        let thought = async { Ok(thinking.await) };
        let (thought, audible) = futures::future::try_join(thought, speaking).await?;
        any_audio |= audible;
        match thought? {
            Thought::HandedOver => voice = Voice::of(&answer.persona),
            Thought::Said if any_audio || answer.hangs_up => return Ok(()),
            Thought::Said => {
                return Err(ProviderError {
                    stage: Stage::Llm,
                    message: "the model answered nothing that can be said".into(),
                });
            }
        }
    }
}

/// The audio of `text`, whole.
///
/// # Errors
/// The provider's, and a piece that takes longer than `deadline`.
pub async fn synthesise(
    text: String,
    providers: Arc<dyn Providers>,
    deadline: Duration,
) -> Result<Pcm<48_000>, ProviderError> {
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let mut tasks = JoinSet::new();
    tasks.spawn(sentence_audio(text, providers, deadline, sender));
    let mut whole = Pcm::default();
    while let Some(piece) = pieces.recv().await {
        whole.append(&piece?.audio);
    }
    Ok(whole)
}

async fn say(text: String, voice: Voice, out: &Out) -> Result<(), ProviderError> {
    let mut cut = Sentences::new();
    let mut parts = cut.push(&text);
    parts.extend(cut.finish());
    let (written, sentences) = mpsc::channel(parts.len().max(1));
    for part in parts {
        // There is room for all.
        written.try_send(part).ok();
    }
    drop(written);
    speak(sentences, voice, out).await.map(|_| ())
}

async fn apologise(
    text: String,
    audio: Option<Pcm<48_000>>,
    providers: &Arc<dyn Providers>,
    out: &Out,
) {
    let audio = match audio {
        Some(audio) => Some(audio),
        None => synthesise(text.clone(), Arc::clone(providers), APOLOGY_DEADLINE)
            .await
            .ok(),
    };
    match audio {
        Some(audio) => {
            out.send(Item::Sentence(text)).await;
            out.send(Item::Audio(audio)).await;
        }
        None => {
            out.send(Item::Notice(text)).await;
            out.send(Item::Sentence(String::new())).await;
            out.send(Item::Audio(failure_tone())).await;
        }
    }
    out.send(Item::SentenceEnd).await;
}

/// What turns a reply's sentences into sound.
struct Voice {
    providers: Arc<dyn Providers>,
    speech_text: SpeechText,
    deadline: Duration,
}

impl Voice {
    fn of(persona: &Persona) -> Self {
        let agent = &persona.agent;
        let pronunciations = Pronunciations::new(&agent.pronunciations);
        Self {
            providers: Arc::clone(&persona.providers),
            speech_text: SpeechText::new(agent.language.as_deref(), pronunciations),
            deadline: agent.limits.tts,
        }
    }
}

/// Speaks sentences in their order, each asked for while the one before is still taken.
///
/// Answers whether there was anything to hear.
///
/// # Errors
/// TTS failed.
async fn speak(
    mut sentences: mpsc::Receiver<String>,
    mut voice: Voice,
    out: &Out,
) -> Result<bool, ProviderError> {
    let mut tasks = JoinSet::new();
    let mut ahead: VecDeque<mpsc::Receiver<Result<Piece, ProviderError>>> = VecDeque::new();
    let mut texts: VecDeque<String> = VecDeque::new();
    let (mut all_written, mut any_audio) = (false, false);
    loop {
        let next_piece = async {
            match ahead.front_mut() {
                Some(pieces) => pieces.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            sentence = sentences.recv(), if !all_written && texts.len() < AHEAD => match sentence {
                Some(text) => {
                    // Code, or a lone emoji: nothing to hear.
                    let Some(spoken) = voice.speech_text.speak(&text) else { continue };
                    let (sender, pieces) = mpsc::channel(PIECES);
                    tasks.spawn(sentence_audio(
                        spoken, Arc::clone(&voice.providers), voice.deadline, sender,
                    ));
                    ahead.push_back(pieces);
                    texts.push_back(text);
                }
                None => all_written = true,
            },
            piece = next_piece => match piece {
                Some(piece) => {
                    let piece = piece?;
                    if !any_audio {
                        any_audio = true;
                        out.send(Item::FirstAudio(piece.since_request)).await;
                    }
                    if piece.is_first {
                        let text = texts.front().cloned().unwrap_or_default();
                        out.send(Item::Sentence(text)).await;
                    }
                    out.send(Item::Audio(piece.audio)).await;
                }
                None => {
                    ahead.pop_front();
                    texts.pop_front();
                    out.send(Item::SentenceEnd).await;
                }
            },
            else => {}
        }
        if all_written && texts.is_empty() {
            return Ok(any_audio);
        }
    }
}

struct Piece {
    audio: Pcm<48_000>,
    is_first: bool,
    since_request: Duration,
}

/// The audio of one sentence at the room's rate, in pieces as they come, or the failure.
async fn sentence_audio(
    text: String,
    providers: Arc<dyn Providers>,
    deadline: Duration,
    pieces: mpsc::Sender<Result<Piece, ProviderError>>,
) {
    let begun = clock::now();
    let failed = |message: String| {
        Err(ProviderError {
            stage: Stage::Tts,
            message,
        })
    };
    let mut speech = providers.speak(text);
    let mut resampler = Resampler::<24_000, 48_000>::new();
    let mut is_first = true;
    let mut ended = false;
    while !ended {
        let audio = match timeout(deadline, speech.next()).await {
            Ok(Some(Ok(audio))) if audio.is_empty() => continue,
            Ok(Some(audio)) => audio.map(|audio| resampler.push(&audio)),
            Ok(None) if is_first => failed("no audio came for a sentence".into()),
            Ok(None) => {
                ended = true;
                Ok(resampler.flush())
            }
            Err(_) => failed(format!("no audio within {deadline:?} (limits.tts)")),
        };
        ended |= audio.is_err();
        let since_request = clock::now().saturating_duration_since(begun);
        let piece = audio.map(|audio| Piece {
            audio,
            is_first,
            since_request,
        });
        is_first = false;
        // Fails only when nobody wants the sentence any more.
        ended |= pieces.send(piece).await.is_err();
    }
}

/// Two falling tones, 0.4 s: something went wrong, and not even that can be said.
fn failure_tone() -> Pcm<48_000> {
    let tone = |hz: f32| {
        let samples = Pcm::<48_000>::samples_in(Duration::from_millis(200));
        (0..samples).map(move |n| {
            // Faded in and out over the whole length: no clicks.
            let envelope = (n as f32 / samples as f32 * std::f32::consts::PI).sin();
            let phase = n as f32 * hz / 48_000.0 * std::f32::consts::TAU;
            (phase.sin() * envelope * 6_000.0) as i16
        })
    };
    Pcm::new(tone(440.0).chain(tone(330.0)).collect())
}
