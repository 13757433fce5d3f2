//! The apology's audio, made ahead of time: when it is needed, TTS may be down.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::providers::Tts;
use super::voice::phrase;
use sidetone_base::audio::Pcm;

/// Generous, because nobody waits for it; a provider that takes longer is tried again later.
const DEADLINE: Duration = Duration::from_secs(30);

/// The apology of a call, and its audio once that exists.
pub struct Apology {
    /// The words to say.
    pub text: String,
    audio: Audio,
}

enum Audio {
    Missing,
    Making(AbortOnDropHandle<Option<Pcm<48_000>>>),
    Made(Pcm<48_000>),
}

impl Apology {
    /// Starts without audio: see [`Apology::prepare`].
    pub fn new(text: String) -> Self {
        Self {
            text,
            audio: Audio::Missing,
        }
    }

    /// Starts making the audio in the background, unless it exists already.
    pub fn prepare(&mut self, tts: &Arc<dyn Tts>) {
        if let Audio::Missing = self.audio {
            let task = tokio::spawn(
                phrase(self.text.clone(), Arc::clone(tts), DEADLINE).in_current_span(),
            );
            self.audio = Audio::Making(AbortOnDropHandle::new(task));
        }
    }

    /// Waits until the audio is made or has failed; forever if [`Apology::prepare`] was not called. Cancel safe.
    pub async fn make(&mut self) {
        let Audio::Making(task) = &mut self.audio else {
            return std::future::pending().await;
        };
        let made = task.await.ok().flatten();
        self.audio = made.map_or(Audio::Missing, Audio::Made);
    }

    /// The audio. `None` if it is not ready.
    pub fn audio(&self) -> Option<Pcm<48_000>> {
        match &self.audio {
            Audio::Made(audio) => Some(audio.clone()),
            Audio::Missing | Audio::Making(_) => None,
        }
    }
}
