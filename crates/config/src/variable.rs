//! What is wrong with a variable of the environment.

/// A variable whose value cannot be used; the process does not start with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is \"{value}\": {fix}")]
pub struct BadVariable {
    /// Name of the variable.
    pub name: &'static str,
    /// What it holds (never a secret's value).
    pub value: String,
    /// What to write instead.
    pub fix: String,
}
