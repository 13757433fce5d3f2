//! Labels whose words come from operators' files.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// How many names a label has at most: files that are edited for months must not fill a scraper's disk.
pub const NAMES: usize = 64;
/// Stands for all names beyond [`NAMES`].
const OTHER: &str = "other";
/// Longer names are none that a person has chosen.
const LONGEST: usize = 96;

/// The names of one kind that were seen.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<BTreeSet<String>>);

impl Names {
    /// The label's word for `name`: itself, or [`OTHER`] where there are too many.
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
