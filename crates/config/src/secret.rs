//! Values that must not be printed, and those that agents' files may name.

use std::fmt;

/// A value that must not reach a log: `Debug` and `Display` never show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Secrets that agents' files may name in headers: `{{ secret.booking }}` is the variable
/// `SIDETONE_SECRET_BOOKING`. Nothing else of the environment can be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets(std::collections::BTreeMap<String, Secret>);

impl Secrets {
    const PREFIX: &str = "SIDETONE_SECRET_";

    /// Those of the process's environment.
    pub fn read() -> Self {
        Self::from_variables(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// As [`Secrets::read`], from any variables.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let named = variables.into_iter().filter_map(|(name, value)| {
            let name = name.strip_prefix(Self::PREFIX)?.to_lowercase();
            (!value.is_empty()).then_some((name, Secret(value)))
        });
        Self(named.collect())
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
