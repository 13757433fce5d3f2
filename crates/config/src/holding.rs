//! `[holding]`: what callers hear while the agent thinks or its tools work.

use std::time::Duration;

use super::files::Files;
use super::section::Section;
pub use super::sound::Sound;
use super::timing::{ms, secs};
use sidetone_base::audio::Pcm;

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// The sound. A file is read when a call begins.
    pub sound: Sound,
    /// Silence before the sound begins.
    pub after: Duration,
    /// How loud the sound is, 0 to 1: its samples are multiplied with this.
    pub volume: f32,
}

impl Holding {
    /// The sound, to be repeated as long as the caller waits.
    ///
    /// # Errors
    /// When the file cannot be read, is too large or too short, or is no WAV file.
    pub fn read(&self) -> Result<Pcm<48_000>, String> {
        self.sound.read()
    }
}

/// `None` if the file names no sound.
pub(super) fn read(mut section: Section<'_>, files: &Files<'_>) -> Option<Holding> {
    let text = section.text("sound");
    let after = section.duration("after", ms(1500), ms(200)..=secs(30));
    let volume = section.fraction("volume", 0.3, 0.0..=1.0);
    let holding = text.map(|text| {
        let sound = files.sound(files.path(&text.value));
        if let Err(problem) = sound.read() {
            section.complain(
                &text.place,
                format!("holding.sound = {:?}: {problem}", text.value),
            );
        }
        Holding {
            sound,
            after,
            volume,
        }
    });
    section.finish();
    holding
}

#[cfg(test)]
mod tests;
