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

/// What the caller says: the lines of the file, then those of the model that plays the caller.
pub struct Script<'s> {
    /// The remaining lines of the file.
    pub lines: VecDeque<String>,
    /// The model that continues after them.
    pub played: Option<Played<'s>>,
}

/// A caller played by a model, in one conversation.
pub struct Played<'s> {
    caller: &'s Simulated,
    /// `None` to say what is recorded.
    mind: Option<Arc<dyn Llm>>,
    recorded: VecDeque<String>,
    so_far: Vec<Line>,
    left: usize,
}

impl<'s> Played<'s> {
    /// Uses `mind`, or the recorded words if there is none.
    pub fn new(caller: &'s Simulated, mind: Option<Arc<dyn Llm>>, recorded: Vec<String>) -> Self {
        Self {
            caller,
            mind,
            recorded: recorded.into(),
            so_far: Vec::new(),
            left: caller.max_turns,
        }
    }

    /// What the model said, without the lines of the file.
    pub fn said(&self) -> Vec<String> {
        let mine = self.so_far.iter().filter_map(|line| match line {
            Line::Mine(text) => Some(text.clone()),
            Line::Theirs(_) => None,
        });
        let all: Vec<String> = mine.collect();
        let made = self.caller.max_turns - self.left;
        all[all.len() - made..].to_vec()
    }
}

impl Script<'_> {
    /// The caller's next words, after the agent has said `heard`. `None` to hang up.
    pub async fn next(&mut self, heard: String) -> Option<String> {
        let line = self.lines.pop_front();
        let Some(played) = &mut self.played else {
            return line;
        };
        played.so_far.push(Line::Theirs(heard));
        let line = match line {
            Some(line) => line,
            None if played.left == 0 => return None,
            None => {
                let line = match &played.mind {
                    None => played.recorded.pop_front(),
                    Some(mind) => simulated::next(&**mind, played.caller, &played.so_far).await,
                };
                played.left -= usize::from(line.is_some());
                line?
            }
        };
        played.so_far.push(Line::Mine(line.clone()));
        Some(line)
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
