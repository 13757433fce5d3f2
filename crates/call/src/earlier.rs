//! What was said and done in a call before this agent joined it, because its predecessor was lost or drained. PURE.

use std::time::Duration;

use serde_json::Value;

use sidetone_turn::{Owed, Prompt, ReplyId, TurnId};

/// Names under which the backend's orders are recorded among a call's tools. They cannot clash with a tool of an
/// agent's file, whose name has no dot.
pub(crate) const INSTRUCT: &str = "backend.instruct";
pub(crate) const MUTE: &str = "backend.mute";
pub(crate) const UNMUTE: &str = "backend.unmute";

/// A call as it was when its agent left it to another one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Earlier {
    /// What happened, in order.
    happened: Vec<Happened>,
    last_turn: TurnId,
    last_reply: ReplyId,
    /// How long the call has lasted.
    pub lasted: Duration,
    /// That agent was not lost: it has handed the call over, and everything that happened is known.
    pub handed_over: bool,
}

/// One thing that happened.
#[derive(Clone, PartialEq)]
pub enum Happened {
    /// The caller said this, aloud or in writing.
    Asked {
        /// The words.
        text: String,
        /// The person's name, where several people are heard.
        by: Option<String>,
    },
    /// The agent said this, as far as it was heard.
    Said {
        /// The words.
        heard: String,
        /// The rest was still to come, and the caller did not interrupt it.
        unfinished: bool,
        /// It was no answer to the caller.
        unasked: bool,
    },
    /// A tool was called.
    Did {
        /// The tool's name.
        name: String,
        /// A JSON object.
        arguments: Value,
        /// What the model was told. `None` if the tool's end is unknown.
        result: Option<Result<String, String>>,
    },
    /// The backend gave the agent an order that holds for the rest of the call.
    Told(Told),
}

/// See [`Happened::Told`].
#[derive(Clone, PartialEq, Eq)]
pub enum Told {
    /// A note to the model.
    Instruction(String),
    /// Stop (`true`) or resume (`false`) both hearing and speaking.
    Muted(bool),
}

impl Told {
    /// The backend's order behind a recorded run of this name. `None` if it was a tool.
    pub fn of(name: &str, arguments: &Value) -> Option<Self> {
        match name {
            INSTRUCT => Some(Self::Instruction(arguments["text"].as_str()?.to_owned())),
            MUTE => Some(Self::Muted(true)),
            UNMUTE => Some(Self::Muted(false)),
            _ => None,
        }
    }
}

/// Shows the kind only, never the words: they are personal data.
impl std::fmt::Debug for Happened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Asked { .. } => f.write_str("Asked"),
            Self::Said { unfinished, .. } => write!(f, "Said(unfinished {unfinished})"),
            Self::Told(_) => f.write_str("Told"),
            Self::Did { name, result, .. } => write!(f, "Did({name}, ended {})", result.is_some()),
        }
    }
}

impl Earlier {
    /// What happened, in order. `turn` and `reply` are the highest numbers that earlier agents used: they are not
    /// reused in the call.
    pub fn new(happened: Vec<Happened>, turn: TurnId, reply: ReplyId, lasted: Duration) -> Self {
        let turns = happened.iter().filter(|event| is_asked(event)).count() as u64;
        let replies = happened.len() as u64 - turns;
        Self {
            happened,
            last_turn: turn.max(TurnId(turns)),
            last_reply: reply.max(ReplyId(replies)),
            lasted,
            handed_over: false,
        }
    }

    /// What happened, in order. The caller's turns and everything else are numbered from 1 here: a stored turn's own
    /// number belongs to its job.
    pub(crate) fn happened(&self) -> &[Happened] {
        &self.happened
    }

    /// The numbers of the last turn and the last reply.
    pub(crate) fn last(&self) -> (TurnId, ReplyId) {
        (self.last_turn, self.last_reply)
    }

    /// Facts to remember for the rest of the call.
    pub fn remembered(&self) -> impl Iterator<Item = (&str, &str)> {
        self.done("remember").filter_map(|arguments| {
            let text = |key: &str| arguments[key].as_str();
            Some((text("key")?, text("value")?))
        })
    }

    /// The backend's instructions to the model.
    pub fn instructions(&self) -> impl Iterator<Item = &str> {
        self.happened.iter().filter_map(|event| match event {
            Happened::Told(Told::Instruction(text)) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Whether the agent was muted when it was lost.
    pub fn is_muted(&self) -> bool {
        let told = self.happened.iter().rev().find_map(|event| match event {
            Happened::Told(Told::Muted(muted)) => Some(*muted),
            _ => None,
        });
        told.unwrap_or_default()
    }

    /// The agent of the last handover. `None` if there was none.
    pub fn handed_to(&self) -> Option<&str> {
        self.done("handoff").last()?["agent"].as_str()
    }

    /// The arguments of each successful run of a built-in tool.
    fn done(&self, tool: &str) -> impl Iterator<Item = &Value> {
        self.happened.iter().filter_map(move |event| match event {
            Happened::Did {
                name,
                arguments,
                result: Some(Ok(_)),
            } if name == tool => Some(arguments),
            _ => None,
        })
    }

    /// What the caller still waits for: the answer to its last words, or the rest of a reply.
    pub fn owed(&self) -> Option<Owed> {
        let at = self.happened.iter().rposition(is_asked);
        let turns = self.happened.iter().filter(|event| is_asked(event)).count();
        let turn = at.map(|_| TurnId(turns as u64));
        let since = at.map_or(self.happened.as_slice(), |at| &self.happened[at + 1..]);
        // If nothing was asked, an unprompted reply may have broken off.
        let last = since.iter().rev().find_map(|event| match event {
            Happened::Said {
                heard,
                unfinished,
                unasked,
            } if !heard.is_empty() && (at.is_none() || !unasked) => Some(*unfinished),
            _ => None,
        });
        let rest = Owed {
            turn,
            prompt: Prompt::Rest,
        };
        let did = since
            .iter()
            .any(|event| matches!(event, Happened::Did { .. }));
        match (at.map(|at| &self.happened[at]), last) {
            (_, Some(unfinished)) => unfinished.then_some(rest),
            // The work for the answer is recorded after the question.
            (Some(_), None) if did => Some(rest),
            (Some(Happened::Asked { text, .. }), None) => Some(Owed {
                turn,
                prompt: Prompt::Answer(text.clone()),
            }),
            _ => None,
        }
    }
}

fn is_asked(event: &Happened) -> bool {
    matches!(event, Happened::Asked { .. })
}

#[cfg(test)]
mod tests;
