//! What a call takes of its providers: tokens, characters, seconds. Counted where it is asked for,
//! whoever asks: answers, summaries, apologies and results alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::providers::{
    Hearing, Llm, Piece, ProviderError, Providers, Question, SpeakerId, Spoken, Stt, Tts,
};
use sidetone_base::audio::Pcm;

/// Sums of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Tokens that models read, those from a cache among them.
    pub prompt_tokens: u64,
    /// Of these, read from a cache.
    pub cached_tokens: u64,
    /// Tokens that models wrote.
    pub completion_tokens: u64,
    /// Characters that were sent to be spoken.
    pub tts_characters: u64,
    /// Milliseconds of audio that were sent to be transcribed.
    pub stt_ms: u64,
}

/// Counts what a call takes; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    prompt_tokens: AtomicU64,
    cached_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    tts_characters: AtomicU64,
    stt_ms: AtomicU64,
}

impl Meter {
    /// The sums up to now.
    pub fn taken(&self) -> Taken {
        let counts = &self.0;
        Taken {
            prompt_tokens: counts.prompt_tokens.load(Relaxed),
            cached_tokens: counts.cached_tokens.load(Relaxed),
            completion_tokens: counts.completion_tokens.load(Relaxed),
            tts_characters: counts.tts_characters.load(Relaxed),
            stt_ms: counts.stt_ms.load(Relaxed),
        }
    }

    /// The same providers, counted.
    pub fn count(&self, providers: Providers) -> Providers {
        let meter = self.clone();
        let of = |meter: &Self| meter.clone();
        Providers {
            stt: Arc::new(Counted(of(&meter), providers.stt)),
            llm: Arc::new(Counted(of(&meter), providers.llm)),
            tts: Arc::new(Counted(of(&meter), providers.tts)),
            tools: providers.tools,
        }
    }

    fn hears(&self, audio: &Pcm<16_000>) {
        let ms = u64::try_from(audio.duration().as_millis()).unwrap_or(u64::MAX);
        self.0.stt_ms.fetch_add(ms, Relaxed);
    }

    fn speaks(&self, text: &str) {
        let characters = text.chars().count() as u64;
        self.0.tts_characters.fetch_add(characters, Relaxed);
    }

    fn thinks(&self, piece: &Result<Piece, ProviderError>) {
        if let Ok(Piece::Usage(usage)) = piece {
            let counts = &self.0;
            for (count, tokens) in [
                (&counts.prompt_tokens, usage.prompt_tokens),
                (&counts.cached_tokens, usage.cached_tokens),
                (&counts.completion_tokens, usage.completion_tokens),
            ] {
                count.fetch_add(tokens.into(), Relaxed);
            }
        }
    }
}

struct Counted<P: ?Sized>(Meter, Arc<P>);

impl Stt for Counted<dyn Stt> {
    fn transcribe(&self, audio: Pcm<16_000>) -> BoxFuture<'static, Result<String, ProviderError>> {
        self.0.hears(&audio);
        self.1.transcribe(audio)
    }

    fn hear(&self) -> Option<Hearing> {
        self.1.hear()
    }

    fn heard(&self, audio: &Pcm<16_000>) {
        self.0.hears(audio);
        self.1.heard(audio);
    }
}

impl Llm for Counted<dyn Llm> {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let meter = self.0.clone();
        let pieces = self.1.chat(question);
        pieces.inspect(move |piece| meter.thinks(piece)).boxed()
    }
}

impl Tts for Counted<dyn Tts> {
    fn speak(&self, text: String) -> BoxStream<'static, Result<Pcm<24_000>, ProviderError>> {
        self.0.speaks(&text);
        self.1.speak(text)
    }

    fn speak_as(
        &self,
        text: String,
        known: Option<SpeakerId>,
    ) -> BoxStream<'static, Result<Spoken, ProviderError>> {
        self.0.speaks(&text);
        self.1.speak_as(text, known)
    }

    fn phrase(&self, text: String) -> BoxFuture<'static, Result<Pcm<24_000>, ProviderError>> {
        self.0.speaks(&text);
        self.1.phrase(text)
    }
}
