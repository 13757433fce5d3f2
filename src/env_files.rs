//! `.env.local` and `.env` of the folder that a command runs in: variables for those who configure an application by
//! files, as with Next.js and similar frameworks.
//!
//! Variables of the process take precedence, even if blank (which unsets a variable of a file), and `.env.local` takes
//! precedence over `.env`. Values use dotenv's syntax: quotes, `export`, comments, `${OTHER}`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sidetone_base::private::{self, Holds, TooOpen};

/// The files, in order of precedence.
pub const FILES: [&str; 2] = [".env.local", ".env"];

/// A file that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFile {
    /// It cannot be read.
    #[error("{} cannot be read ({why}); fix or remove it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's message.
        why: String,
    },
    /// A line cannot be parsed. The line itself is not shown: it may contain a secret.
    #[error("{}:{line}: write NAME=value, or begin the line with # to leave it out", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// What the files of a folder add to the variables that a process `has`.
///
/// # Errors
/// If an existing file cannot be read, or one of its lines cannot be parsed.
pub fn read(
    folder: &Path,
    has: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, String>, BadFile> {
    let mut added = BTreeMap::new();
    for name in FILES {
        let path = folder.join(name);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                let why = error.to_string();
                return Err(BadFile::Unreadable { path, why });
            }
        };
        // Some editors put a byte order mark before the first name.
        let text = text.trim_start_matches('\u{feff}');
        for pair in dotenvy::from_read_iter(text.as_bytes()) {
            let (name, value) = pair.map_err(|error| bad_line(&path, text, &error))?;
            if !has(&name) {
                added.entry(name).or_insert(value);
            }
        }
    }
    Ok(added)
}

fn bad_line(path: &Path, text: &str, error: &dotenvy::Error) -> BadFile {
    let line = match error {
        dotenvy::Error::LineParse(bad, _) => {
            let first = bad.lines().next().unwrap_or_default();
            text.lines().position(|line| line == first)
        }
        _ => None,
    };
    BadFile::Line {
        path: path.to_owned(),
        line: line.unwrap_or_default() + 1,
    }
}

/// Adds them to this process's variables. Returns the names of the files found.
///
/// # Errors
/// See [`read`].
///
/// # Safety
/// No other thread may run yet.
pub unsafe fn load(folder: &Path) -> Result<Vec<&'static str>, BadFile> {
    for (name, value) in read(folder, |name| std::env::var_os(name).is_some())? {
        // SAFETY: the caller's promise.
        unsafe { std::env::set_var(name, value) };
    }
    let there = FILES.into_iter();
    Ok(there.filter(|name| folder.join(name).exists()).collect())
}

/// Those in the folder that a command runs in, if others can read them.
pub fn too_open() -> impl Iterator<Item = TooOpen> {
    let files = FILES.into_iter().map(Path::new);
    files.filter_map(|path| private::too_open(path, Holds::Keys))
}

#[cfg(test)]
mod tests;
