//! Files and folders that only their owner may access: they hold what is said in calls, and by whom.
//!
//! Everything that a process creates for itself is created here: folders with mode 0700, files with mode 0600,
//! whatever its umask. What existed before stays as it is and is reported ([`too_open`]): somebody may have intended
//! it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Creates a folder and its parents; an existing one stays as it is.
///
/// # Errors
/// The folder cannot be created.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Options for opening files; those that they create are private.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// What a file or folder holds that is its owner's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// What is said in calls, and by whom.
    Calls,
    /// The operator's keys.
    Keys,
}

impl Holds {
    const fn named(self) -> &'static str {
        match self {
            Self::Calls => "recordings, transcripts and names of callers are in it",
            Self::Keys => "keys are in it",
        }
    }
}

/// A file or folder that other users of the machine can access.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} can be read by other users of this machine (mode {mode:04o}): {}",
    path.display(),
    holds.named()
)]
pub struct TooOpen {
    /// The folder or file.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
    /// What is in it.
    pub holds: Holds,
}

impl TooOpen {
    /// How to fix it.
    pub fn fix(&self) -> String {
        let mode = if self.path.is_dir() { "700" } else { "600" };
        format!("chmod {mode} {}", self.path.display())
    }
}

/// Whether anybody other than the owner has any permission on a folder or file. `None` also if it does not exist.
pub fn too_open(path: &Path, holds: Holds) -> Option<TooOpen> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| TooOpen {
        path: path.to_owned(),
        mode,
        holds,
    })
}

#[cfg(test)]
mod tests;
