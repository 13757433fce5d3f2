//! A caller whom a model plays in a spoken conversation: its turns come one by one, and may have a voice.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryStreamExt as _};

use super::caller::{Sound, Turn};
use crate::caller::script::Cue;
use crate::eval::script::Played;
use crate::eval::simulated::Line;
use sidetone_base::audio::{Pcm, Resampler, wav};
use sidetone_call::Tts;

/// A voice that takes longer has said nothing.
const SAID: Duration = Duration::from_secs(60);

/// How a played caller's words sound.
#[derive(Clone)]
pub enum Voice {
    /// They do not: it writes.
    None,
    /// As they were kept beside this scenario.
    Kept(Arc<Path>),
    /// As this voice says them.
    Made(Arc<dyn Tts>),
}

/// The caller.
pub struct PlayedCaller {
    played: Played,
    voice: Voice,
    sounds: Vec<Pcm<16_000>>,
}

/// The caller, and what it says next; nothing when it hangs up.
pub type Next = (PlayedCaller, anyhow::Result<Option<Turn>>);

impl PlayedCaller {
    /// Says what is `played` with this voice.
    pub fn new(played: Played, voice: Voice) -> Self {
        Self {
            played,
            voice,
            sounds: Vec::new(),
        }
    }

    /// Somebody has said this, before it is the caller's turn.
    pub fn hears(&mut self, line: Line) {
        self.played.hears(line);
    }

    /// What the model said.
    pub fn said(&self) -> Vec<String> {
        self.played.said()
    }

    /// Keeps how that sounded beside the scenario.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn keep_sounds(&self, scenario: &Path) -> anyhow::Result<()> {
        for (number, sound) in (1..).zip(&self.sounds) {
            wav::write(&sound_file(scenario, number), sound)?;
        }
        Ok(())
    }

    /// The next turn.
    pub fn next(mut self) -> BoxFuture<'static, Next> {
        async move {
            let turn = match self.played.next().await {
                Some(words) => self.turn(words).await.map(Some),
                None => Ok(None),
            };
            (self, turn)
        }
        .boxed()
    }

    async fn turn(&mut self, words: String) -> anyhow::Result<Turn> {
        let number = self.sounds.len() + 1;
        let sound = match &self.voice {
            Voice::None => return Ok(Turn::written(words, Cue::AgentDone)),
            Voice::Kept(scenario) => wav::read(&sound_file(scenario, number))
                .context("the simulated caller's voice is not recorded yet; record it with `sidetone eval --record`")?,
            Voice::Made(tts) => said(&**tts, words.clone()).await?,
        };
        self.sounds.push(sound.clone());
        let sound = Sound::new(sound)
            .with_context(|| format!("nobody is heard in turn {number} of the simulated caller"))?;
        Turn::spoken(words, sound, Cue::AgentDone)
            .context("the simulated caller's words have a pause (…) that its recording lacks; record it again")
    }
}

/// Where a played caller's n-th turn is kept, from 1.
fn sound_file(scenario: &Path, number: usize) -> PathBuf {
    scenario.with_extension(format!("caller-{number}.wav"))
}

async fn said(tts: &dyn Tts, words: String) -> anyhow::Result<Pcm<16_000>> {
    let pieces = tokio::time::timeout(SAID, tts.speak(words).try_collect::<Vec<_>>());
    let pieces = pieces
        .await
        .context("TTS said nothing for the simulated caller")??;
    Ok(Resampler::<24_000, 16_000>::convert(&Pcm::concat(&pieces)))
}
