//! Files that one process works on at a time.
//!
//! A file is locked by whoever works on it. The lock ends with the process that holds it, so whoever gets
//! the lock knows that nobody else works on the file: what a killed process left, any other may finish.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// Creates a file, locked. `options` should say `create_new`, for a name of its own.
///
/// # Errors
/// It cannot be created or locked.
pub fn create(path: &Path, options: &OpenOptions) -> io::Result<File> {
    loop {
        let file = options.open(path)?;
        file.lock()?;
        // Another process may have claimed it while it was empty, and deleted it.
        if path.exists() {
            return Ok(file);
        }
    }
}

/// Opens a file, locked, when nobody else works on it. None also when it is gone.
///
/// # Errors
/// It cannot be opened.
pub fn claim(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let file = match options.read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        // Another may have finished and deleted it between the opening and the lock.
        Ok(()) if path.exists() => Ok(Some(file)),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
