//! Whether a call's record is correct and complete, judged by what its caller knows. PURE: the row as the API shows it
//! and the caller's memory in, errors as text out.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use sidetone::caller::heard::Span;

use super::ears::Ears;
use super::script::Script;
use super::tones::{GREETING, SUBJECTS, Sound, answer, answer_lasts, subject_of};

/// The error of a time that clocks, webhooks in whole seconds and a network may cause.
const ABOUT: TimeDelta = TimeDelta::seconds(4);
/// Words may be recorded that were still on their way when the caller was cut off.
const ON_THE_WAY: Duration = Duration::from_millis(800);
/// How much a jitter buffer may shorten an answer. An answer heard up to this point was heard to its end.
const SHORTENED: Duration = Duration::from_millis(60);
/// A greeting or an answer counts as begun when this much of it was heard.
const BEGUN: Duration = Duration::from_millis(400);

/// `GET /api/voice/history/{callId}`, as far as callers can judge it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub status: String,
    pub connected_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub participants: Vec<Stay>,
    pub turns: Vec<Turn>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stay {
    pub user_id: String,
    pub kind: String,
    pub joined_at: Option<DateTime<Utc>>,
    pub left_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    pub speaker: String,
    pub text: String,
    pub started_at: DateTime<Utc>,
}

/// What a caller knows after hanging up.
#[derive(Debug)]
pub struct Memory {
    pub identity: String,
    /// The start of all times.
    pub began: DateTime<Utc>,
    /// From joining to leaving.
    pub stay: Span,
    pub ears: Ears,
    pub script: Script,
}

impl Memory {
    fn wall(&self, at: Duration) -> DateTime<Utc> {
        self.began + at
    }

    /// How much was heard of the `n`th answer.
    pub fn heard_of(&self, n: usize) -> Duration {
        self.ears.of_answer(n, Duration::ZERO)
    }

    /// Whether the `n`th answer was heard to its end.
    fn heard_whole(&self, n: usize) -> bool {
        let pieces = self.ears.pieces();
        pieces.iter().any(|(_, piece)| {
            let is_it = matches!(piece.sound, Sound::Answer { n: of, .. } if of == n);
            is_it && piece.lasted() + SHORTENED >= answer_lasts(n)
        })
    }

    /// How many times the `n`th question was asked.
    pub fn times_asked(&self, n: usize) -> usize {
        let asked = self.script.asked().iter();
        asked.filter(|asked| asked.n == n).count()
    }

    /// How many greetings of at least this length were heard.
    pub fn greetings(&self, least: Duration) -> usize {
        let pieces = self.ears.pieces();
        let greetings = pieces
            .iter()
            .filter(|(_, piece)| piece.sound == Sound::Greeting && piece.lasted() >= least);
        greetings.count()
    }
}

/// How much of an answer's words the record contains, as their duration.
fn written(row: &Row, n: usize) -> Duration {
    let turns = row.turns.iter().filter(|turn| turn.speaker == "agent");
    let texts = turns.map(|turn| turn.text.as_str());
    let share = |text: &str| text.chars().count() as f64 / answer(n, true).chars().count() as f64;
    let of_it = texts.filter(|text| subject_of(text) == Some(n)).map(share);
    answer_lasts(n).mul_f64(of_it.sum())
}

/// Finished turns that are missing in the record.
pub fn lost(row: &Row, caller: &Memory) -> Vec<String> {
    let mut lost = Vec::new();
    let users = |n| {
        let turns = row.turns.iter().filter(|turn| turn.speaker == "user");
        turns
            .filter(move |turn| subject_of(&turn.text) == Some(n))
            .count()
    };
    for (n, subject) in SUBJECTS.iter().enumerate() {
        let heard = caller.heard_of(n);
        if heard >= BEGUN && users(n) == 0 {
            lost.push(format!(
                "the question for {subject}, whose answer was heard"
            ));
        }
        if caller.heard_whole(n) && written(row, n) + SHORTENED < answer_lasts(n) {
            lost.push(format!("the answer to {subject}, which was heard"));
        }
    }
    lost
}

/// False statements of the record.
pub fn untrue(row: &Row, caller: &Memory) -> Vec<String> {
    let mut wrong = Vec::new();
    if row.status != "completed" {
        wrong.push(format!("status {}", row.status));
    }
    let about = |at: DateTime<Utc>, other: Duration| (at - caller.wall(other)).abs() <= ABOUT;
    if !row.ended_at.is_some_and(|at| about(at, caller.stay.end)) {
        let late = row
            .ended_at
            .map(|at| (at - caller.wall(caller.stay.end)).as_seconds_f64());
        wrong.push(format!("the end, off by {late:?} s"));
    }
    let speakers = caller.ears.speakers();
    let first = speakers.values().map(|span| span.start).min();
    if let Some(first) = first
        && !row.connected_at.is_some_and(|at| {
            at >= caller.wall(caller.stay.start) - ABOUT && at <= caller.wall(first) + ABOUT
        })
    {
        wrong.push(format!("connected at {:?}", row.connected_at));
    }
    wrong.extend(untrue_stays(row, caller));
    wrong.extend(untrue_turns(row, caller));
    wrong
}

/// Errors about who was in the room, and until when.
fn untrue_stays(row: &Row, caller: &Memory) -> Vec<String> {
    let mut wrong = Vec::new();
    for stay in &row.participants {
        if stay.left_at.is_none() {
            wrong.push(format!("{} is still in the room", stay.kind));
        }
        if stay.joined_at.is_none() {
            wrong.push(format!("{} came at no time", stay.kind));
        }
    }
    // Participants who never left according to the record were reported above.
    let stays_of = |identity: &str, left: DateTime<Utc>| {
        let stays = row.participants.iter();
        let stays: Vec<_> = stays.filter(|stay| stay.user_id == identity).collect();
        let joined = stays.iter().filter_map(|stay| stay.joined_at).min()?;
        let last = stays.iter().filter_map(|stay| stay.left_at).max();
        Some((joined, last.unwrap_or(left)))
    };
    let (came, went) = (caller.wall(caller.stay.start), caller.wall(caller.stay.end));
    match stays_of(&caller.identity, went) {
        None => wrong.push("the caller was never there".into()),
        Some((joined, left)) => {
            let off = [joined - came, left - went];
            if off.iter().any(|off| off.abs() > ABOUT) {
                let [came, went] = off.map(|off| off.as_seconds_f64());
                wrong.push(format!(
                    "the caller's stay, off by {came:.0} and {went:.0} s"
                ));
            }
        }
    }
    for (identity, heard) in caller.ears.speakers() {
        let last = caller.wall(heard.end);
        match stays_of(identity, last) {
            None => wrong.push("an agent that was heard was never there".into()),
            Some((joined, left)) => {
                if joined > caller.wall(heard.start) + ABOUT || left < last - ABOUT {
                    wrong.push("an agent was heard before or after its stay".into());
                }
            }
        }
    }
    wrong
}

/// Errors about who said what, and in which order.
fn untrue_turns(row: &Row, caller: &Memory) -> Vec<String> {
    let mut wrong = Vec::new();
    let of = |speaker: &'static str| row.turns.iter().filter(move |turn| turn.speaker == speaker);
    for turn in of("user") {
        if subject_of(&turn.text).is_none() {
            wrong.push(format!("a question that nobody asked: {:?}", turn.text));
        }
    }
    for (n, subject) in SUBJECTS.iter().enumerate() {
        let users = of("user").filter(|turn| subject_of(&turn.text) == Some(n));
        if users.count() > caller.times_asked(n) {
            wrong.push(format!("{subject} asked more often than it was"));
        }
        if written(row, n) > caller.heard_of(n) + ON_THE_WAY {
            wrong.push(format!("more of the answer to {subject} than was heard"));
        }
    }
    let greetings = of("agent").filter(|turn| turn.text.trim() == GREETING);
    if greetings.count() > caller.greetings(BEGUN) {
        wrong.push("a greeting that was not heard".into());
    }
    let mut turns: Vec<&Turn> = row.turns.iter().collect();
    turns.sort_by_key(|turn| turn.started_at);
    let subjects: Vec<usize> = (turns.iter())
        .filter_map(|turn| subject_of(&turn.text))
        .collect();
    if !subjects.is_sorted() {
        wrong.push("turns in another order than they were said".into());
    }
    wrong
}

mod tests;
