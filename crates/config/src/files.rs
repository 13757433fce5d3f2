//! The files that agents consist of, each read once.
//!
//! The text that an agent is made from and the text that later passes compare with must be the same. A file that is
//! read a second time for the comparison may have been saved in between: its old text would be used and its new text
//! remembered, and no later pass would find a change.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::problem::ConfigError;

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

pub(crate) fn text_of(path: &Path, read: Read<'_>) -> Result<String, Unreadable> {
    read(path).map_err(|error| Unreadable {
        kind: error.kind(),
        message: error.to_string(),
    })
}

/// One pass over the files of a folder.
pub(crate) struct Files<'a> {
    folder: &'a Path,
    read: Read<'a>,
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
            ahead: RefCell::new(ahead),
            asked: RefCell::default(),
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

    /// Everything that was requested.
    pub(crate) fn into_texts(self) -> Texts {
        self.asked.into_inner()
    }
}
