//! The persons to whom a caller can be transferred, as an agent's file names them.

use std::time::Duration;

use serde_json::{Value, json};

use super::built_in::BuiltIn;
use super::section::{Section, Text};
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
    /// Said to the caller again and again while a person is called and briefed; may be empty.
    pub hold: String,
    /// Asked of a person who was briefed: which key takes the call ([`TAKE`]), and which declines it ([`DECLINE`]).
    pub question: String,
}

/// The key by which a person who was briefed takes the call.
pub const TAKE: char = '1';
/// The key by which that person declines it.
pub const DECLINE: char = '2';

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
    /// A telephone that the agent calls itself, to brief the person before the caller is put through.
    Warm {
        /// The number to dial.
        number: String,
        /// LiveKit's id of an outbound SIP trunk.
        trunk: String,
    },
}

/// Reads the keys of `transfer` in a tool's table.
pub fn read(section: &mut Section<'_>, built_in: &BuiltIn) -> Transfer {
    let ring = section.duration("ring", secs(30), secs(5)..=secs(60));
    let failed = section.text("failed");
    let hold = section.text("hold");
    let question = section.text("question");
    let _ = Keys::read(&mut section.any("targets"));
    let mut targets = Vec::new();
    for (name, mut part) in section.each("targets") {
        let keys = Keys::read(&mut part);
        let to = keys.to(&name, &part);
        part.finish();
        let about = keys.about;
        targets.extend(to.map(|to| Target { name, about, to }));
    }
    let words = |text: Option<Text<'_>>, default: &str| {
        text.map_or_else(|| default.to_owned(), |text| text.value.trim().to_owned())
    };
    Transfer {
        targets,
        ring,
        failed: words(failed, built_in.transfer_failed),
        hold: words(hold, built_in.transfer_hold),
        question: words(question, built_in.transfer_question),
    }
}

/// The keys of a target.
struct Keys {
    about: String,
    identity: Option<String>,
    phone: Option<String>,
    warm: bool,
    trunk: Option<String>,
}

impl Keys {
    fn read(part: &mut Section<'_>) -> Self {
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
        Self {
            about,
            identity: identity.map(|t| t.value),
            phone: phone.map(|t| t.value),
            warm: part.flag("warm", false),
            trunk: part.text("trunk").map(|t| t.value),
        }
    }

    /// Whom these keys name.
    fn to(&self, name: &str, part: &Section<'_>) -> Option<To> {
        let target = format!("tools.transfer.targets.{name}");
        let wrong = |message: String| {
            part.complain_here(message);
            None
        };
        match (&self.identity, &self.phone, &self.trunk) {
            (Some(_), Some(_), _) => {
                wrong(format!("{target} has an identity and a phone; keep one"))
            }
            (None, None, _) => wrong(format!(
                "{target} has neither identity nor phone; write who is called, such as identity = \"anna\" or \
                 phone = \"tel:+4930123456\""
            )),
            (Some(_), None, _) if self.warm => wrong(format!(
                "{target} is warm and has an identity; only a telephone is briefed: write a phone, or leave warm out"
            )),
            (_, _, Some(_)) if !self.warm => wrong(format!(
                "{target} has a trunk and is not warm; write warm = true, or leave the trunk out: a telephone that \
                 is not briefed is reached by the caller's own trunk"
            )),
            (Some(identity), None, _) => Some(To::Identity(identity.clone())),
            (None, Some(phone), None) if !self.warm => Some(To::Phone(phone.clone())),
            (None, Some(_), None) => wrong(format!(
                "{target} is warm and has no trunk; write the id of an outbound SIP trunk of LiveKit's, such as \
                 trunk = \"ST_Kx2mEv8Vd3Qa\""
            )),
            (None, Some(phone), Some(trunk)) => match phone.strip_prefix("tel:") {
                Some(number) => Some(To::Warm {
                    number: number.to_owned(),
                    trunk: trunk.clone(),
                }),
                None => wrong(format!(
                    "{target}.phone = {phone:?} cannot be dialled over a trunk; for warm = true write a number, such \
                     as \"tel:+4930123456\""
                )),
            },
        }
    }
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

    /// Whether one of the persons is briefed.
    pub fn is_warm(&self) -> bool {
        let is_warm = |target: &Target| matches!(target.to, To::Warm { .. });
        self.targets.iter().any(is_warm)
    }
}
