//! Where a process finds the agents' files.

use super::variable::BadVariable;

/// The variable that says it.
const NAME: &str = "SIDETONE_AGENTS";

/// Where the agents' files are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgentsFrom {
    /// In a folder of this machine.
    #[default]
    Folder,
    /// In the store, for the whole pool: control planes publish their folder as an edition, and calls are held with
    /// the edition that was current when they began.
    Store,
}

impl AgentsFrom {
    /// Reads `SIDETONE_AGENTS`.
    ///
    /// # Errors
    /// The value is neither of the two.
    pub(super) fn read(value: Option<String>) -> Result<Self, BadVariable> {
        match value.as_deref() {
            None | Some("folder") => Ok(Self::Folder),
            Some("store") => Ok(Self::Store),
            Some(other) => Err(BadVariable {
                name: NAME,
                value: other.to_owned(),
                fix: "write folder (each process reads its own files) or store (the pool shares those that a control \
                      plane publishes)"
                    .to_owned(),
            }),
        }
    }
}
