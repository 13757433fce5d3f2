//! The results of one turn of a scenario.

use std::fmt;
use std::time::Duration;

use sidetone_call::ToolCalled;

/// The results of a turn.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The agent's words, as far as they were heard.
    pub said: String,
    /// Tools that ran.
    pub tools: Vec<ToolCalled>,
    /// From the caller's words to the agent's first.
    pub first_words: Option<Duration>,
    /// What a caller who spoke noticed.
    pub heard: Option<Heard>,
    /// Failures of stages.
    pub errors: Vec<String>,
}

impl Told {
    /// The agent said more.
    pub fn say(&mut self, text: &str) {
        if !self.said.is_empty() {
            self.said.push(' ');
        }
        self.said.push_str(text);
    }
}

/// What a caller noticed of a turn. Times are those of what was heard, not of what was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// From the caller's last sound to the agent's first; none where no answer came.
    pub waited: Option<Duration>,
    /// The agent began to answer while the caller had so much still to say.
    pub cut_off: Option<Duration>,
    /// The agent was speaking when the caller began.
    pub is_over_agent: bool,
    /// It fell silent for the caller, who had spoken for so long by then.
    pub stopped_after: Option<Duration>,
}

impl Heard {
    /// Of two turns what is worse for the caller.
    pub fn worst(self, other: Self) -> Self {
        Self {
            waited: self.waited.max(other.waited),
            cut_off: self.cut_off.max(other.cut_off),
            is_over_agent: self.is_over_agent || other.is_over_agent,
            stopped_after: self.stopped_after.max(other.stopped_after),
        }
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_millis();
        let mut parts = Vec::new();
        match self.stopped_after {
            Some(after) => parts.push(format!("the agent fell silent after {} ms", ms(after))),
            None if self.is_over_agent => parts.push("the agent spoke on".to_owned()),
            None => {}
        }
        if let Some(left) = self.cut_off {
            parts.push(format!("cut off {} ms before its end", ms(left)));
        }
        match self.waited {
            Some(waited) => parts.push(format!("answered after {} ms", ms(waited))),
            None if parts.is_empty() => parts.push("no answer".to_owned()),
            None => {}
        }
        f.write_str(&parts.join(", "))
    }
}
