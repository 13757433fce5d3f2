//! One reply: from what it answers to audio for playout, in one task.
//!
//! Dropping the task cancels every request in it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::event::Stage;
use super::providers::{Opaque, ProviderError, Reworded, Tts};
use super::sentences::Sentences;
use super::speech_text::SpeechText;
use super::think::{AnswerEnd, think};
use super::toolbox::{Answering, TransferOrder};
use super::voice::{Say, Synthesizer, speak};
use sidetone_base::audio::{Pcm, Resampler};
use sidetone_config::agent::Limits;
use sidetone_turn::ReplyId;

/// Sentences written and not asked for yet.
const WRITTEN: usize = 8;
/// An apology comes soon or is a tone.
const APOLOGY_DEADLINE: Duration = Duration::from_secs(3);

/// What a reply is made from.
pub enum ReplySource {
    /// The model answers.
    Chat(Box<Answering>),
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
pub enum ReplyItem {
    /// What goes back to the model with this reply, unread.
    Opaque(Opaque),
    /// The model began to write, this long after it was asked.
    FirstToken(Duration),
    /// The first audio came, this long after it was asked for.
    FirstAudio(Duration),
    /// The audio that follows says this.
    Sentence(String),
    /// The sentence broke off; it follows once more.
    Anew,
    /// The sentence begun last says this in fact.
    Said(Reworded),
    /// A sentence that cannot be spoken is skipped; the reply goes on.
    Unspoken {
        /// As it was written.
        text: String,
        /// What came in the place of its sound.
        why: ProviderError,
    },
    /// Audio of the sentence.
    Audio(Pcm<48_000>),
    /// All audio of the sentence was sent.
    SentenceEnd,
    /// Words to be read, for they cannot be spoken.
    Notice(String),
    /// The call ends when this reply was heard.
    HangUp,
    /// A person is called when this reply was heard.
    Transfer(TransferOrder),
    /// All of the reply was sent.
    Finished,
    /// The reply cannot go on.
    Failed(ProviderError),
}

/// Where a reply's items go.
#[derive(Clone)]
pub struct ReplyOut {
    /// Whose items they are.
    pub id: ReplyId,
    /// To the call's loop; waits when full, so that a provider runs no further ahead than
    /// playout wants.
    pub items: mpsc::Sender<(ReplyId, ReplyItem)>,
}

impl ReplyOut {
    /// Passes an item on.
    pub async fn send(&self, item: ReplyItem) {
        // Fails only when the call is over, and then this task is aborted.
        self.items.send((self.id, item)).await.ok();
    }
}

/// Makes a reply. The last item is `Finished` or `Failed`.
pub async fn reply(
    source: ReplySource,
    tts: Arc<dyn Tts>,
    limits: Limits,
    speech_text: SpeechText,
    out: ReplyOut,
) {
    let cut = Sentences::new(speech_text.language());
    let voice = Synthesizer::new(Arc::clone(&tts), speech_text, limits.tts);
    let result = match source {
        ReplySource::Chat(answer) => chat(*answer, voice, &out).await,
        ReplySource::Text(text) => say(text, cut, voice, &out).await,
        ReplySource::Apology { text, audio } => {
            apologise(text, audio, tts, &out).await;
            Ok(())
        }
    };
    out.send(result.map_or_else(ReplyItem::Failed, |()| ReplyItem::Finished))
        .await;
}

/// The model's answer in the voice of whoever gives it: after a handover that is another agent.
async fn chat(
    mut answer: Answering,
    mut voice: Synthesizer,
    out: &ReplyOut,
) -> Result<(), ProviderError> {
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
            AnswerEnd::HandedOver => voice = Synthesizer::of(&answer.persona),
            AnswerEnd::Said if any_audio || answer.hangs_up => return Ok(()),
            AnswerEnd::Said => {
                return Err(ProviderError::new(
                    Stage::Llm,
                    "the model answered nothing that can be said",
                ));
            }
        }
    }
}

/// A set phrase's audio at the room's rate; none when it cannot be had by the deadline.
pub async fn phrase(text: String, tts: Arc<dyn Tts>, deadline: Duration) -> Option<Pcm<48_000>> {
    let audio = timeout(deadline, tts.phrase(text)).await.ok()?.ok()?;
    let mut resampler = Resampler::<24_000, 48_000>::new();
    let mut whole = resampler.push(&audio);
    whole.append(&resampler.flush());
    (!audio.is_empty()).then_some(whole)
}

async fn say(
    text: String,
    mut cut: Sentences,
    voice: Synthesizer,
    out: &ReplyOut,
) -> Result<(), ProviderError> {
    let mut parts = cut.push(&text);
    parts.extend(cut.finish());
    let (written, sentences) = mpsc::channel(parts.len().max(1));
    for part in parts {
        // There is room for all.
        written.try_send(Say::Sentence(part)).ok();
    }
    drop(written);
    speak(sentences, voice, out).await.map(|_| ())
}

async fn apologise(text: String, audio: Option<Pcm<48_000>>, tts: Arc<dyn Tts>, out: &ReplyOut) {
    let audio = match audio {
        Some(audio) => Some(audio),
        None => phrase(text.clone(), tts, APOLOGY_DEADLINE).await,
    };
    match audio {
        Some(audio) => {
            out.send(ReplyItem::Sentence(text)).await;
            out.send(ReplyItem::Audio(audio)).await;
        }
        None => {
            out.send(ReplyItem::Notice(text)).await;
            out.send(ReplyItem::Sentence(String::new())).await;
            out.send(ReplyItem::Audio(failure_tone())).await;
        }
    }
    out.send(ReplyItem::SentenceEnd).await;
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
