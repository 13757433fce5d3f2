//! What a call uses of its providers: tokens, characters, seconds. Counted where requests are made, for all of them:
//! answers, summaries, apologies and results. And how much of a call's budget is left.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};

use super::context::{size, size_of_text};
use super::pace::Pace;
use super::part::Part;
use super::providers::{
    Hearing, Llm, Piece, ProviderError, Providers, Question, SpeakerId, Spoken, Stt, Tts,
};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_config::agent::Budget;

/// Sums of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Prompt tokens, including cached ones.
    pub prompt_tokens: u64,
    /// Those of them read from a cache.
    pub cached_tokens: u64,
    /// Tokens that models generated.
    pub completion_tokens: u64,
    /// Characters sent to TTS.
    pub tts_characters: u64,
    /// Milliseconds of audio sent to STT.
    pub stt_ms: u64,
}

/// Counts what a call uses; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    prompt_tokens: AtomicU64,
    cached_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    tts_characters: AtomicU64,
    stt_ms: AtomicU64,
    /// Completion tokens, estimated where the provider reported no usage or the answer was cut short.
    estimated_tokens: AtomicU64,
    /// The rate limit of model requests.
    pace: Mutex<Pace>,
}

/// How much of a call's budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// Budget is left.
    No,
    /// This part's budget is used up: what is in progress may finish.
    All(Part),
    /// This part's budget is exceeded by more than a tenth: what is in progress is the cause.
    TooMuch(Part),
}

impl Meter {
    /// The sums so far.
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

    /// Wraps providers so that their use is counted, with at most so many model requests a minute.
    pub fn count(&self, providers: Providers, questions_a_minute: u32) -> Providers {
        let counted = |meter: &Self| meter.clone();
        Providers {
            stt: Arc::new(Counted(counted(self), providers.stt)),
            llm: Arc::new(Paced {
                meter: self.clone(),
                llm: providers.llm,
                a_minute: questions_a_minute,
            }),
            tts: Arc::new(Counted(counted(self), providers.tts)),
            tools: providers.tools,
        }
    }

    /// How much of a budget is used up.
    pub fn spent(&self, budget: &Budget) -> Spent {
        let taken = self.taken();
        let estimated = self.0.estimated_tokens.load(Relaxed);
        let tokens = taken.prompt_tokens + taken.completion_tokens + estimated;
        let listening = u64::try_from(budget.listening.as_millis()).unwrap_or(u64::MAX);
        let parts = [
            (Part::Llm, tokens, budget.tokens),
            (Part::Tts, taken.tts_characters, budget.characters),
            (Part::Stt, taken.stt_ms, listening),
        ];
        let of = |tenths: u64| {
            let over = |(_, taken, most): &(Part, u64, u64)| {
                taken.saturating_mul(10) >= most.saturating_mul(tenths)
            };
            parts.into_iter().find(over)
        };
        match (of(11), of(10)) {
            (Some((part, ..)), _) => Spent::TooMuch(part),
            (None, Some((part, ..))) => Spent::All(part),
            (None, None) => Spent::No,
        }
    }

    /// Takes one of a minute's requests.
    /// # Errors
    /// The time of the next free request.
    fn ask(&self, a_minute: u32) -> Result<(), Instant> {
        // A panic while the lock was held leaves consistent data.
        let mut pace = self.0.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.take(clock::now(), a_minute)
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

/// The use of one answer, estimated by length if the provider reports none: some never do, and an answer that is cut
/// short is billed but never reported.
struct Reckoning {
    meter: Meter,
    asked: usize,
    written: usize,
    is_known: bool,
}

impl Reckoning {
    fn takes(&mut self, piece: &Result<Piece, ProviderError>) {
        match piece {
            Ok(Piece::Text(text)) => self.written += size_of_text(text),
            Ok(Piece::Call(call)) => self.written += size_of_text(&call.arguments),
            Ok(Piece::Calling | Piece::Opaque(_)) => {}
            Ok(Piece::Usage(_)) => self.is_known = true,
            // A rejected request is not billed.
            Err(_) => self.is_known |= self.written == 0,
        }
        self.meter.thinks(piece);
    }
}

impl Drop for Reckoning {
    fn drop(&mut self) {
        if !self.is_known {
            let tokens = (self.asked + self.written) as u64;
            self.meter.0.estimated_tokens.fetch_add(tokens, Relaxed);
        }
    }
}

/// A model that is rate-limited and counted.
struct Paced {
    meter: Meter,
    llm: Arc<dyn Llm>,
    a_minute: u32,
}

impl Llm for Paced {
    fn chat(&self, question: Question) -> BoxStream<'static, Result<Piece, ProviderError>> {
        let (meter, llm, a_minute) = (self.meter.clone(), Arc::clone(&self.llm), self.a_minute);
        match meter.ask(a_minute) {
            Ok(()) => counted(meter, &*llm, question),
            // A caller that gives up while waiting has used no request.
            Err(mut free_at) => stream::once(async move {
                loop {
                    tokio::time::sleep_until(free_at.into()).await;
                    match meter.ask(a_minute) {
                        Ok(()) => return counted(meter, &*llm, question),
                        Err(later) => free_at = later,
                    }
                }
            })
            .flatten()
            .boxed(),
        }
    }
}

fn counted(
    meter: Meter,
    llm: &dyn Llm,
    question: Question,
) -> BoxStream<'static, Result<Piece, ProviderError>> {
    let mut reckoning = Reckoning {
        meter,
        asked: size(&question.messages),
        written: 0,
        is_known: false,
    };
    let pieces = llm.chat(question);
    pieces.inspect(move |piece| reckoning.takes(piece)).boxed()
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

#[cfg(test)]
mod tests;
