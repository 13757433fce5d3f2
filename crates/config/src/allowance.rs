//! The limits for one user of the API.

use super::variable::BadVariable;

/// The limits for each user, whoever makes the request: the user's own client, or a backend with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLimits {
    /// Requests per minute that change something, in the long run; a third of them may come at once.
    pub requests_a_minute: u32,
    /// Valid tokens that nobody has used yet. `None` for no limit.
    pub tokens: Option<u32>,
    /// Calls at the same time. `None` for no limit.
    pub calls: Option<u32>,
}

impl Default for UserLimits {
    fn default() -> Self {
        Self {
            requests_a_minute: 60,
            tokens: Some(20),
            calls: Some(10),
        }
    }
}

impl UserLimits {
    pub(super) fn read(var: &impl Fn(&str) -> Option<String>) -> Result<Self, BadVariable> {
        let default = Self::default();
        let number = |name: &'static str, least: u32| {
            let read = |value: String| match value.parse() {
                Ok(number) if number >= least => Ok(number),
                _ => Err(BadVariable {
                    name,
                    value,
                    fix: match least {
                        0 => "write a whole number; 0 means no limit".into(),
                        _ => format!("write a whole number of at least {least}"),
                    },
                }),
            };
            var(name).map(read).transpose()
        };
        let some = |number: u32| Some(number).filter(|number| *number > 0);
        Ok(Self {
            requests_a_minute: number("SIDETONE_USER_REQUESTS", 1)?
                .unwrap_or(default.requests_a_minute),
            tokens: number("SIDETONE_USER_TOKENS", 0)?.map_or(default.tokens, some),
            calls: number("SIDETONE_USER_CALLS", 0)?.map_or(default.calls, some),
        })
    }
}
