//! Labels whose values come from operators' files.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The most names that a label has: files that are edited for months must not fill a scraper's disk.
pub const NAMES: usize = 64;
/// Stands for all names beyond [`NAMES`].
const OTHER: &str = "other";
/// Names longer than this were not chosen by a person.
const LONGEST: usize = 96;

/// The names of one kind seen so far.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<BTreeSet<String>>);

impl Names {
    /// The label's value for `name`: the name itself, or [`OTHER`] if there are too many.
    pub(super) fn label<'a>(&self, name: &'a str) -> &'a str {
        if name.len() > LONGEST {
            return OTHER;
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(name) {
            return name;
        }
        if seen.len() >= NAMES {
            return OTHER;
        }
        seen.insert(name.to_owned());
        name
    }
}
