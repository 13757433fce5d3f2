//! Files that only one process works on at a time.
//!
//! Whoever works on a file holds its lock. The lock ends with the process that holds it, so whoever gets it knows that
//! nobody else works on the file: any process may finish what a killed one left behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// Creates a file and locks it. `options` should set `create_new`, so that the name is unique.
///
/// # Errors
/// The file cannot be created or locked.
pub fn create(path: &Path, options: &OpenOptions) -> io::Result<File> {
    loop {
        let file = options.open(path)?;
        file.lock()?;
        // Another process may have claimed the file while it was empty, and deleted it.
        if path.exists() {
            return Ok(file);
        }
    }
}

/// Opens and locks a file. `None` if another process works on it, or if it does not exist.
///
/// # Errors
/// The file cannot be opened.
pub fn claim(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = match options.read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        // Another process may have finished and deleted it between opening and locking.
        Ok(()) if path.exists() => Ok(Some(file)),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
