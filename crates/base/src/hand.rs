//! A backend's commands to a live call: what the control plane tells a call's agent to do, and what the agent answers.
//!
//! An order reaches the agent as an RPC from LiveKit's server ([`METHOD`]), with a signed payload ([`crate::signed`]).
//! Each has an id: an agent that receives one again does nothing and answers as before. So whoever got no answer sends
//! it again.

use serde::{Deserialize, Serialize};

/// The RPC method by which an agent receives orders; also the topic of their signature.
pub const METHOD: &str = "sidetone.command";
/// The longest text of an order, in characters. Even escaped twice it fits into a request, which LiveKit limits to 15
/// KiB.
pub const LONGEST_TEXT: usize = 2_000;

/// A command to one agent in one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The same each time the order is sent.
    pub id: String,
    /// What is to be done.
    pub command: Command,
}

/// What an agent can be told to do.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Command {
    /// Say this as the agent's own words, as soon as nobody is speaking.
    Say {
        /// The words.
        text: String,
        /// Whether the caller can interrupt it.
        interruptible: bool,
    },
    /// Follow this from the next reply on.
    Instruct {
        /// A note to the model.
        text: String,
        /// Whether to reply to it unprompted, as soon as nobody is speaking.
        answer: bool,
    },
    /// Neither listen nor speak.
    Mute {},
    /// Listen and speak again.
    Unmute {},
    /// Hand the call over to another agent.
    HandOver {
        /// The other agent's name.
        agent: String,
        /// What to say first.
        text: Option<String>,
    },
    /// Transfer the caller to a person.
    PutThrough {
        /// The person's name in the agent's file.
        person: String,
        /// What to tell the caller first.
        text: Option<String>,
    },
    /// End the call.
    End {
        /// What to say first.
        text: Option<String>,
    },
}

impl Command {
    /// Its name in logs.
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

/// Shows the kind of command, never the words: they are personal data.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It was carried out, or has begun.
    Done(Done),
    /// Nothing was done.
    Refused(Refused),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Done {
    /// The agent is speaking.
    Speaking,
    /// The agent will speak as soon as nobody else does.
    Waiting,
    /// The model follows it from its next reply on.
    Noted,
    /// The agent neither listens nor speaks.
    Muted,
    /// The agent listens and speaks again.
    Unmuted,
    /// The other agent has taken over.
    HandedOver,
    /// The person is being called, or will be once the sentence has been heard.
    Calling,
    /// The call is ending, after the sentence if there is one.
    Ending,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refused {
    /// There is no caller.
    NobodyThere,
    /// The agent is muted.
    Muted,
    /// The call is already ending.
    Ending,
    /// As much as allowed is already waiting to be said, or noted.
    Full,
    /// One call accepts no more orders than it has received.
    TooMany,
    /// The caller uses encryption, so that the agent can neither hear nor be heard.
    Encrypted,
    /// A person is already being called.
    PersonCalled,
    /// There is nobody of this name who can take the call; these can.
    Unknown(Vec<String>),
}
