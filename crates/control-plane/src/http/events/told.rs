//! PURE. What of a call is new to who was told the rest.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use sidetone_store::tools::ToolCall;
use sidetone_store::{Call, StoredTurn};

/// The tool under whose name callers are put through.
const TRANSFER: &str = "transfer";

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum News {
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
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Turn { .. } => "turn",
            Self::Tool { .. } => "tool",
            Self::Transferred { .. } => "transferred",
            Self::Ended { .. } => "ended",
        }
    }
}

/// Which events of one call were sent.
#[derive(Debug, Default)]
pub(super) struct Told {
    started: bool,
    /// The call was over when it was looked at last.
    over: bool,
    ended: bool,
    /// Turns, by their ids, as they were told.
    turns: HashMap<String, News>,
    /// Runs of tools whose end was told: when each began, and its name.
    tools: Vec<(DateTime<Utc>, String, Value)>,
}

impl Told {
    /// Whether the call's end was told.
    pub(super) fn is_over(&self) -> bool {
        self.ended
    }

    /// What is new, in the order in which it happened. Of a turn that goes on nothing is told before it, or the
    /// call, is over.
    pub(super) fn news(
        &mut self,
        call: &Call,
        turns: Vec<StoredTurn>,
        tools: Vec<ToolCall>,
    ) -> Vec<News> {
        let mut news = Vec::new();
        if let Some(at) = call.connected_at.filter(|_| !self.started) {
            self.started = true;
            news.push(News::Started {
                call_id: call.id,
                room_name: call.room_name.clone(),
                caller_id: call.caller_id.clone(),
                at,
            });
        }
        let is_over = call.ended_at.is_some();
        let mut happened = Vec::new();
        for turn in turns {
            if turn.unfinished && !is_over {
                continue;
            }
            let (id, at) = (turn.turn_id.clone(), turn.started_at);
            let told = turn_news(turn);
            if self.turns.get(&id) != Some(&told) {
                self.turns.insert(id, told.clone());
                happened.push((at, told));
            }
        }
        for run in tools {
            let key = (run.started_at, run.name.clone(), run.arguments.0.clone());
            if (run.running && !is_over) || self.tools.contains(&key) {
                continue;
            }
            self.tools.push(key);
            happened.push((run.started_at, tool_news(run)));
        }
        happened.sort_by_key(|(at, _)| *at);
        news.extend(happened.into_iter().map(|(_, news)| news));
        // What was said last may be written a moment after the call's end.
        let is_quiet = std::mem::replace(&mut self.over, is_over) && news.is_empty();
        if let Some(at) = call.ended_at.filter(|_| is_quiet && !self.ended) {
            self.ended = true;
            news.push(News::Ended {
                status: call.status.as_str().to_owned(),
                at,
                duration_seconds: call.duration_seconds,
            });
        }
        news
    }
}

fn turn_news(turn: StoredTurn) -> News {
    News::Turn {
        turn_id: turn.turn_id,
        speaker: turn.speaker.as_str().to_owned(),
        text: turn.text,
        interrupted: turn.interrupted,
        started_at: turn.started_at,
        ended_at: turn.ended_at,
    }
}

fn tool_news(run: ToolCall) -> News {
    if run.name == TRANSFER && run.ok {
        return News::Transferred {
            to: run.arguments.0["to"].clone(),
            at: run.started_at,
        };
    }
    News::Tool {
        agent: run.agent,
        name: run.name,
        arguments: run.arguments.0,
        ok: run.ok,
        result: run.result,
        started_at: run.started_at,
        duration_ms: run.duration_ms,
    }
}

#[cfg(test)]
mod tests;
