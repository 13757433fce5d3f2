//! What was said and done in a call before this job: an agent that takes over goes on with it.
//!
//! It is read while the room is joined: what the database has, and what a lost process of this machine has
//! left in the spool, which the database may not have yet.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;

use super::Agents;
use super::spool::Entry;
use crate::worker::Job;
use sidetone_call::{Earlier, Happened, ReplyId, Told, TurnId};
use sidetone_store::tools::ToolCall;
use sidetone_store::{At, Speaker, StoreError, StoredTurn};

/// Longest wait for the database. It passes while the room is joined, which takes some of it anyway; a
/// caller who hears nothing is worse off than one who is asked again.
const DEADLINE: Duration = Duration::from_secs(1);

impl Agents {
    /// What happened in the call before this job; none where nothing was said. Where nothing can be known,
    /// a caller who had an agent before is not greeted once more.
    pub(super) async fn earlier(
        &self,
        call_id: Uuid,
        job: &Job,
        takes_over: bool,
    ) -> Option<Earlier> {
        let spool = self.spool.clone();
        // First: what is delivered meanwhile is in the database.
        let left = spawn_blocking(move || spool.entries_of(call_id)).await;
        let left = left.unwrap_or_default();
        let stored = async {
            let (turns, tools) =
                tokio::try_join!(self.store.turns(call_id), self.store.tool_calls(call_id))?;
            Ok::<_, StoreError>((turns, tools))
        };
        let stored = match timeout(DEADLINE, stored).await {
            Ok(Ok(stored)) => Some(stored),
            Ok(Err(error)) => {
                tracing::warn!(%call_id, %error, "what was said earlier in the call could not be read");
                None
            }
            Err(_) => {
                tracing::warn!(
                    %call_id, within = ?DEADLINE,
                    "what was said earlier in the call was not read in time"
                );
                None
            }
        };
        let is_known = stored.is_some();
        let (turns, tools) = stored.unwrap_or_default();
        let earlier = said_before(&job.id, turns, tools, left, sidetone_store::now());
        if earlier.is_none() && !is_known && takes_over {
            return Some(Earlier::default());
        }
        if let Some(earlier) = &earlier {
            tracing::info!(%call_id, lasted = ?earlier.lasted, "goes on with a call that was held before");
        }
        earlier
    }
}

/// PURE. Puts together what the database has of a call and what waits on disk, whose word is the later
/// one. None where no other job has said anything.
fn said_before(
    job: &str,
    turns: Vec<StoredTurn>,
    mut tools: Vec<ToolCall>,
    left: Vec<Entry>,
    now: At,
) -> Option<Earlier> {
    let turns = turns.into_iter().map(|turn| (turn.turn_id.clone(), turn));
    let mut turns: BTreeMap<String, StoredTurn> = turns.collect();
    for entry in left {
        match entry {
            Entry::Turn(turn) => {
                turns.insert(turn.turn_id.clone(), turn);
            }
            Entry::Tool { run, .. } => match tools.iter_mut().find(|known| known.is_same_run(&run))
            {
                Some(known) if known.running => *known = run,
                Some(_) => {}
                None => tools.push(run),
            },
            _ => {}
        }
    }
    turns.retain(|id, _| {
        !id.strip_prefix(job)
            .is_some_and(|rest| rest.starts_with('-'))
    });
    let began = turns.values().map(|turn| turn.started_at).min()?;
    let last = |speaker: Speaker| {
        let of_speaker = turns.values().filter(|turn| turn.speaker == speaker);
        of_speaker.filter_map(|turn| number(&turn.turn_id)).max()
    };
    let last_turn = TurnId(last(Speaker::User).unwrap_or_default());
    let last_reply = ReplyId(last(Speaker::Agent).unwrap_or_default());
    let said = turns
        .into_values()
        .map(|turn| (turn.started_at, said(turn)));
    let done = tools
        .into_iter()
        .filter_map(|run| Some((run.started_at, done(run)?)));
    let mut happened: Vec<_> = said.chain(done).collect();
    happened.sort_by_key(|(at, _)| *at);
    let happened = happened.into_iter().map(|(_, event)| event).collect();
    let lasted = (now - began).to_std().unwrap_or_default();
    Some(Earlier::new(happened, last_turn, last_reply, lasted))
}

/// A turn's number within its job.
fn number(turn_id: &str) -> Option<u64> {
    turn_id.rsplit('-').next()?.parse().ok()
}

fn said(turn: StoredTurn) -> Happened {
    match turn.speaker {
        Speaker::User => Happened::Asked {
            text: turn.text,
            by: turn.name,
        },
        Speaker::Agent => Happened::Said {
            heard: turn.text,
            unfinished: turn.unfinished,
            unasked: turn.unasked,
        },
    }
}

/// None for what no model has called, such as an MCP server that was not there.
fn done(run: ToolCall) -> Option<Happened> {
    if let Some(told) = Told::of(&run.name, &run.arguments.0) {
        return Some(Happened::Told(told));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !run.name.chars().all(legal) {
        return None;
    }
    let result = run.outcome();
    let result = result.map(|result| result.map(str::to_owned).map_err(str::to_owned));
    let arguments = run.arguments.0;
    Some(Happened::Did {
        name: run.name,
        arguments: if arguments.is_object() {
            arguments
        } else {
            serde_json::json!({})
        },
        result,
    })
}

#[cfg(test)]
mod tests;
