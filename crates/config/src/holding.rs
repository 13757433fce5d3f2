//! `[holding]`: what callers hear while the agent thinks or its tools work.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::section::Section;
use super::timing::{ms, secs};
use sidetone_base::audio::{Pcm, wav};

/// The largest file: 20 s of stereo at 48 kHz and 16 bits fit.
const MOST_BYTES: u64 = 4 << 20;
/// A shorter sound would click when it is repeated.
const SHORTEST: Duration = Duration::from_millis(100);

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// The WAV file. It is read when a call begins.
    pub sound: PathBuf,
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
        sound(&self.sound)
    }
}

/// `None` if the file names no sound. `folder` is where relative paths begin.
pub(super) fn read(mut section: Section<'_>, folder: &Path) -> Option<Holding> {
    let text = section.text("sound");
    let after = section.duration("after", ms(1500), ms(200)..=secs(30));
    let volume = section.fraction("volume", 0.3, 0.0..=1.0);
    let holding = text.map(|text| {
        let path = folder.join(&text.value);
        if let Err(problem) = sound(&path) {
            section.complain(
                &text.place,
                format!("holding.sound = {:?}: {problem}", text.value),
            );
        }
        Holding {
            sound: path,
            after,
            volume,
        }
    });
    section.finish();
    holding
}

fn sound(path: &Path) -> Result<Pcm<48_000>, String> {
    let unread = |error: std::io::Error| format!("cannot be read: {error}");
    let about = std::fs::metadata(path).map_err(unread)?;
    if about.len() > MOST_BYTES {
        return Err(format!(
            "has {} bytes, {MOST_BYTES} at most: 20 s in stereo at 48 kHz; shorten it, it is repeated",
            about.len()
        ));
    }
    let sound: Pcm<48_000> = wav::parse(&std::fs::read(path).map_err(unread)?)?;
    if sound.duration() < SHORTEST {
        return Err(format!(
            "lasts {:?}, {SHORTEST:?} at least",
            sound.duration()
        ));
    }
    Ok(sound)
}

#[cfg(test)]
mod tests;
