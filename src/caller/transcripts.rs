//! Both sides' words as the agent publishes them on `lk.transcription`, put in order. PURE: stream updates in, lines
//! out.

use std::time::Duration;

use serde::Serialize;

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The person (here: the script).
    Caller,
    /// The agent.
    Agent,
}

/// One segment of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Who said it.
    pub speaker: Speaker,
    /// What was said, as far as it is known.
    pub text: String,
    /// When its first words arrived, since the call began.
    pub at: Duration,
    /// Nothing more will be added.
    pub done: bool,
    #[serde(skip)]
    segment: String,
}

/// The conversation so far.
#[derive(Debug, Default)]
pub struct Transcripts {
    lines: Vec<Line>,
}

impl Transcripts {
    /// A stream of segment `segment` says `text` (the whole text so far). A later stream of the same segment replaces
    /// an earlier one: that is how interim transcripts work.
    pub fn update(
        &mut self,
        at: Duration,
        speaker: Speaker,
        segment: &str,
        text: &str,
        done: bool,
    ) {
        match self.lines.iter_mut().find(|line| line.segment == segment) {
            Some(line) => {
                line.text = text.to_owned();
                line.done |= done;
            }
            None => self.lines.push(Line {
                speaker,
                text: text.to_owned(),
                at,
                done,
                segment: segment.to_owned(),
            }),
        }
    }

    /// The non-empty lines, in the order in which they began.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<_> = self
            .lines
            .iter()
            .filter(|line| !line.text.trim().is_empty())
            .cloned()
            .collect();
        lines.sort_by_key(|line| line.at);
        lines
    }

    /// Everything that one side said, joined.
    pub fn said_by(&self, speaker: Speaker) -> String {
        let lines = self.lines();
        let said: Vec<_> = lines
            .iter()
            .filter(|line| line.speaker == speaker)
            .map(|line| line.text.trim())
            .collect();
        said.join(" ")
    }
}

#[cfg(test)]
mod tests;
