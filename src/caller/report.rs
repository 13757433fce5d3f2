//! What a scripted call found, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::heard::TurnTimes;
use super::transcripts::{Line, Speaker};

/// The result of a scripted call. Durations are milliseconds in JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The server's id of the call, if a Sidetone server gave the token.
    pub call_id: Option<String>,
    /// From requesting the token to being in the room.
    #[serde(rename = "joinedAfterMs", serialize_with = "millis")]
    pub joined_after: Duration,
    /// From joining to the agent's first voiced sample. `None` if it never spoke.
    #[serde(rename = "firstVoiceAfterMs", serialize_with = "some_millis")]
    pub first_voice_after: Option<Duration>,
    /// One entry per turn of the script.
    pub turns: Vec<TurnReport>,
    /// The conversation as the agent published it.
    #[serde(rename = "transcript", serialize_with = "lines")]
    pub lines: Vec<Line>,
    /// Where the time of each answer went, as published by the agent on `sidetone.turn`.
    pub timings: Vec<serde_json::Value>,
    /// How long the agent was audible in total.
    #[serde(rename = "agentSpokeMs", serialize_with = "millis")]
    pub agent_spoke: Duration,
    /// Who or what ended the call.
    #[serde(rename = "endedBy")]
    pub ended_by: String,
}

/// One turn of the script.
#[derive(Debug, Clone, Serialize)]
pub struct TurnReport {
    /// The sound file's name.
    pub name: String,
    /// What the caller heard. `None` if the turn was never played.
    #[serde(flatten, serialize_with = "times")]
    pub times: Option<TurnTimes>,
}

impl Report {
    /// Whether every turn was answered audibly.
    pub fn all_answered(&self) -> bool {
        self.turns
            .iter()
            .all(|turn| turn.times.is_some_and(|times| times.latency.is_some()))
    }

    /// What the agent reports it said.
    pub fn agent_text(&self) -> String {
        let said = self
            .lines
            .iter()
            .filter(|line| line.speaker == Speaker::Agent);
        said.map(|line| line.text.trim())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let who = match line.speaker {
                Speaker::Caller => "caller",
                Speaker::Agent => "agent ",
            };
            writeln!(
                f,
                "{:7.2}s  {who}  {}",
                line.at.as_secs_f64(),
                line.text.trim()
            )?;
        }
        writeln!(f)?;
        writeln!(f, "joined after {} ms", self.joined_after.as_millis())?;
        match self.first_voice_after {
            Some(after) => writeln!(f, "agent first heard after {} ms", after.as_millis())?,
            None => writeln!(f, "the agent was never heard")?,
        }
        for (number, turn) in self.turns.iter().enumerate() {
            write!(f, "turn {} ({}): ", number + 1, turn.name)?;
            let Some(times) = turn.times else {
                writeln!(f, "not played: the call ended before")?;
                continue;
            };
            match times.latency {
                Some(latency) => write!(f, "answer heard after {} ms", latency.as_millis())?,
                None => write!(f, "no answer heard")?,
            }
            if let Some(stopped) = times.stopped_after {
                write!(
                    f,
                    ", agent silent {} ms after the barge-in began",
                    stopped.as_millis()
                )?;
            }
            writeln!(f)?;
        }
        writeln!(f, "ended by {}", self.ended_by)
    }
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_millis() as u64)
}

fn some_millis<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(|d| d.as_millis() as u64).serialize(serializer)
}

fn times<S: Serializer>(times: &Option<TurnTimes>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Figures {
        said_from_ms: Option<u64>,
        said_to_ms: Option<u64>,
        latency_ms: Option<u64>,
        stopped_after_ms: Option<u64>,
    }
    let millis = |duration: Duration| duration.as_millis() as u64;
    Figures {
        said_from_ms: times.map(|times| millis(times.said.start)),
        said_to_ms: times.map(|times| millis(times.said.end)),
        latency_ms: times.and_then(|times| times.latency).map(millis),
        stopped_after_ms: times.and_then(|times| times.stopped_after).map(millis),
    }
    .serialize(serializer)
}

fn lines<S: Serializer>(lines: &[Line], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Said<'a> {
        speaker: Speaker,
        text: &'a str,
        at_ms: u64,
    }
    serializer.collect_seq(lines.iter().map(|line| Said {
        speaker: line.speaker,
        text: line.text.trim(),
        at_ms: line.at.as_millis() as u64,
    }))
}
