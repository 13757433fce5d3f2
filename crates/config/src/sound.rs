//! A sound that an agent's file names: on the disk, or in an edition.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sidetone_base::audio::{Pcm, wav};

/// The largest file: 20 s of stereo at 48 kHz and 16 bits fit.
const MOST_BYTES: u64 = 4 << 20;
/// A shorter sound would click when it is repeated.
const SHORTEST: Duration = Duration::from_millis(100);

/// Where a WAV file is.
#[derive(Clone, PartialEq)]
pub enum Sound {
    /// On the disk.
    File(PathBuf),
    /// In an edition. `None` if the edition lacks it.
    Stored(Option<Arc<[u8]>>),
}

/// Shows no samples.
impl std::fmt::Debug for Sound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Stored(_) => f.write_str("Stored"),
        }
    }
}

impl Sound {
    /// The WAV file's content.
    ///
    /// # Errors
    /// It cannot be read, or is too large.
    pub(crate) fn content(&self) -> Result<Arc<[u8]>, String> {
        let unread = |error: std::io::Error| format!("cannot be read: {error}");
        let fits = |bytes: u64| match bytes > MOST_BYTES {
            true => Err(format!(
                "has {bytes} bytes, but may have at most {MOST_BYTES} (20 s in stereo at 48 kHz); shorten it: it is repeated"
            )),
            false => Ok(()),
        };
        match self {
            Self::File(path) => {
                fits(fs::metadata(path).map_err(unread)?.len())?;
                Ok(fs::read(path).map_err(unread)?.into())
            }
            Self::Stored(Some(content)) => {
                fits(content.len() as u64)?;
                Ok(Arc::clone(content))
            }
            Self::Stored(None) => Err("is not in the edition".into()),
        }
    }

    /// The sound itself.
    ///
    /// # Errors
    /// As [`Sound::content`], or it is too short, or no WAV file.
    pub(crate) fn read(&self) -> Result<Pcm<48_000>, String> {
        let sound: Pcm<48_000> = wav::parse(&self.content()?)?;
        if sound.duration() < SHORTEST {
            return Err(format!(
                "lasts {:?}; it must last at least {SHORTEST:?}",
                sound.duration()
            ));
        }
        Ok(sound)
    }
}
