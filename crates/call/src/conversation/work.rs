//! Work beside the conversation: rounds of tools, and a transfer.

use tokio::sync::mpsc;

use super::transfer::Transferring;
use crate::toolbox::ToolNews;

/// Work in progress. Its tasks report to the loop through [`Work::news`].
pub struct Work {
    news: mpsc::Sender<ToolNews>,
    /// Rounds of tools that have not finished.
    rounds: usize,
    transfer: Option<Transferring>,
}

impl Work {
    pub(super) fn new(news: mpsc::Sender<ToolNews>) -> Self {
        Self {
            news,
            rounds: 0,
            transfer: None,
        }
    }

    /// The sender to the loop, for a task.
    pub(super) fn news(&self) -> mpsc::Sender<ToolNews> {
        self.news.clone()
    }

    pub(super) fn round_started(&mut self) {
        self.rounds += 1;
    }

    pub(super) fn round_finished(&mut self) {
        self.rounds = self.rounds.saturating_sub(1);
    }

    /// Whether tools run.
    pub fn has_tools_running(&self) -> bool {
        self.rounds > 0
    }

    /// Whether no work is in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.rounds == 0 && self.transfer.is_none()
    }

    /// The transfer in progress. One at a time.
    pub(super) fn transfer(&mut self) -> &mut Option<Transferring> {
        &mut self.transfer
    }
}
