//! What the guardian is told, and what it asks for.

use std::time::Instant;

use super::Verdict;

/// The result of a look at a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An agent is there, and has published its voice.
    Agent,
    /// An agent is there, or on its way, and has not published its voice.
    Silent,
    /// Another process has looked just now.
    Elsewhere,
    /// No agent is there; whether a worker has taken the job, and whether a person is there.
    NoAgent {
        /// A worker accepted the last dispatch.
        taken: bool,
        /// A person waits.
        people: bool,
        /// A worker has a free place, as it says: LiveKit has offered the job to one that does not answer. It waits
        /// ten seconds for a worker that is frozen, and then drops the job; whom it offers the next one is chance.
        free: bool,
    },
    /// LiveKit does not know the room.
    NoRoom,
    /// LiveKit did not respond.
    Unknown(String),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The store wants an agent where none was: earlier knowledge of the room is outdated.
    Wanted(String),
    /// An agent was dispatched by somebody else (another process, or this one before a restart); and whether it has
    /// been there.
    Adopted(String, bool),
    /// The dispatch of [`Output::Ask`] was accepted, or rejected.
    Asked(String, Result<(), String>),
    /// The result of [`Output::Look`].
    Looked(String, Sight),
    /// An agent joined a room.
    AgentJoined(String),
    /// An agent left a room.
    AgentLeft(String),
    /// The worker of a room's agent is silent, or the agent reports that it is lost: the agent of this epoch.
    Suspected(String, i64),
    /// The result of [`Output::Confirm`].
    Confirmed(String, Verdict),
    /// No agent is needed any more: the call is over.
    Over(String),
    /// The time of the last [`Output::Timeout`] has come.
    Timeout,
}

impl Input {
    /// The room that it is about.
    pub(super) fn room(&self) -> Option<&str> {
        match self {
            Self::Wanted(room)
            | Self::Adopted(room, _)
            | Self::Asked(room, _)
            | Self::Looked(room, _)
            | Self::AgentJoined(room)
            | Self::AgentLeft(room)
            | Self::Suspected(room, _)
            | Self::Confirmed(room, _)
            | Self::Over(room) => Some(room),
            Self::Timeout => None,
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Delete the earlier dispatch, if there was one, and dispatch an agent.
    Ask {
        /// To this room.
        room: String,
        /// First, second, …
        attempt: u32,
        /// The epoch of an agent that was found dead: nothing is dispatched if it is not the latest one.
        instead_of: Option<i64>,
    },
    /// Look who is in the room.
    Look(String),
    /// Check whether the agent is still in the room, unless another process has just looked.
    Check(String),
    /// Ask the agent of this epoch whether it lives.
    Confirm(String, i64),
    /// An agent is there.
    Present(String),
    /// The agent was there, and nobody is left to talk to: end the call.
    Ended(String),
    /// No agent joined: fail the call with this reason.
    GiveUp(String, String),
    /// Nothing more for now; call with [`Input::Timeout`] at this time.
    Timeout(Option<Instant>),
}
