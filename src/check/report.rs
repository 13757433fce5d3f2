//! The results of the checks, and how they are printed.

use std::fmt::Write as _;

use serde::Serialize;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Works, but less well than it could.
    Note,
    /// Calls will not work.
    Wrong,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What was checked.
    pub name: &'static str,
    /// Its result.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The request that was made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

/// A real request to a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The agents whose calls send it.
    pub agents: Vec<String>,
    /// The provider's name in their files.
    pub provider: String,
    /// The requested model.
    pub model: String,
    /// How long the first piece of the answer took, in milliseconds. `None` if there was none.
    pub first_piece_ms: Option<u64>,
}

impl Item {
    /// As it should be.
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Ok,
            found: found.into(),
            fix: None,
            request: None,
        }
    }

    /// Works, but less well than it could.
    pub fn note(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Note,
            found: found.into(),
            fix: Some(fix.into()),
            request: None,
        }
    }

    /// Calls will not work.
    pub fn wrong(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            outcome: Outcome::Wrong,
            found: found.into(),
            fix: Some(fix.into()),
            request: None,
        }
    }
}

/// All checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order of checking.
    pub items: Vec<Item>,
}

impl Report {
    /// Whether nothing is wrong (notes do not count): exit code 0.
    pub fn is_good(&self) -> bool {
        self.items.iter().all(|item| item.outcome != Outcome::Wrong)
    }

    /// A line for each check, with the fix below if something is wrong.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for item in &self.items {
            let sign = match item.outcome {
                Outcome::Ok => '✓',
                Outcome::Note => '·',
                Outcome::Wrong => '✗',
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{sign} {:<12} {}", item.name, item.found);
            if let Some(fix) = &item.fix {
                let _ = writeln!(text, "  {:<12} → {fix}", "");
            }
        }
        text
    }
}
