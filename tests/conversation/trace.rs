//! The events of a call, in order, with times in milliseconds.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sidetone_base::clock;
use sidetone_call::{AgentTurn, CallEvent, Figures, Latency, Taken};
use tokio::sync::mpsc;

/// The lines of a call. Only one thread writes them; the lock is needed by the compiler.
#[derive(Clone)]
pub struct Trace {
    begun: Instant,
    /// Whether it has what is recognised of turns that are not over.
    has_sayings: bool,
    lines: Arc<Mutex<RefCell<String>>>,
}

impl Trace {
    pub fn start(has_sayings: bool) -> Self {
        Self {
            begun: clock::now(),
            has_sayings,
            lines: Arc::default(),
        }
    }

    pub fn now(&self) -> u128 {
        clock::now().duration_since(self.begun).as_millis()
    }

    /// Adds a line at the current time.
    pub fn note(&self, line: &str) {
        let lines = self.lines.lock().unwrap();
        writeln!(lines.borrow_mut(), "{:>6} {line}", self.now()).unwrap();
    }

    pub fn finish(self) -> String {
        unescaped(&self.lines.lock().unwrap().take())
    }

    /// Receives the call's events until the call is over; returns the last figures.
    pub async fn record(self, mut events: mpsc::Receiver<CallEvent>) -> (Figures, Taken) {
        let mut last = Default::default();
        while let Some(event) = events.recv().await {
            let is_hidden = matches!(event, CallEvent::CallerSaying { .. }) && !self.has_sayings;
            if let Some(line) = show(&event).filter(|_| !is_hidden) {
                self.note(&format!("* {line}"));
            }
            if let CallEvent::Figures { figures, taken } = event {
                last = (figures, taken);
            }
        }
        last
    }

    /// Checks the ledger of a call that is over: nothing is open, and nothing is counted twice.
    pub fn books(&self, figures: &Figures, taken: &Taken) {
        assert_eq!(figures.opened, figures.closed(), "{figures:?}");
        assert_eq!(figures.begun, figures.said(), "{figures:?}");
        let mut line = format!("= caller {}", figures.opened);
        let dropped = figures.dropped.iter().map(|(why, n)| (why.as_str(), *n));
        let of_caller = [
            ("answered", figures.answered),
            ("superseded", figures.superseded),
        ];
        for (name, count) in of_caller.into_iter().chain(dropped) {
            if count > 0 {
                write!(line, ", {name} {count}").unwrap();
            }
        }
        write!(line, "; agent {}", figures.begun).unwrap();
        let failed = figures.failed.iter().map(|(stage, n)| (*stage, *n));
        for (name, count) in [("heard", figures.heard), ("cut", figures.cut)]
            .into_iter()
            .chain(failed)
        {
            if count > 0 {
                write!(line, ", {name} {count}").unwrap();
            }
        }
        let Taken {
            prompt_tokens,
            completion_tokens,
            tts_characters,
            stt_ms,
            ..
        } = taken;
        write!(line, "; took {prompt_tokens}+{completion_tokens} tokens, {tts_characters} characters, {stt_ms} ms").unwrap();
        self.note(&line);
    }
}

/// Undoes `{:?}`'s escapes of combining marks, such as `\u{941}`.
fn unescaped(trace: &str) -> String {
    let mut parts = trace.split("\\u{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        let code = u32::from_str_radix(code, 16).unwrap();
        text.push(char::from_u32(code).unwrap());
        text += rest;
    }
    text
}

/// State changes are visible at the caller already.
fn show(event: &CallEvent) -> Option<String> {
    Some(match event {
        CallEvent::Started { .. } => "started".into(),
        CallEvent::CallerAway { .. } => "away".into(),
        CallEvent::AgentState { .. }
        | CallEvent::ToolStarted(..)
        | CallEvent::CallerMuted { .. }
        | CallEvent::Figures { .. } => return None,
        CallEvent::CallerJoined { identity, .. } => format!("joined {identity}"),
        CallEvent::Machine { sign, .. } => format!("machine, by its {}", sign.as_str()),
        CallEvent::CallerSaying { turn_id, text, .. } => {
            format!("caller saying turn{} {text:?}", turn_id.0)
        }
        CallEvent::CallerTurn {
            turn_id,
            text,
            by,
            started_at,
            ended_at,
        } => {
            let by = by
                .as_ref()
                .map_or(String::new(), |by| format!(" of {}", by.name));
            let (from, to) = (started_at.as_millis(), ended_at.as_millis());
            format!("caller turn{}{by} {text:?} {from}..{to}", turn_id.0)
        }
        CallEvent::AgentTurn(turn) => agent_turn(turn),
        CallEvent::ToolCall(called) => {
            let (from, took) = (called.started_at.as_millis(), called.took.as_millis());
            let (name, arguments) = (&called.name, &called.arguments);
            format!("tool {name} {arguments} {:?} {from}+{took}", called.result)
        }
        CallEvent::Error { stage, message, .. } => format!("error {}: {message}", stage.as_str()),
        CallEvent::Ended { reason, .. } => format!("ended {}", reason.as_str()),
    })
}

fn agent_turn(turn: &AgentTurn) -> String {
    let mut line = format!("agent reply{}", turn.reply_id.0);
    if let Some(turn) = turn.turn_id {
        write!(line, " to turn{}", turn.0).unwrap();
    }
    let (from, to) = (turn.started_at.as_millis(), turn.ended_at.as_millis());
    write!(line, " {:?} {from}..{to}", turn.text_heard).unwrap();
    if turn.interrupted {
        line += " interrupted";
    }
    if turn.is_final {
        line += " final";
    } else if turn.text_heard.is_empty() {
        line += &latency(&turn.latency);
    }
    line
}

fn latency(latency: &Latency) -> String {
    let Latency {
        endpointing,
        stt,
        llm_first_token,
        tts_first_byte,
        playout,
        response,
        ..
    } = *latency;
    let parts = [
        ("endpointing", endpointing),
        ("stt", stt),
        ("llm", llm_first_token),
        ("tts", tts_first_byte),
        ("playout", playout),
        ("response", response),
    ];
    parts
        .iter()
        .filter_map(|(name, took): &(&str, Option<Duration>)| {
            took.map(|took| format!(" {name} {}", took.as_millis()))
        })
        .collect()
}
