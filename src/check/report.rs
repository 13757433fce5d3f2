//! What was looked at, and how it is printed.

use std::fmt::Write as _;

use serde::Serialize;

/// Whether a thing is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Works, but less than it could.
    Note,
    /// Calls will not work.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The request that was made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

/// A real request to a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Whose calls ask it.
    pub agents: Vec<String>,
    /// By the name in their files.
    pub provider: String,
    /// What was asked.
    pub model: String,
    /// How long the first piece of the answer took, in milliseconds; none: there was none.
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

    /// Works, but less than it could.
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

/// All that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order it was looked at.
    pub items: Vec<Item>,
}

impl Report {
    /// Nothing is wrong (notes do not count): exit code 0.
    pub fn is_good(&self) -> bool {
        self.items.iter().all(|item| item.outcome != Outcome::Wrong)
    }

    /// A line for each thing, and under what is wrong the fix.
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
