//! The results of one turn of a scenario.

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
    /// Failures of stages.
    pub errors: Vec<String>,
}
