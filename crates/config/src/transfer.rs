//! The persons to whom a caller can be transferred, as an agent's file names them.

use std::time::Duration;

use serde_json::{Value, json};

use super::built_in::BuiltIn;
use super::section::Section;
use super::timing::secs;

/// The settings of the tool `transfer`.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// The persons that the model may choose.
    pub targets: Vec<Target>,
    /// How long a person may take to answer or to join.
    pub ring: Duration,
    /// Said if nobody has come.
    pub failed: String,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The model's name for the person.
    pub name: String,
    /// When to choose this person, for the model.
    pub about: String,
    /// How the person is reached.
    pub to: To,
}

/// How a person is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// A user of the product, who joins the room like the callee of a user-to-user call.
    Identity(String),
    /// A telephone: `tel:` or `sip:`. The caller must be on a telephone, too.
    Phone(String),
}

/// Reads the keys of `transfer` in a tool's table.
pub fn read(section: &mut Section<'_>, built_in: &BuiltIn) -> Transfer {
    let ring = section.duration("ring", secs(30), secs(5)..=secs(60));
    let failed = section.text("failed");
    let _ = target(&mut section.any("targets"));
    let mut targets = Vec::new();
    for (name, mut part) in section.each("targets") {
        let (about, identity, phone) = target(&mut part);
        let to = match (identity, phone) {
            (Some(identity), None) => Some(To::Identity(identity)),
            (None, Some(phone)) => Some(To::Phone(phone)),
            (Some(_), Some(_)) => {
                part.complain_here(format!(
                    "tools.transfer.targets.{name} has an identity and a phone; keep one"
                ));
                None
            }
            (None, None) => {
                part.complain_here(format!(
                    "tools.transfer.targets.{name} has neither identity nor phone; write who is \
                     called, such as identity = \"anna\" or phone = \"tel:+4930123456\""
                ));
                None
            }
        };
        part.finish();
        targets.extend(to.map(|to| Target { name, about, to }));
    }
    Transfer {
        targets,
        ring,
        failed: failed.map_or_else(|| built_in.transfer_failed.to_owned(), |text| text.value),
    }
}

fn target(part: &mut Section<'_>) -> (String, Option<String>, Option<String>) {
    let about = part.text("about").map_or_else(String::new, |t| t.value);
    let identity = part.text("identity");
    let phone = part.text("phone");
    if let Some(phone) = &phone {
        let value = phone.value.as_str();
        let rest = value
            .strip_prefix("tel:")
            .or_else(|| value.strip_prefix("sip:"));
        if rest.is_none_or(str::is_empty) {
            let path = part.full("phone");
            let message = format!(
                "{path} = {value:?} must begin with tel: or sip:, such as \"tel:+4930123456\""
            );
            part.complain(&phone.place, message);
        }
    }
    let identity = identity.filter(|text| {
        let is_good = !text.value.trim().is_empty();
        if !is_good {
            let path = part.full("identity");
            part.complain(&text.place, format!("{path} is empty; name a user's id"));
        }
        is_good
    });
    (about, identity.map(|t| t.value), phone.map(|t| t.value))
}

impl Transfer {
    /// JSON Schema of the arguments.
    pub fn parameters(&self) -> Value {
        let names: Vec<&str> = self.targets.iter().map(|t| t.name.as_str()).collect();
        let abouts = self.targets.iter().filter(|t| !t.about.is_empty());
        let abouts: Vec<String> = abouts.map(|t| format!("{}: {}", t.name, t.about)).collect();
        json!({
            "type": "object", "required": ["to", "say"],
            "properties": {
                "to": {"type": "string", "enum": names, "description": abouts.join("; ")},
                "say": {
                    "type": "string",
                    "description": "What the caller is told first, one short sentence",
                },
            },
        })
    }

    /// The person of this name.
    pub fn find(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }
}
