//! The folder that holds recordings until they are in the bucket (or for good, without one).
//!
//! A file is locked while it is written or uploaded (see [`claim`]).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::ogg::{self, Written};
use sidetone_base::{claim, private};

/// The folder, and how much it may hold.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
    limit: u64,
}

/// A recording's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The recording's id; its first part is the time, so entries sort by age.
    pub id: Uuid,
    /// The call's id.
    pub call_id: Uuid,
    /// Path of the file.
    pub path: PathBuf,
}

impl Spool {
    /// A spool in `folder`, which is created when it is needed.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit }
    }

    /// The entry of a recording, whether or not its file exists.
    pub fn entry(&self, id: Uuid, call_id: Uuid) -> Entry {
        let path = self.folder.join(format!("{call_id}.{id}.ogg"));
        Entry { id, call_id, path }
    }

    /// Creates an entry's file, locked.
    ///
    /// # Errors
    /// If the spool is full, or the folder cannot be written.
    pub fn begin(&self, entry: &Entry) -> io::Result<File> {
        private::folder(&self.folder)?;
        let used = self.used()?;
        if used >= self.limit {
            return Err(io::Error::other(format!(
                "{} holds {used} bytes of recordings, the limit is {}: see why they are not \
                 uploaded, delete calls, or raise SIDETONE_RECORDING_SPOOL_LIMIT",
                self.folder.display(),
                self.limit
            )));
        }
        let mut options = private::options();
        options.read(true).write(true).create_new(true);
        claim::create(&entry.path, &options)
    }

    /// All entries, oldest first.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let files = match fs::read_dir(&self.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut entries: Vec<Entry> = files
            .filter_map(|file| Entry::parse(&file.ok()?.path()))
            .collect();
        entries.sort();
        Ok(entries)
    }

    fn used(&self) -> io::Result<u64> {
        let size = |entry: Entry| fs::metadata(entry.path).map_or(0, |file| file.len());
        Ok(self.entries()?.into_iter().map(size).sum())
    }
}

impl Entry {
    fn parse(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_suffix(".ogg")?;
        let (call_id, id) = name.split_once('.')?;
        Some(Self {
            id: id.parse().ok()?,
            call_id: call_id.parse().ok()?,
            path: path.to_owned(),
        })
    }

    /// The file, locked. `None` if somebody else works on it, or it is gone.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn claim(&self) -> io::Result<Option<File>> {
        claim::claim(&self.path)
    }

    /// Measures a claimed file, and cuts off the partial page of a killed writer.
    ///
    /// # Errors
    /// If it cannot be read, or contains no recording.
    pub fn measure(&self, file: &File) -> io::Result<Written> {
        let written = ogg::measure(io::BufReader::new(file))?;
        if file.metadata()?.len() > written.bytes {
            file.set_len(written.bytes)?;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests;
