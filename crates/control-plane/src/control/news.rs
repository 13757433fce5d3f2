//! PURE. The events of a call, as they are sent out: a call's event stream and its webhooks have the same content.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use sidetone_store::tools::ToolCall;
use sidetone_store::{Call, StoredTurn};

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum News {
    /// Caller and agent are connected.
    Started {
        call_id: Uuid,
        room_name: String,
        caller_id: String,
        at: DateTime<Utc>,
    },
    /// Somebody has finished a turn. The same turn comes again when it turns out to have gone on.
    Turn {
        turn_id: String,
        speaker: String,
        /// A user's turn, where the agent hears several people: who, and the name that nobody else has in the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        participant_name: Option<String>,
        text: String,
        interrupted: bool,
        started_at: DateTime<Utc>,
        ended_at: Option<DateTime<Utc>>,
    },
    /// A tool has run, or the backend's order was done.
    Tool {
        agent: String,
        name: String,
        arguments: Value,
        ok: bool,
        result: String,
        started_at: DateTime<Utc>,
        duration_ms: i32,
    },
    /// A person has taken the call.
    Transferred { to: Value, at: DateTime<Utc> },
    /// The call is over. Always the last.
    Ended {
        status: String,
        at: DateTime<Utc>,
        duration_seconds: Option<i32>,
    },
}

impl News {
    /// The event's name.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Turn { .. } => "turn",
            Self::Tool { .. } => "tool",
            Self::Transferred { .. } => "transferred",
            Self::Ended { .. } => "ended",
        }
    }

    /// That caller and agent are connected; none while they are not.
    pub(crate) fn started(call: &Call) -> Option<Self> {
        Some(Self::Started {
            call_id: call.id,
            room_name: call.room_name.clone(),
            caller_id: call.caller_id.clone(),
            at: call.connected_at?,
        })
    }

    /// A turn that is whole.
    pub(crate) fn turn(turn: StoredTurn) -> Self {
        Self::Turn {
            turn_id: turn.turn_id,
            speaker: turn.speaker.as_str().to_owned(),
            user_id: turn.person,
            participant_name: turn.name,
            text: turn.text,
            interrupted: turn.interrupted,
            started_at: turn.started_at,
            ended_at: turn.ended_at,
        }
    }

    /// A tool's run, or that a person has taken the call by it.
    pub(crate) fn tool(run: ToolCall) -> Self {
        if run.is_transfer() {
            return Self::Transferred {
                to: run.arguments.0["to"].clone(),
                at: run.started_at,
            };
        }
        Self::Tool {
            agent: run.agent,
            name: run.name,
            arguments: run.arguments.0,
            ok: run.ok,
            result: run.result,
            started_at: run.started_at,
            duration_ms: run.duration_ms,
        }
    }
}
