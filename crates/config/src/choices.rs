//! What an agent's file lets end users choose, and which names are reserved. PURE.
//!
//! A user is somebody who is signed in to the product, or who is in the room; not a backend and not an admin. What a
//! user writes has no effect unless the file lists it: variables fill prompts, addresses and headers that are sent
//! with the operator's secrets.

use std::collections::{BTreeMap, BTreeSet};

use super::section::Section;

/// Names that templates know in every call; no variable may have them.
pub const RESERVED_VARIABLES: [&str; 6] =
    ["caller", "call", "dispatch", "lookup", "args", "secret"];
/// Prefixes of names to which LiveKit, its telephony or Sidetone itself give a meaning.
const RESERVED_PREFIXES: [&str; 3] = ["sidetone", "lk", "sip"];
/// Prefixes of identities that LiveKit or Sidetone assign: to an agent, a telephone, a recorder, an ingress. Whoever
/// joined with such an identity would take the place of one.
const RESERVED_IDENTITIES: [&str; 5] = ["agent-", "sip_", "sidetone-", "EG_", "IN_"];
/// Attributes that LiveKit's SIP bridge fills with headers written by the caller's side.
const SIP_HEADERS: &str = "sip.h.";

/// What users may choose about an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChoices {
    /// Whether users may choose this agent.
    pub may_choose: bool,
    /// The variables that users may set; templates also see the users' attributes of these names.
    pub variables: BTreeSet<String>,
}

/// A caller, as the room shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Their identity in LiveKit.
    pub identity: String,
    /// Their display name; usually their own words.
    pub name: String,
    /// Participant attributes.
    pub attributes: BTreeMap<String, String>,
    /// Whether they came through LiveKit's SIP bridge.
    pub by_telephone: bool,
    /// Whether they may change their attributes, so that these are their own words.
    pub writes_attributes: bool,
}

impl UserChoices {
    /// Reads the keys of an agent's file.
    pub(super) fn read(top: &mut Section<'_>) -> Self {
        let may_choose = top.flag("user_may_choose", false);
        let variables: BTreeSet<String> =
            top.list("user_variables", Vec::new()).into_iter().collect();
        for name in &variables {
            // Reserved names that are headers of a telephone call are allowed.
            if !name.starts_with(SIP_HEADERS)
                && let Err(why) = check_variable(name)
            {
                top.complain_here(format!("user_variables: {name:?}: {why}"));
            }
        }
        Self {
            may_choose,
            variables,
        }
    }

    /// What templates may see of a caller's attributes, and the names of the others:
    ///
    /// - what the SIP bridge says about a telephone (`sip.…`), except headers that the other side wrote;
    /// - what a signed token gave somebody who cannot change it, except reserved names;
    /// - what [`UserChoices::variables`] lists.
    pub fn attributes(&self, caller: &Caller) -> (BTreeMap<String, String>, Vec<String>) {
        let is_seen = |name: &String| {
            if self.variables.contains(name) {
                return name.starts_with(SIP_HEADERS) || !is_reserved(name);
            }
            if caller.by_telephone {
                return name.starts_with("sip.") && !name.starts_with(SIP_HEADERS);
            }
            !caller.writes_attributes && !is_reserved(name)
        };
        let (seen, passed): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (caller.attributes.clone().into_iter()).partition(|(name, _)| is_seen(name));
        (seen, passed.into_keys().collect())
    }
}

/// Whether LiveKit, its telephony or Sidetone give the name a meaning: `lk.…`, `sip.…`, `sidetone.…`.
pub fn is_reserved(name: &str) -> bool {
    RESERVED_PREFIXES.into_iter().any(|prefix| {
        let rest = name.get(prefix.len()..).filter(|_| {
            name.get(..prefix.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
        });
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_', '-', ':', '/']))
    })
}

/// Checks whether a variable may have this name, whoever sets it.
///
/// # Errors
/// The name is reserved.
pub fn check_variable(name: &str) -> Result<(), String> {
    let root = name.split('.').next().unwrap_or(name);
    if RESERVED_VARIABLES.contains(&root) || is_reserved(name) {
        return Err("the name has a meaning of its own; use another".into());
    }
    Ok(())
}

/// Checks whether a person may be in a room with this identity.
///
/// # Errors
/// LiveKit or Sidetone assign identities of this form.
pub fn check_identity(identity: &str) -> Result<(), String> {
    let taken = RESERVED_IDENTITIES.into_iter().find(|prefix| {
        identity
            .get(..prefix.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    });
    match taken {
        Some(prefix) => Err(format!(
            "begins with {prefix:?}, as the identities of agents, telephones and recorders do; a person with such a name could take their place"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
