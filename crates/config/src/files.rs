//! The files that agents consist of, each read once.
//!
//! The text that an agent is made from and the text that later passes compare with must be the same. A file that is
//! read a second time for the comparison may have been saved in between: its old text would be used and its new text
//! remembered, and no later pass would find a change.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::edition::Edition;
use super::problem::ConfigError;
use super::sound::Sound;

/// What was read of each file.
pub(crate) type Texts = BTreeMap<PathBuf, Result<String, Unreadable>>;

/// Why a file could not be read. It can be compared, so that a file that appears counts as a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Unreadable {
    kind: io::ErrorKind,
    message: String,
}

impl Unreadable {
    /// Whether the file does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        self.kind == io::ErrorKind::NotFound
    }

    /// Reports it as a problem in the configuration.
    pub(crate) fn problem(&self, path: &Path, advice: &str) -> ConfigError {
        ConfigError {
            file: path.display().to_string(),
            line: None,
            message: format!("cannot be read ({self}); {advice}"),
        }
    }
}

/// How a file is read; tests save files in between.
pub(crate) type Read<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

pub(crate) fn from_disk(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Reads from an edition, as if it were a folder.
pub(crate) fn from_edition(edition: &Edition, path: &Path) -> io::Result<String> {
    let content = edition.content(path).ok_or(io::ErrorKind::NotFound)?;
    let text = String::from_utf8(content.to_vec());
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

pub(crate) fn text_of(path: &Path, read: Read<'_>) -> Result<String, Unreadable> {
    read(path).map_err(|error| Unreadable {
        kind: error.kind(),
        message: error.to_string(),
    })
}

/// One pass over the files of a folder, or of an edition.
pub(crate) struct Files<'a> {
    folder: &'a Path,
    read: Read<'a>,
    /// None: they are on the disk.
    edition: Option<&'a Edition>,
    /// Read before this pass, and not requested yet.
    ahead: RefCell<Texts>,
    /// Requested in this pass.
    asked: RefCell<Texts>,
}

impl<'a> Files<'a> {
    /// A pass that has read nothing yet.
    pub(crate) fn new(folder: &'a Path, read: Read<'a>) -> Self {
        Self::with(folder, read, Texts::new())
    }

    /// A pass that uses what was read `ahead` of it.
    pub(crate) fn with(folder: &'a Path, read: Read<'a>, ahead: Texts) -> Self {
        Self {
            folder,
            read,
            edition: None,
            ahead: RefCell::new(ahead),
            asked: RefCell::default(),
        }
    }

    /// The same, with the sounds of an edition: `folder` and `read` are its own, too.
    pub(crate) fn of(edition: &'a Edition, folder: &'a Path, read: Read<'a>) -> Self {
        Self {
            edition: Some(edition),
            ..Self::new(folder, read)
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder
    }

    /// The path of a file that is named relative to the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The text of a file, which is the same however often it is requested.
    pub(crate) fn text(&self, path: &Path) -> Result<String, Unreadable> {
        let mut asked = self.asked.borrow_mut();
        let text = asked.entry(path.to_owned()).or_insert_with(|| {
            let ahead = self.ahead.borrow_mut().remove(path);
            ahead.unwrap_or_else(|| text_of(path, self.read))
        });
        text.clone()
    }

    /// The sound file at a path, which is read when it is needed.
    pub(crate) fn sound(&self, path: PathBuf) -> Sound {
        match self.edition {
            None => Sound::File(path),
            Some(edition) => Sound::Stored(edition.content(&path).cloned()),
        }
    }

    /// Everything that was requested.
    pub(crate) fn into_texts(self) -> Texts {
        self.asked.into_inner()
    }
}
