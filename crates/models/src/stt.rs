//! Speech to text: Whisper over candle.

mod convert;
mod ctranslate2;
mod model;
mod recogniser;
mod vocabulary;

use std::sync::Arc;

use crate::cache::Cache;
use crate::compute::Compute;
use crate::engine::{Engine, Failure};
pub use crate::mel::RATE as INPUT_RATE;
use crate::{Error, derived, loading, present};
use model::Whisper;
use recogniser::{Recogniser, Request};
use vocabulary::Vocabulary;

/// Transcriptions that may wait for the model before further ones are refused.
const WAITING: usize = 8;

/// Which Whisper model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SttModel {
    /// Base, multilingual.
    #[default]
    Base,
    /// Tiny, English only: three times faster, more mistakes.
    TinyEn,
}

impl SttModel {
    /// The model's name in the manifest and in `/v1/models`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "whisper-base",
            Self::TinyEn => "whisper-tiny.en",
        }
    }
}

/// A transcript.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transcript {
    /// The whole text; empty if there was no speech.
    pub text: String,
    /// The language (ISO 639-1): the requested or the detected one.
    pub language: String,
    /// Length of the audio in seconds.
    pub duration: f32,
    /// The stretches it was transcribed in: a single one for up to 28 seconds.
    pub segments: Vec<Segment>,
}

/// A stretch of a transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Start in seconds.
    pub start: f32,
    /// End in seconds.
    pub end: f32,
    /// Its text.
    pub text: String,
    /// The tokens of the text.
    pub tokens: Vec<u32>,
    /// Mean of the tokens' log-probabilities.
    pub avg_logprob: f32,
    /// Probability that there is no speech in it.
    pub no_speech_prob: f32,
}

/// A handle on the transcription thread.
#[derive(Clone)]
pub struct Stt {
    engine: Engine<Request, Transcript>,
    vocabulary: Arc<Vocabulary>,
}

impl Stt {
    pub(crate) fn load(
        cache: &Cache,
        which: SttModel,
        compute: Arc<Compute>,
    ) -> Result<Self, Error> {
        let name = which.name();
        let failed = loading(name);
        present(cache, name)?;
        let weights = derived(cache, name, &format!("{name}.bin"), convert::convert)?;
        let whisper = Whisper::load(&weights).map_err(|e| failed(&e))?;
        let words = cache.path(&format!("{name}.vocabulary.txt"));
        let vocabulary = Arc::new(Vocabulary::load(&words).map_err(|e| failed(&e))?);
        let recogniser = Recogniser::new(whisper, vocabulary.clone(), compute);
        // so that the first call is not delayed
        recogniser.warm_up().map_err(|e| failed(&e))?;
        let engine = Engine::start("stt", WAITING, move |request, client| {
            recogniser.transcribe(&request, &|| client.is_gone())
        })
        .map_err(Error::Thread)?;
        Ok(Self { engine, vocabulary })
    }

    /// Whether the model knows this language (ISO 639-1).
    pub fn knows(&self, language: &str) -> bool {
        self.vocabulary.knows(language)
    }

    /// Transcribes mono samples in -1..1 at [`INPUT_RATE`]. The language must be one that the model
    /// [`knows`](Self::knows); without one it is detected, which takes one more step of the decoder. Dropping the
    /// future stops the work.
    pub async fn transcribe<'l>(
        &self,
        samples: Vec<f32>,
        language: impl Into<Option<&'l str>>,
    ) -> Result<Transcript, Failure> {
        let language = language.into().map(str::to_owned);
        self.engine.ask(Request { samples, language }).await
    }
}
