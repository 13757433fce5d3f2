//! PURE. What of a call is new to a client that has received the rest.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::control::news::News;
use sidetone_store::tools::ToolCall;
use sidetone_store::{Call, StoredTurn};

/// The events of one call that were sent.
#[derive(Debug, Default)]
pub(super) struct Told {
    started: bool,
    /// The call was already over at the last look.
    over: bool,
    ended: bool,
    /// Turns by id, as they were sent.
    turns: HashMap<String, News>,
    /// Tool runs whose end was sent: when each began, and its name.
    tools: Vec<(DateTime<Utc>, String, Value)>,
}

impl Told {
    /// Whether the call's end was sent.
    pub(super) fn is_over(&self) -> bool {
        self.ended
    }

    /// What is new, in the order in which it happened. An unfinished turn is sent only once it, or the call, is over.
    pub(super) fn news(
        &mut self,
        call: &Call,
        turns: Vec<StoredTurn>,
        tools: Vec<ToolCall>,
    ) -> Vec<News> {
        let mut news = Vec::new();
        if let Some(started) = News::started(call).filter(|_| !self.started) {
            self.started = true;
            news.push(started);
        }
        let is_over = call.ended_at.is_some();
        let mut happened = Vec::new();
        for turn in turns {
            if turn.unfinished && !is_over {
                continue;
            }
            let (id, at) = (turn.turn_id.clone(), turn.started_at);
            let told = News::turn(turn);
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
            happened.push((run.started_at, News::tool(run)));
        }
        happened.sort_by_key(|(at, _)| *at);
        news.extend(happened.into_iter().map(|(_, news)| news));
        // The last words may be written a moment after the call's end.
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

#[cfg(test)]
mod tests;
