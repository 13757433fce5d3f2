//! PURE. What a call's events say, as entries of its record.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::agent::spool::{Asking, Entry};
use sidetone_call::{
    self as call, AgentTurn, CallEvent, EndReason, Latency, ReplyId, Taken, ToolCalled,
    ToolStarted, TurnId,
};
use sidetone_store::errors::StageError;
use sidetone_store::figures::{Figures, Ledger, Sentences, Usage, Utterances};
use sidetone_store::saying::Saying;
use sidetone_store::tools::ToolCall;
use sidetone_store::{At, Json, Speaker, StoredTurn, storable};

/// Of one agent's part of a call. Turns and tool runs are remembered until the call's result is made: the
/// database may not have them yet.
pub struct Notes {
    job: String,
    asking: Option<Asking>,
    /// A telephone is called: who joins it has answered.
    is_dialled: bool,
    started: SystemTime,
    caller: Option<String>,
    /// Of the entries that have no id of their own.
    n: i64,
    turns: BTreeMap<String, StoredTurn>,
    tools: BTreeMap<String, ToolCall>,
    /// Entries of tools that run, by the reply and the model's id of the call.
    running: HashMap<(ReplyId, String), String>,
    figures: Figures,
}

impl Notes {
    /// Nothing noted yet. `now` is when the call began, until its first event says so.
    pub fn new(job: &str, now: SystemTime) -> Self {
        Self {
            job: job.to_owned(),
            asking: None,
            is_dialled: false,
            started: now,
            caller: None,
            n: 0,
            turns: BTreeMap::new(),
            tools: BTreeMap::new(),
            running: HashMap::new(),
            figures: Figures::default(),
        }
    }

    /// Those of the agent that has come for this asking.
    pub fn of(self, asking: Option<Asking>) -> Self {
        Self { asking, ..self }
    }

    /// Those of a call to a telephone.
    pub fn dialled(self, is_dialled: bool) -> Self {
        Self { is_dialled, ..self }
    }

    /// Takes an event; the entry to write, if there is one.
    pub fn take(&mut self, event: CallEvent) -> Option<Entry> {
        match event {
            CallEvent::Started { at } => {
                self.started = at;
                None
            }
            CallEvent::CallerJoined { at, identity } => {
                self.caller = Some(identity);
                let at = self.instant(at);
                self.is_dialled.then_some(Entry::Answered { at })
            }
            CallEvent::CallerSaying {
                at,
                turn_id,
                text,
                by,
            } => Some(Entry::Saying(Saying {
                turn_id: self.callers(turn_id),
                text: storable::text(&text),
                name: by.map(|by| storable::text(&by.name)),
                at: self.instant(at),
            })),
            CallEvent::CallerTurn {
                turn_id,
                text,
                by,
                started_at,
                ended_at,
            } => Some(self.turn(StoredTurn {
                turn_id: self.callers(turn_id),
                speaker: Speaker::User,
                person: by.as_ref().map(|by| by.identity.clone()),
                name: by.map(|by| by.name),
                text,
                started_at: self.instant(started_at),
                ended_at: Some(self.instant(ended_at)),
                interrupted: false,
                unfinished: false,
                unasked: false,
                latency_ms: None,
                metrics: Json(Value::Null),
            })),
            CallEvent::AgentTurn(turn) => Some(self.turn(self.agent_turn(turn))),
            CallEvent::ToolStarted(started, _) => {
                let id = self.next_id();
                let run = (started.reply_id, started.id.clone());
                self.running.insert(run, id.clone());
                Some(self.tool(id, self.tool_start(started)))
            }
            CallEvent::ToolCall(called) => {
                let run = (called.reply_id, called.id.clone());
                let known = self.running.remove(&run);
                let id = known.unwrap_or_else(|| self.next_id());
                Some(self.tool(id, self.tool_call(called)))
            }
            CallEvent::Error { at, stage, message } => {
                let failed = StageError {
                    stage: stage.as_str().to_owned(),
                    message: storable::text(&message),
                    at: self.instant(at),
                };
                let id = self.next_id();
                Some(Entry::Error { id, failed })
            }
            CallEvent::Figures { figures, taken } => Some(self.figures(Figures {
                usage: usage(taken),
                ledger: ledger(figures),
            })),
            CallEvent::Machine { at, sign } => Some(Entry::Machine {
                at: self.instant(at),
                sign,
            }),
            CallEvent::CallerMuted { at, muted } => Some(Entry::Muted {
                identity: self.caller.clone()?,
                at: self.instant(at),
                muted,
            }),
            CallEvent::Ended { at, reason } => {
                let at = self.instant(at);
                is_over(reason).map(|hung_up| Entry::Over {
                    at,
                    hung_up,
                    asking: self.asking.clone(),
                })
            }
            CallEvent::AgentState { .. } | CallEvent::CallerAway { .. } => None,
        }
    }

    /// What the call has taken in all, its result with it; none when that took nothing.
    pub fn result_took(&mut self, before: Taken, after: Taken) -> Option<Entry> {
        let figures = Figures {
            usage: usage(after),
            ..self.figures.clone()
        };
        (before != after).then(|| self.figures(figures))
    }

    /// Adds what was noted to what the database has of the call: the later word counts.
    pub fn complete(
        &self,
        stored_turns: Vec<StoredTurn>,
        stored_tools: Vec<ToolCall>,
    ) -> (Vec<StoredTurn>, Vec<ToolCall>) {
        let mut turns = self.turns.clone();
        for turn in stored_turns {
            turns.entry(turn.turn_id.clone()).or_insert(turn);
        }
        let mut tools: Vec<_> = self.tools.values().cloned().collect();
        for run in stored_tools {
            if !tools.iter().any(|known| known.is_same_run(&run)) {
                tools.push(run);
            }
        }
        (turns.into_values().collect(), tools)
    }

    fn turn(&mut self, mut turn: StoredTurn) -> Entry {
        turn.text = storable::text(&turn.text);
        for name in [&mut turn.person, &mut turn.name].into_iter().flatten() {
            *name = storable::text(name);
        }
        self.turns.insert(turn.turn_id.clone(), turn.clone());
        Entry::Turn(turn)
    }

    fn agent_turn(&self, turn: AgentTurn) -> StoredTurn {
        StoredTurn {
            turn_id: format!("{}-agent-{:06}", self.job, turn.reply_id.0),
            speaker: Speaker::Agent,
            person: None,
            name: None,
            text: turn.text_heard,
            started_at: self.instant(turn.started_at),
            ended_at: Some(self.instant(turn.ended_at)),
            interrupted: turn.interrupted,
            unfinished: turn.unfinished,
            unasked: turn.turn_id.is_none(),
            latency_ms: turn.latency.response.map(millis),
            metrics: Json(metrics(turn.latency)),
        }
    }

    fn tool(&mut self, id: String, run: ToolCall) -> Entry {
        self.tools.insert(id.clone(), run.clone());
        Entry::Tool { id, run }
    }

    fn tool_start(&self, started: ToolStarted) -> ToolCall {
        ToolCall {
            agent: started.agent,
            name: storable::text(&started.name),
            arguments: arguments(started.arguments),
            ok: false,
            running: true,
            result: String::new(),
            started_at: self.instant(started.started_at),
            duration_ms: 0,
        }
    }

    fn tool_call(&self, called: ToolCalled) -> ToolCall {
        let (ok, mut result) = match called.result {
            Ok(result) => (true, result),
            Err(result) => (false, result),
        };
        result = storable::text(&result);
        ToolCall {
            agent: called.agent,
            name: storable::text(&called.name),
            arguments: arguments(called.arguments),
            ok,
            running: false,
            result,
            started_at: self.instant(called.started_at),
            duration_ms: millis(called.took),
        }
    }

    fn figures(&mut self, figures: Figures) -> Entry {
        self.n += 1;
        self.figures = figures.clone();
        Entry::Figures {
            job: self.job.clone(),
            n: self.n,
            figures,
        }
    }

    /// The id of a caller's turn.
    fn callers(&self, turn: TurnId) -> String {
        format!("{}-caller-{:06}", self.job, turn.0)
    }

    fn next_id(&mut self) -> String {
        self.n += 1;
        format!("{}-{:06}", self.job, self.n)
    }

    fn instant(&self, offset: Duration) -> At {
        sidetone_store::micros((self.started + offset).into())
    }
}

/// What is no JSON is kept as text.
fn arguments(written: String) -> Json<Value> {
    let read = serde_json::from_str(&written).unwrap_or(Value::String(written));
    Json(storable::json(read))
}

/// Whether the call is over when its agent ends for this reason, and whether somebody hung up; None: it
/// goes on with a person or with another agent.
fn is_over(reason: EndReason) -> Option<bool> {
    match reason {
        EndReason::CallerHungUp
        | EndReason::AgentHungUp
        | EndReason::CallerSilent
        | EndReason::CallerRejected
        | EndReason::MaxDuration
        | EndReason::Limit
        | EndReason::Voicemail
        | EndReason::NoAgent => Some(true),
        EndReason::CallerLost | EndReason::NoCaller | EndReason::RoomClosed => Some(false),
        EndReason::Transferred
        | EndReason::ConnectionLost
        | EndReason::Encrypted
        | EndReason::Drained
        | EndReason::HandedOver
        | EndReason::Dismissed => None,
    }
}

/// Milliseconds of each stage; a stage that had no part is left out.
fn metrics(latency: Latency) -> Value {
    let known = latency.named().into_iter();
    Value::Object(
        known
            .map(|(name, time)| (name.to_owned(), json!(millis(time))))
            .collect(),
    )
}

fn millis(duration: Duration) -> i32 {
    duration.as_millis().try_into().unwrap_or(i32::MAX)
}

fn usage(taken: Taken) -> Usage {
    Usage {
        prompt_tokens: taken.prompt_tokens,
        cached_tokens: taken.cached_tokens,
        completion_tokens: taken.completion_tokens,
        tts_characters: taken.tts_characters,
        stt_seconds: taken.stt_ms as f64 / 1000.0,
    }
}

fn ledger(said: call::Figures) -> Ledger {
    let dropped = said.dropped.into_iter();
    let failed = said.failed.into_iter();
    Ledger {
        caller: Utterances {
            opened: said.opened,
            answered: said.answered,
            superseded: said.superseded,
            dropped: dropped
                .map(|(why, n)| (why.as_str().to_owned(), n))
                .collect(),
        },
        agent: Sentences {
            begun: said.begun,
            heard: said.heard,
            cut: said.cut,
            failed: failed.map(|(stage, n)| (stage.to_owned(), n)).collect(),
        },
    }
}

#[cfg(test)]
mod tests;
