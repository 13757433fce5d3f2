//! Files and folders that are their owner's alone: what is said in calls, and who says it, is in them.
//!
//! Whatever a process makes for itself is made here: folders 0700, files 0600, whatever its umask is. What
//! was there before stays as it is, and is told of ([`too_open`]): somebody may have meant it so.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Makes a folder, and those that it is in; one that is there stays as it is.
///
/// # Errors
/// It cannot be made.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens files; those that it makes are private.
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// What other users of the machine can get at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} can be read by other users of this machine (mode {mode:04o}): recordings, transcripts and names of \
     callers are in it",
    path.display()
)]
pub struct TooOpen {
    /// The folder or file.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
}

impl TooOpen {
    /// How to fix it.
    pub fn fix(&self) -> String {
        let mode = if self.path.is_dir() { "700" } else { "600" };
        format!("chmod {mode} {}", self.path.display())
    }
}

/// Whether others than its owner may do anything with a folder or file; None when there is none.
pub fn too_open(path: &Path) -> Option<TooOpen> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| TooOpen {
        path: path.to_owned(),
        mode,
    })
}

#[cfg(test)]
mod tests;
