//! One STT request, made by a task of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::Heard;
use crate::part::Part;
use crate::providers::{ProviderError, Stt};
use sidetone_base::audio::Pcm;
use sidetone_turn::words::is_annotation;

/// See [`Heard::Words`].
#[derive(Debug)]
pub struct SttResult {
    pub(super) request: u64,
    /// More words of the same request follow.
    pub(super) is_begun: bool,
    pub(super) words: Result<String, ProviderError>,
}

/// What is requested; `spoken` are the words of a provider that heard the caller live.
pub(super) struct Asking<S> {
    pub(super) request: u64,
    pub(super) stt: Arc<dyn Stt>,
    pub(super) spoken: Option<S>,
    /// For a provider of whole utterances, and as the fallback when `spoken` brings nothing.
    pub(super) audio: Pcm<16_000>,
    pub(super) deadline: Duration,
}

impl<S: Future<Output = Option<String>>> Asking<S> {
    /// Sends to `results` the partial words as they arrive (`so_far`), then all of them or the error.
    pub(super) async fn run(self, so_far: watch::Receiver<String>, results: mpsc::Sender<Heard>) {
        let Self {
            request, deadline, ..
        } = self;
        let words = tokio::select! {
            words = tokio::time::timeout(deadline, self.words()) => words,
            never = tell(request, so_far, &results) => never,
        };
        let words = words.unwrap_or_else(|_| {
            Err(ProviderError::new(
                Part::Stt,
                format!("no transcript within {deadline:?} (limits.stt)"),
            ))
        });
        let words = SttResult {
            request,
            is_begun: false,
            words,
        };
        // Fails only when the call is over.
        results.send(Heard::Words(words)).await.ok();
    }

    async fn words(self) -> Result<String, ProviderError> {
        let heard = match self.spoken {
            Some(spoken) => spoken.await,
            None => None,
        };
        let words = match heard {
            Some(words) => words,
            None => self.stt.transcribe(self.audio).await?,
        };
        // "(dog barking)" was heard, but nobody said it.
        Ok(match is_annotation(&words) {
            true => String::new(),
            false => words,
        })
    }
}

/// Sends the partial words of `request`; never returns.
async fn tell<T>(
    request: u64,
    mut so_far: watch::Receiver<String>,
    results: &mpsc::Sender<Heard>,
) -> T {
    while so_far.changed().await.is_ok() {
        let words = SttResult {
            request,
            is_begun: true,
            words: Ok(so_far.borrow_and_update().clone()),
        };
        results.send(Heard::Words(words)).await.ok();
    }
    std::future::pending().await
}
