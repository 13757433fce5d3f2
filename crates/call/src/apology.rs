//! The apology's audio, made ahead: when it is needed there may be no TTS.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::providers::Tts;
use super::voice::phrase;
use sidetone_base::audio::Pcm;

/// It is made at leisure; a provider that takes longer is tried again later.
const DEADLINE: Duration = Duration::from_secs(30);

/// The apology of a call, and its audio once there is some.
pub struct Apology {
    /// What it says.
    pub text: String,
    audio: Audio,
}

enum Audio {
    Missing,
    Making(AbortOnDropHandle<Option<Pcm<48_000>>>),
    Made(Pcm<48_000>),
}

impl Apology {
    /// Has no audio yet.
    pub fn new(text: String) -> Self {
        Self {
            text,
            audio: Audio::Missing,
        }
    }

    /// Begins to make the audio, if there is none.
    pub fn prepare(&mut self, tts: &Arc<dyn Tts>) {
        if let Audio::Missing = self.audio {
            let task = tokio::spawn(
                phrase(self.text.clone(), Arc::clone(tts), DEADLINE).in_current_span(),
            );
            self.audio = Audio::Making(AbortOnDropHandle::new(task));
        }
    }

    /// Waits until the audio is made or cannot be; for ever when nobody makes it. Cancel safe.
    pub async fn make(&mut self) {
        let Audio::Making(task) = &mut self.audio else {
            return std::future::pending().await;
        };
        let made = task.await.ok().flatten();
        self.audio = made.map_or(Audio::Missing, Audio::Made);
    }

    /// The audio, if it is made.
    pub fn audio(&self) -> Option<Pcm<48_000>> {
        match &self.audio {
            Audio::Made(audio) => Some(audio.clone()),
            Audio::Missing | Audio::Making(_) => None,
        }
    }
}
