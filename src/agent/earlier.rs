//! What was said and done in a call before this job: an agent that takes over goes on with it.
//!
//! It is read while the room is joined: what the database has, and what a lost process of this machine has
//! left in the spool, which the database may not have yet.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;

use super::Agents;
use super::spool::Entry;
use crate::worker::Job;
use sidetone_call::{Earlier, Happened, ReplyId, Told, TurnId};
use sidetone_store::saying::Saying;
use sidetone_store::tools::ToolCall;
use sidetone_store::{At, Json, Speaker, StoreError, StoredTurn};

/// Longest wait for the database. It passes while the room is joined, which takes some of it anyway; a
/// caller who hears nothing is worse off than one who is asked again.
const DEADLINE: Duration = Duration::from_secs(1);

/// A call that goes on.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Resumed {
    /// What happened in it before this job.
    pub(super) earlier: Earlier,
    /// The turn that the caller was in when the agent was lost. It is one of the call's now, and to be stored.
    pub(super) broken_off: Option<StoredTurn>,
}

impl Agents {
    /// What happened in the call before this job; none where nothing was said. Where nothing can be known,
    /// a caller who had an agent before is not greeted once more.
    pub(super) async fn earlier(
        &self,
        call_id: Uuid,
        job: &Job,
        takes_over: bool,
    ) -> Option<Resumed> {
        let spool = self.spool.clone();
        // First: what is delivered meanwhile is in the database.
        let left = spawn_blocking(move || spool.entries_of(call_id)).await;
        let left = left.unwrap_or_default();
        let stored = async {
            // First: a turn that is stored takes its place, and would be missed in between.
            let saying = self.store.saying(call_id).await?;
            let (turns, tools) =
                tokio::try_join!(self.store.turns(call_id), self.store.tool_calls(call_id))?;
            Ok::<_, StoreError>(Known {
                turns,
                tools,
                saying,
            })
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
        let known = stored.unwrap_or_default();
        let resumed = said_before(&job.id, known, left, sidetone_store::now());
        if resumed.is_none() && !is_known && takes_over {
            return Some(Resumed::default());
        }
        if let Some(Resumed { earlier, .. }) = &resumed {
            tracing::info!(%call_id, lasted = ?earlier.lasted, "goes on with a call that was held before");
        }
        resumed
    }

    /// The same, of a call that another agent has just handed over. Where that cannot be read, it counts as lost.
    pub(super) async fn handed_over(&self, call_id: Uuid, job: &Job) -> Option<Resumed> {
        let resumed = self.earlier(call_id, job, true).await;
        let unknown = Resumed::default();
        resumed.map(|mut resumed| {
            resumed.earlier.handed_over = resumed != unknown;
            resumed
        })
    }
}

/// What the database has of a call.
#[derive(Default)]
struct Known {
    turns: Vec<StoredTurn>,
    tools: Vec<ToolCall>,
    /// What the caller was saying when the agent was lost.
    saying: Option<Saying>,
}

/// PURE. Puts together what the database has of a call and what waits on disk, whose word is the later
/// one. None where no other job has said anything.
fn said_before(job: &str, known: Known, left: Vec<Entry>, now: At) -> Option<Resumed> {
    let Known {
        turns,
        mut tools,
        mut saying,
    } = known;
    let turns = turns.into_iter().map(|turn| (turn.turn_id.clone(), turn));
    let mut turns: BTreeMap<String, StoredTurn> = turns.collect();
    for entry in left {
        match entry {
            Entry::Turn(turn) => {
                if turn.speaker == Speaker::User {
                    saying = None;
                }
                turns.insert(turn.turn_id.clone(), turn);
            }
            Entry::Saying(later) => saying = Some(later).filter(|saying| !saying.text.is_empty()),
            Entry::Tool { run, .. } => match tools.iter_mut().find(|known| known.is_same_run(&run))
            {
                Some(known) if known.running => *known = run,
                Some(_) => {}
                None => tools.push(run),
            },
            _ => {}
        }
    }
    let is_own = |id: &str| {
        let rest = id.strip_prefix(job);
        rest.is_some_and(|rest| rest.starts_with('-'))
    };
    let broken_off = saying.filter(|saying| !is_own(&saying.turn_id));
    let broken_off = broken_off.map(|saying| as_turn(saying, &turns));
    turns.extend(broken_off.clone().map(|turn| (turn.turn_id.clone(), turn)));
    turns.retain(|id, _| !is_own(id));
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
    Some(Resumed {
        earlier: Earlier::new(happened, last_turn, last_reply, lasted),
        broken_off,
    })
}

/// What the caller was saying, as the turn that it was of, or the one that it goes on with.
fn as_turn(saying: Saying, turns: &BTreeMap<String, StoredTurn>) -> StoredTurn {
    let known = turns.get(&saying.turn_id);
    StoredTurn {
        speaker: Speaker::User,
        person: known.and_then(|turn| turn.person.clone()),
        name: saying.name,
        text: saying.text,
        // Who would say when it began is gone.
        started_at: known.map_or(saying.at, |turn| turn.started_at),
        ended_at: Some(saying.at),
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms: None,
        metrics: Json(Value::Null),
        turn_id: saying.turn_id,
    }
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
