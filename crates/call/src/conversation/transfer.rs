//! Transfers a caller to a person, once the agent's announcement of it was heard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::Conversation;
use super::context::summarise;
use crate::briefing;
use crate::context::{size_of_text, within};
use crate::event::{EndReason, Receipt, ToolCalled, ToolStarted};
use crate::providers::Briefing;
use crate::toolbox::{ToolNews, TransferOrder, WRITTEN_DEADLINE};
use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;
use sidetone_turn::{Input, Phase, ReplyId};

/// The one who transfers enforces the deadline; this is added in case it does not.
const GRACE: Duration = Duration::from_secs(10);
/// Longest briefing, the person's answer included.
const BRIEFING: Duration = Duration::from_secs(120);
/// How often a caller who waits for somebody to be called and briefed is asked to stay on the line.
const HOLD: Duration = Duration::from_secs(20);

/// A transfer in progress.
pub(super) struct Transferring {
    transfer: TransferOrder,
    caused: Caused,
    reply: ReplyId,
    since: Instant,
    _task: AbortOnDropHandle<()>,
}

/// Who asked for the transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caused {
    /// The model, by its tool.
    ByModel,
    /// The backend, by the order with this id.
    ByOrder(String),
}

impl Caused {
    /// The id of the run among those of a reply.
    fn id(&self) -> String {
        match self {
            Self::ByModel => String::new(),
            Self::ByOrder(id) => id.clone(),
        }
    }
}

impl Conversation {
    /// Starts a transfer while the conversation goes on. One at a time.
    pub(super) fn transfer(&mut self, reply: ReplyId, transfer: TransferOrder, caused: Caused) {
        if self.work.transfer().is_some() {
            return;
        }
        let (news, tools) = (self.work.news(), self.cast.providers().tools.clone());
        let (target, ring) = (transfer.target.clone(), transfer.ring);
        let briefing = self.briefing(&transfer);
        let is_warm = transfer.is_warm();
        let since = clock::now();
        let (receipt, written) = Receipt::new();
        let started = ToolStarted {
            reply_id: reply,
            agent: self.cast.agent().name.clone(),
            id: caused.id(),
            name: "transfer".into(),
            arguments: arguments(&transfer),
            started_at: self.record.offset(since),
        };
        self.record.tool_starts(started, receipt);
        let task = tokio::spawn(
            async move {
                // If the record cannot be written, the transfer goes ahead without it.
                tokio::time::timeout(WRITTEN_DEADLINE, written.cancelled())
                    .await
                    .ok();
                let briefed = if is_warm { BRIEFING } else { Duration::ZERO };
                let longest = ring + briefed + GRACE;
                let mut done = tools.put_through(target, ring, briefing);
                let done = tokio::time::timeout(longest, async {
                    loop {
                        tokio::select! {
                            biased;
                            done = &mut done => break done,
                            () = tokio::time::sleep(HOLD), if is_warm => {
                                news.send(ToolNews::StillCalling).await.ok();
                            }
                        }
                    }
                });
                let done = done.await.unwrap_or_else(|_| Err("nobody answered".into()));
                // Fails only when the call is over.
                news.send(ToolNews::Transferred(done)).await.ok();
            }
            .in_current_span(),
        );
        *self.work.transfer() = Some(Transferring {
            transfer,
            caused,
            reply,
            since,
            _task: AbortOnDropHandle::new(task),
        });
        self.watch_silence(clock::now());
    }

    /// What the person is told before they speak to the caller. The model's summary is a future that the transfer awaits
    /// only if it briefs anybody.
    fn briefing(&self, transfer: &TransferOrder) -> Briefing {
        let room = self.context.room();
        let transcript = within(
            &self.chat.transcript(),
            room.saturating_sub(size_of_text(briefing::PROMPT)),
        );
        let llm = Arc::clone(&self.cast.providers().llm);
        let summary = async move {
            let summary = summarise(&*llm, briefing::PROMPT, transcript, briefing::LONGEST);
            let summary = tokio::time::timeout(briefing::DEADLINE, summary);
            summary.await.ok().flatten()
        };
        briefing::briefing(self.cast.speaks(), summary, transfer.question.clone())
    }

    /// Somebody is still being called: the caller is told, unless somebody speaks.
    pub(super) fn still_calling(&mut self) {
        let is_free = self.turn.phase() == Phase::Listening && self.turn.open_turn().is_none();
        let is_ending = self.deadlines.is_draining() || self.deadlines.hangs_up().is_some();
        let text = self.work.transfer().as_ref().map(|t| &t.transfer.hold);
        let text = text.filter(|text| !text.is_empty()).cloned();
        if let Some(text) = text.filter(|_| is_free && !is_ending && self.caller.is_here()) {
            self.input(Input::Say {
                text,
                interruptible: true,
            });
        }
    }

    /// The person has joined and the agent leaves, or the agent says that nobody came.
    pub(super) fn transferred(&mut self, result: Result<String, String>) {
        let Some(Transferring {
            transfer,
            caused,
            reply,
            since,
            ..
        }) = self.work.transfer().take()
        else {
            return;
        };
        let now = clock::now();
        self.record.tool(ToolCalled {
            reply_id: reply,
            agent: self.cast.agent().name.clone(),
            id: caused.id(),
            name: "transfer".into(),
            arguments: arguments(&transfer),
            result: result.clone(),
            started_at: self.record.offset(since),
            took: now.saturating_duration_since(since),
        });
        match (result, self.replies.live_mut()) {
            // The current reply is heard to its end, unless the caller speaks meanwhile.
            (Ok(_), Some(reply)) => {
                reply.hang_up(EndReason::Transferred);
                let by = LeaveBy::within(now, LeaveBy::ASKED);
                self.deadlines.last_words(by, EndReason::Transferred);
            }
            (Ok(_), None) => self.end(EndReason::Transferred),
            (Err(message), _) => {
                let about = format!("transfer to {}", transfer.target.name);
                self.chat.remember(&about, &format!("failed, {message}"));
                // A goodbye in progress stays the last word.
                if self.deadlines.hangs_up().is_none() {
                    self.input(Input::Say {
                        text: transfer.failed,
                        interruptible: true,
                    });
                }
            }
        }
        self.watch_silence(now);
    }
}

fn arguments(transfer: &TransferOrder) -> String {
    serde_json::json!({"to": transfer.target.name}).to_string()
}
