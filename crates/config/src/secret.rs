//! Values that must not be printed, and those that agents' files may name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sidetone_base::clock;

/// How often the file of a secret is read again at most.
const EVERY: Duration = Duration::from_secs(1);
/// HS256 needs a key at least as long as its hash (RFC 7518, 3.2).
pub const MIN_BYTES: usize = 32;
/// A secret with fewer different bytes was typed by hand, or is a placeholder.
const MIN_DIFFERENT: usize = 6;
/// Secrets that are published as examples in documents.
const PUBLISHED: [&str; 4] = [
    "a-string-secret-at-least-256-bits-long",
    "your-256-bit-secret",
    "your-super-secret-jwt-token-with-at-least-32-characters-long",
    "thiskeyisonlyfortestingthiskeyisonlyfortesting",
];

/// A value that must not reach a log: `Debug` never shows it. A secret in a file is read again when it is used, so
/// that it can be rotated while the process runs.
#[derive(Clone)]
pub struct Secret(Source);

#[derive(Clone)]
enum Source {
    /// The value, and the file that it was read from, if any.
    Fixed(Arc<str>, Option<Arc<Watched>>),
    File(Arc<Watched>),
}

/// Checks a secret before it is used; the error says what is wrong with it.
pub type Judge = fn(&str) -> Result<(), String>;

/// A file that holds a secret.
struct Watched {
    path: PathBuf,
    judge: Judge,
    state: Mutex<State>,
}

struct State {
    value: Arc<str>,
    looked_at: Instant,
    /// What was wrong with the file at the last check.
    trouble: Option<String>,
}

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Source::Fixed(value.into().into(), None))
    }

    /// The secret in a file, trimmed. The file is read again when the secret is used, at most once a second; as long
    /// as `judge` rejects its content, the last valid value is used.
    ///
    /// # Errors
    /// The file cannot be read, or `judge` rejects its content.
    pub fn in_file(path: impl Into<PathBuf>, judge: Judge) -> Result<Self, String> {
        let path = path.into();
        let value = read(&path, judge)?;
        Ok(Self(Source::File(Arc::new(Watched {
            path,
            judge,
            state: Mutex::new(State {
                value,
                looked_at: clock::now(),
                trouble: None,
            }),
        }))))
    }

    /// The value itself, for the one call that needs it.
    pub fn expose(&self) -> Arc<str> {
        match &self.0 {
            Source::Fixed(value, _) => Arc::clone(value),
            Source::File(file) => file.now(clock::now()),
        }
    }

    /// The current value, which never changes.
    #[must_use]
    pub fn fixed(&self) -> Self {
        let file = match &self.0 {
            Source::Fixed(_, file) => file.clone(),
            Source::File(file) => Some(Arc::clone(file)),
        };
        Self(Source::Fixed(self.expose(), file))
    }

    /// A secret that changes with its file, even if this one was [`fixed`](Self::fixed).
    #[must_use]
    pub(crate) fn live(&self) -> Self {
        match &self.0 {
            Source::Fixed(_, Some(file)) => Self(Source::File(Arc::clone(file))),
            Source::Fixed(_, None) | Source::File(_) => self.clone(),
        }
    }
}

impl Watched {
    fn now(&self, now: Instant) -> Arc<str> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(state.looked_at) < EVERY {
            return Arc::clone(&state.value);
        }
        state.looked_at = now;
        match read(&self.path, self.judge) {
            Ok(value) => {
                if value != state.value {
                    tracing::info!(file = %self.path.display(), "a secret has changed; the new one is used");
                }
                (state.value, state.trouble) = (value, None);
            }
            Err(trouble) => {
                if state.trouble.as_ref() != Some(&trouble) {
                    let file = self.path.display();
                    tracing::error!(%file, "the secret stays as it was: {trouble}");
                }
                state.trouble = Some(trouble);
            }
        }
        Arc::clone(&state.value)
    }
}

fn read(path: &Path, judge: Judge) -> Result<Arc<str>, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("it cannot be read ({error})"))?;
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty; write the secret into it".into());
    }
    judge(text)?;
    Ok(text.into())
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

/// Whether a secret used for signing is hard to guess.
///
/// # Errors
/// The text says why it is not, and how to make a better one.
pub fn check_strength(secret: &str, min_bytes: usize) -> Result<(), String> {
    let different: std::collections::BTreeSet<u8> = secret.bytes().collect();
    let why = if secret.len() < min_bytes {
        format!(
            "it has {} bytes, but needs at least {min_bytes}",
            secret.len()
        )
    } else if different.len() < MIN_DIFFERENT {
        format!("it has only {} different characters", different.len())
    } else if PUBLISHED.contains(&secret) {
        "it is an example from public documentation".to_owned()
    } else {
        return Ok(());
    };
    Err(format!(
        "{why}, so it can be guessed, and whoever guesses it can sign in as anybody; make one with `openssl rand \
         -base64 48`"
    ))
}

/// Accepts any secret; others check it.
pub(super) fn any(_: &str) -> Result<(), String> {
    Ok(())
}

/// Secrets that agents' files may name in headers: `{{ secret.booking }}` is the variable `SIDETONE_SECRET_BOOKING`,
/// or the content of the file named by `SIDETONE_SECRET_BOOKING_FILE`. Nothing else in the environment can be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    const PREFIX: &str = "SIDETONE_SECRET_";

    /// The secrets in the process's environment.
    pub fn read() -> Self {
        Self::from_variables(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// Like [`Secrets::read`], from any variables. A secret whose file cannot be read is skipped and logged.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let named = variables.into_iter().filter_map(|(variable, value)| {
            let name = variable.strip_prefix(Self::PREFIX)?.to_lowercase();
            if value.is_empty() {
                return None;
            }
            let Some(name) = name.strip_suffix("_file") else {
                return Some((name, Secret::new(value)));
            };
            match Secret::in_file(&value, any) {
                Ok(secret) => Some((name.to_owned(), secret)),
                Err(why) => {
                    tracing::error!("{variable} is {value:?}: {why}");
                    None
                }
            }
        });
        Self(named.collect())
    }

    /// The current values, which never change: whatever was read with them is read again when the secrets change.
    #[must_use]
    pub fn fixed(&self) -> Self {
        let now = self
            .0
            .iter()
            .map(|(name, secret)| (name.clone(), secret.fixed()));
        Self(now.collect())
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, secret)| (name.as_str(), secret))
    }

    /// The secret of this name, in lower case.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// The variable that holds the secret of this name.
    pub fn variable(name: &str) -> String {
        format!("{}{}", Self::PREFIX, name.to_uppercase())
    }
}

#[cfg(test)]
mod tests;
