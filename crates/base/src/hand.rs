//! The backend's hand on a live call: what a control plane tells the agent of one call to do, and what the
//! agent answers.
//!
//! An order goes to the agent as an RPC of LiveKit's server ([`METHOD`]), its payload signed
//! ([`crate::signed`]). Each has an id: an agent that gets one again does nothing, and answers as before. So
//! whoever was not answered sends it again.

use serde::{Deserialize, Serialize};

/// The RPC method by which an agent takes orders; the topic of their signature, too.
pub const METHOD: &str = "sidetone.command";
/// Longest text of an order, in characters. Escaped twice it still fits into a request, which LiveKit limits
/// to 15 KiB.
pub const LONGEST_TEXT: usize = 2_000;

/// A command to one agent in one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The same each time that it is sent.
    pub id: String,
    /// What is to be done.
    pub command: Command,
}

/// What an agent can be told to do.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Command {
    /// Say this as the agent's own words, as soon as nobody speaks.
    Say {
        /// The words.
        text: String,
        /// Whether the caller can talk it down.
        interruptible: bool,
    },
    /// Mind this from the next answer on.
    Instruct {
        /// A note to the model.
        text: String,
        /// Speak of it by itself, as soon as nobody speaks.
        answer: bool,
    },
    /// Neither hear nor speak.
    Mute {},
    /// Hear and speak again.
    Unmute {},
    /// Let another agent go on.
    HandOver {
        /// Its name.
        agent: String,
        /// What it says first.
        text: Option<String>,
    },
    /// Put the caller through to a person.
    PutThrough {
        /// The person's name in the agent's file.
        person: String,
        /// What the caller is told first.
        text: Option<String>,
    },
    /// End the call.
    End {
        /// What is said first.
        text: Option<String>,
    },
}

impl Command {
    /// Its name, as it is logged.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Say { .. } => "say",
            Self::Instruct { .. } => "instruct",
            Self::Mute {} => "mute",
            Self::Unmute {} => "unmute",
            Self::HandOver { .. } => "hand over",
            Self::PutThrough { .. } => "put through",
            Self::End { .. } => "end",
        }
    }
}

/// Says what kind it is, never the words: they are personal data.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It is done, or has begun.
    Done(Done),
    /// Nothing was done.
    Refused(Refused),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Done {
    /// The agent speaks now.
    Speaking,
    /// The agent speaks as soon as nobody else does.
    Waiting,
    /// The model minds it from its next answer on.
    Noted,
    /// The agent neither hears nor speaks.
    Muted,
    /// The agent hears and speaks again.
    Unmuted,
    /// The other agent has the call.
    HandedOver,
    /// The person is called, or will be when the sentence was heard.
    Calling,
    /// The call ends, after the sentence, if there is one.
    Ending,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refused {
    /// No caller is there.
    NobodyThere,
    /// The agent is muted.
    Muted,
    /// The call is ending already.
    Ending,
    /// As much waits to be said, or is noted, as may.
    Full,
    /// More orders came than one call takes.
    TooMany,
    /// The caller encrypts, so that the agent can neither be heard nor hear.
    Encrypted,
    /// A person is being called already.
    PersonCalled,
    /// Nobody of this name can take the call; these can.
    Unknown(Vec<String>),
}
