//! Problems in configuration files, each with its place and how to fix it.

/// One problem, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// The line in the file, from 1, if there is one to name.
    pub line: Option<usize>,
    /// Names the key, the value and the fix.
    pub message: String,
}

/// All problems, in the order of files and lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<ConfigError>);

impl Problems {
    /// Sorts and deduplicates the problems: files may share `defaults.toml`.
    ///
    /// # Errors
    /// There is at least one.
    pub fn check(mut problems: Vec<ConfigError>) -> Result<(), Self> {
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self(problems))
        }
    }
}

impl From<ConfigError> for Problems {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}
