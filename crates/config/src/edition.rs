//! An edition: all files that the agents of a folder consist of, as one version that never changes. Control planes
//! publish it through the store, and the workers of a pool use it instead of the files on their own disks.

mod literal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::secret::Secrets;
pub(crate) use literal::secrets_in;

/// The most bytes of all files together: some holding sounds and thousands of prompts.
pub const MOST_BYTES: usize = 16 << 20;
/// The most files.
pub const MOST_FILES: usize = 500;
/// Digits of a version that people are shown, as of an agent's own.
const SHOWN: usize = 12;

/// See the module's documentation. Its files are named as the agents name them, relative to their folder.
#[derive(Clone, PartialEq, Eq)]
pub struct Edition {
    version: String,
    files: BTreeMap<String, Arc<[u8]>>,
}

/// The files are too large to be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the agents' files are {files} files of {bytes} bytes together; an edition has {MOST_FILES} files and {MOST_BYTES} \
     bytes at most: shorten the sounds, or take away agents that nobody calls"
)]
pub struct TooLarge {
    files: usize,
    bytes: usize,
}

impl Edition {
    /// The edition of these files.
    ///
    /// # Errors
    /// They are more, or larger, than a pool shares.
    pub fn new(files: BTreeMap<String, Arc<[u8]>>) -> Result<Self, TooLarge> {
        let bytes = files.values().map(|content| content.len()).sum();
        if files.len() > MOST_FILES || bytes > MOST_BYTES {
            let files = files.len();
            return Err(TooLarge { files, bytes });
        }
        Ok(Self {
            version: version(&files),
            files,
        })
    }

    /// The hash of its files' names and contents, 64 hexadecimal digits: the same files are the same version,
    /// whoever publishes them.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its files, by name.
    pub fn files(&self) -> &BTreeMap<String, Arc<[u8]>> {
        &self.files
    }

    /// Where its files seem to be, for paths in errors and for relative names.
    pub(crate) fn folder(&self) -> PathBuf {
        format!("edition-{}", short(&self.version)).into()
    }

    /// The content of the file at a path, which was made with [`Edition::folder`].
    pub(crate) fn content(&self, path: &Path) -> Option<&Arc<[u8]>> {
        self.files.get(&name_in(&self.folder(), path))
    }

    /// The paths of the TOML files beside the agents.
    pub(crate) fn listed(&self) -> impl Iterator<Item = PathBuf> {
        let here = self.files.keys().filter(|name| {
            let path = Path::new(name);
            path.components().count() == 1 && path.extension().is_some_and(|end| end == "toml")
        });
        here.map(|name| self.folder().join(name))
    }

    /// Secrets that stand in its files themselves, where their names belong: who reads the database would know them.
    pub(crate) fn leaks(&self, secrets: &Secrets) -> Vec<super::problem::ConfigError> {
        let texts = self.files.iter().filter_map(|(name, content)| {
            let text = std::str::from_utf8(content).ok()?;
            Some((self.folder().join(name).display().to_string(), text))
        });
        texts
            .flat_map(|(file, text)| secrets_in(&file, text, secrets))
            .collect()
    }
}

/// Shows no contents.
impl std::fmt::Debug for Edition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Edition")
            .field("version", &self.version)
            .field("files", &self.files.keys())
            .finish()
    }
}

/// A version as people are shown it.
pub fn short(version: &str) -> &str {
    version.get(..SHOWN).unwrap_or(version)
}

/// The name of a file relative to the agents' folder, as an agent's file would write it.
pub(crate) fn name_in(folder: &Path, path: &Path) -> String {
    let name = path.strip_prefix(folder).unwrap_or(path);
    name.display().to_string()
}

/// Each part is preceded by its length, so that no two editions have the same bytes.
fn version(files: &BTreeMap<String, Arc<[u8]>>) -> String {
    let mut hash = Sha256::new();
    for (name, content) in files {
        for part in [name.as_bytes(), content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
