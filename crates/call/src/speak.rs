//! Makes one reply in one task: from what it answers to audio for playout.
//! Dropping the task cancels all its requests.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::part::Part;
use super::providers::{ProviderError, Tts};
use super::reply_item::{ReplyItem, ReplyOut};
use super::sentences::Sentences;
use super::speech_text::SpeechText;
use super::think::{AnswerEnd, NOTHING, think};
use super::toolbox::Answering;
use super::voice::{Say, Synthesizer, phrase, speak};
use sidetone_base::audio::Pcm;
use sidetone_config::agent::Limits;

/// Sentences that may be written ahead of TTS.
const WRITTEN: usize = 8;
/// An apology that takes longer is replaced by a tone.
const APOLOGY_DEADLINE: Duration = Duration::from_secs(3);

/// What a reply is made from.
pub enum ReplySource {
    /// The model answers.
    Chat(Box<Answering>),
    /// These words.
    Text(String),
    /// These words, as audio that may exist already; skipped if it cannot be made.
    Phrase(String),
    /// These words, as existing audio if there is some; a tone if everything fails.
    Apology {
        /// The words.
        text: String,
        /// Their audio.
        audio: Option<Pcm<48_000>>,
    },
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
        ReplySource::Phrase(text) => {
            if let Some(audio) = phrase(text.clone(), tts, limits.tts).await {
                whole(text, audio, &out).await;
            }
            Ok(())
        }
        ReplySource::Apology { text, audio } => {
            apologise(text, audio, tts, &out).await;
            Ok(())
        }
    };
    out.send(result.map_or_else(ReplyItem::Failed, |()| ReplyItem::Finished))
        .await;
}

/// Speaks the model's answer in the voice of the agent that gives it, which a handover changes.
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
            AnswerEnd::Said => return Err(ProviderError::new(Part::Llm, NOTHING)),
        }
    }
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
        // The channel has room for all of them.
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
        Some(audio) => whole(text, audio, out).await,
        None => {
            out.send(ReplyItem::Notice(text)).await;
            whole(String::new(), failure_tone(), out).await;
        }
    }
}

/// Sends a sentence whose audio exists already.
async fn whole(text: String, audio: Pcm<48_000>, out: &ReplyOut) {
    out.send(ReplyItem::Sentence(text)).await;
    out.send(ReplyItem::Audio(audio)).await;
    out.send(ReplyItem::SentenceEnd).await;
}

/// Two falling tones, 0.4 s: something went wrong, and not even the apology can be spoken.
fn failure_tone() -> Pcm<48_000> {
    let tone = |hz: f32| {
        let samples = Pcm::<48_000>::samples_in(Duration::from_millis(200));
        (0..samples).map(move |n| {
            // Faded in and out over the whole length, to avoid clicks.
            let envelope = (n as f32 / samples as f32 * std::f32::consts::PI).sin();
            let phase = n as f32 * hz / 48_000.0 * std::f32::consts::TAU;
            (phase.sin() * envelope * 6_000.0) as i16
        })
    };
    Pcm::new(tone(440.0).chain(tone(330.0)).collect())
}
