//! What a scenario's caller says, and where it comes from.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::recorded::Recording;
use super::scenario::{Scenario, Simulated};
use super::simulated::{self, Line};
use sidetone_base::audio::wav;
use sidetone_call::{Llm, Stt};

/// Speech recognition that takes longer counts as having heard nothing.
const HEARD: Duration = Duration::from_secs(60);

/// What the caller says: the lines of the file, then those of the model that plays it.
pub struct Script {
    /// Of the file, those that are left.
    pub lines: VecDeque<String>,
    /// Who goes on after them.
    pub played: Option<Played>,
}

/// A caller whom a model plays, in one conversation.
pub struct Played {
    caller: Simulated,
    /// None: it says what is recorded.
    mind: Option<Arc<dyn Llm>>,
    recorded: VecDeque<String>,
    so_far: Vec<Line>,
    said: Vec<String>,
}

impl Played {
    /// On `mind`, or on what is recorded where there is none.
    pub fn new(caller: Simulated, mind: Option<Arc<dyn Llm>>, recorded: Vec<String>) -> Self {
        Self {
            caller,
            mind,
            recorded: recorded.into(),
            so_far: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Somebody has said this, before it is the model's turn.
    pub fn hears(&mut self, line: Line) {
        self.so_far.push(line);
    }

    /// What the model says next; none when it hangs up.
    pub async fn next(&mut self) -> Option<String> {
        if self.said.len() >= self.caller.max_turns {
            return None;
        }
        let line = match &self.mind {
            None => self.recorded.pop_front(),
            Some(mind) => simulated::next(&**mind, &self.caller, &self.so_far).await,
        }?;
        self.said.push(line.clone());
        self.hears(Line::Mine(line.clone()));
        Some(line)
    }

    /// What was said by the model, not by the file.
    pub fn said(&self) -> Vec<String> {
        self.said.clone()
    }
}

impl Script {
    /// The caller's next words, after the agent has said `heard`; none when it hangs up.
    pub async fn next(&mut self, heard: String) -> Option<String> {
        let line = self.lines.pop_front();
        let Some(played) = &mut self.played else {
            return line;
        };
        played.hears(Line::Theirs(heard));
        match line {
            Some(line) => {
                played.hears(Line::Mine(line.clone()));
                Some(line)
            }
            None => played.next().await,
        }
    }
}

/// What the caller says in each turn; recordings are transcribed by speech recognition first.
pub async fn words(
    scenario: &Scenario,
    live: Option<&dyn Stt>,
    recorded: &Recording,
) -> anyhow::Result<Vec<String>> {
    let mut recorded = recorded.heard.iter().cloned();
    let mut all = Vec::new();
    for turn in &scenario.turns {
        all.push(match (&turn.wav, live) {
            (None, _) => turn.caller.clone(),
            (Some(_), None) => recorded.next().context(
                "what was heard in the WAV is not recorded; record it with `sidetone eval --record`",
            )?,
            (Some(file), Some(stt)) => {
                let shown = file.display();
                let audio = wav::read::<16_000>(file);
                let audio = audio.with_context(|| format!("{shown}"))?;
                let heard = tokio::time::timeout(HEARD, stt.transcribe(audio)).await;
                let heard = heard.with_context(|| format!("{shown}: nobody heard it in time"))??;
                anyhow::ensure!(!heard.trim().is_empty(), "{shown}: no words were heard");
                heard
            }
        });
    }
    Ok(all)
}
