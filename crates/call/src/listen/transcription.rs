//! The words of the turn: STT is asked with one request at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::asking::{Asking, SttResult};
use super::{Listen, SETTLE_AT};
use crate::providers::{Hearing, ProviderError};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_turn::words;

/// From this length on, an utterance's words are settled piece by piece, because Whisper-like models take 30 s at a
/// time.
const SETTLE_AFTER: Duration = Duration::from_secs(20);

/// Words that arrived before it was certain that speech had ended.
pub(super) struct Ahead {
    /// One past the last voiced sample they cover.
    pub(super) voiced_to: u64,
    text: String,
    took: Duration,
}

/// The one STT request in flight. Dropping it cancels it.
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) covers: usize,
    /// All speech up to this sample was sent. `None` in mid-speech.
    pub(super) voiced_to: Option<u64>,
    pub(super) started: Instant,
    _task: AbortOnDropHandle<()>,
}

/// The outcome of an STT request.
#[derive(Debug, PartialEq)]
pub enum Transcription {
    /// Words of the open turn so far.
    Words {
        /// All words so far.
        text: String,
        /// They cover all speech up to now.
        is_final: bool,
        /// From the request to the words.
        took: Duration,
    },
    /// All words of the turn that was cut off ([`Listen::cut`]), or why there are none.
    Last {
        /// The words.
        words: Result<String, ProviderError>,
        /// From the request to the words.
        took: Duration,
    },
    /// STT failed.
    Failed(ProviderError),
}

impl Listen {
    /// The words of the speech that has just stopped. `None` if STT had not brought them before the stop was certain.
    pub fn words_ahead(&mut self) -> Option<Transcription> {
        let Ahead { text, took, .. } = self.ahead.take().filter(|_| !self.speaking)?;
        Some(Transcription::Words {
            text,
            is_final: true,
            took,
        })
    }

    /// Requests the words of all audio of the turn; in mid-speech of no more than models take at a time, the rest
    /// follows. A request in flight is cancelled, because this one covers more.
    pub(super) fn transcribe(&mut self, voiced_to: Option<u64>) {
        self.ahead = None;
        self.requests += 1;
        let id = self.requests;
        let most = match (voiced_to, &self.hearing) {
            (None, None) => Pcm::<16_000>::samples_in(SETTLE_AT),
            _ => self.audio.len(),
        };
        let audio: Vec<i16> = self.audio.iter().take(most).copied().collect();
        let covers = audio.len();
        let (shown, so_far) = watch::channel(String::new());
        let asking = Asking {
            request: id,
            stt: Arc::clone(&self.stt),
            spoken: self.hearing.as_ref().map(|hearing| hearing.words(shown)),
            audio: Pcm::new(audio),
            deadline: self.deadline,
        };
        let task = tokio::spawn(asking.run(so_far, self.results.clone()).in_current_span());
        let task = AbortOnDropHandle::new(task);
        self.request = Some(Request {
            id,
            covers,
            voiced_to,
            started: clock::now(),
            _task: task,
        });
    }

    /// Takes the result of an STT request. `None` if nobody waits for it any more.
    pub fn transcribed(&mut self, result: SttResult) -> Option<Transcription> {
        let result = match self.last_words(result) {
            Ok(last) => return Some(last),
            Err(result) if result.is_begun => return self.begun(&result),
            Err(result) => result,
        };
        let request = self
            .request
            .take_if(|request| request.id == result.request)?;
        match &result.words {
            Ok(_) => self.backoff.worked(),
            Err(_) => self.backoff.failed(clock::now()),
        }
        let words = match result.words {
            Ok(words) => words,
            // In mid-speech nobody waits: the words are requested again later.
            Err(_) if self.speaking => return None,
            Err(error) => return Some(Transcription::Failed(error)),
        };
        let text = self.after_settled(&words);
        if request.covers >= Pcm::<16_000>::samples_in(SETTLE_AFTER) {
            self.drop_front(request.covers);
            self.settled.clone_from(&text);
            self.hearing.iter_mut().for_each(Hearing::forget);
            // What was said since then is not settled.
            self.hear(Pcm::new(self.audio.iter().copied().collect()));
        }
        let took = clock::now().saturating_duration_since(request.started);
        if let Some(voiced_to) = request.voiced_to.filter(|_| self.speaking) {
            self.ahead = Some(Ahead {
                voiced_to,
                text: text.clone(),
                took,
            });
        }
        Some(Transcription::Words {
            text,
            is_final: !self.speaking,
            took,
        })
    }

    /// The first words of a request that is still running.
    fn begun(&self, result: &SttResult) -> Option<Transcription> {
        let asked = self.request.as_ref();
        let started = asked
            .filter(|request| request.id == result.request)?
            .started;
        Some(Transcription::Words {
            text: self.after_settled(result.words.as_ref().ok()?),
            is_final: false,
            took: clock::now().saturating_duration_since(started),
        })
    }

    /// All words of the turn; `more` follow those whose audio was dropped.
    pub(super) fn after_settled(&self, more: &str) -> String {
        joined(&self.settled, more)
    }
}

/// Joins two texts, with a space between them if their script has spaces.
pub(super) fn joined(before: &str, after: &str) -> String {
    let (before, after) = (before.trim(), after.trim());
    if before.is_empty() || after.is_empty() {
        return format!("{before}{after}");
    }
    format!("{before}{}{after}", words::between(before, after))
}
