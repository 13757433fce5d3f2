//! What is wrong with configuration files: all of it, each with its place and its mending.

/// One thing that is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// Line in it, from 1, where there is one to name.
    pub line: Option<usize>,
    /// Names the key, the value and the fix.
    pub message: String,
}

/// All that is wrong, in the order of files and lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<ConfigError>);

impl Problems {
    /// Sorted, and each only once: files may share `defaults.toml`.
    ///
    /// # Errors
    /// There is one.
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
