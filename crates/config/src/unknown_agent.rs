//! What happens to a call if the requested agent does not exist.

use super::variable::BadVariable;

/// The variable that configures it.
const NAME: &str = "SIDETONE_UNKNOWN_AGENT";

/// Who answers a dispatch that names an agent without a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownAgent {
    /// The default agent: a caller is better off with it than with nobody.
    #[default]
    Default,
    /// Nobody: the caller is told so in a sentence, and the room is closed.
    End,
}

impl UnknownAgent {
    /// Reads `SIDETONE_UNKNOWN_AGENT`.
    ///
    /// # Errors
    /// The value is neither of the two.
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
