//! What becomes of a call for which an agent is asked that there is not.

use super::variable::BadVariable;

/// The variable that says so.
const NAME: &str = "SIDETONE_UNKNOWN_AGENT";

/// Who answers a dispatch that names an agent without a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownAgent {
    /// The default agent: a caller is better off with it than with none.
    #[default]
    Default,
    /// Nobody: the caller is told in a sentence, and the room is ended.
    End,
}

impl UnknownAgent {
    /// Reads `SIDETONE_UNKNOWN_AGENT`.
    ///
    /// # Errors
    /// It is neither of the two.
    pub(super) fn read(value: Option<String>) -> Result<Self, BadVariable> {
        match value.as_deref() {
            None | Some("default") => Ok(Self::Default),
            Some("end") => Ok(Self::End),
            Some(other) => Err(BadVariable {
                name: NAME,
                value: other.to_owned(),
                fix: "write default (the default agent takes the call) or end (the caller is told, and the \
                      room is ended)"
                    .to_owned(),
            }),
        }
    }
}
