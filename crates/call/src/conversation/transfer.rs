//! Transfers a caller to a person, once the agent's announcement of it was heard.

use std::time::{Duration, Instant};

use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::Conversation;
use crate::event::{EndReason, Receipt, ToolCalled, ToolStarted};
use crate::toolbox::{ToolNews, TransferOrder, WRITTEN_DEADLINE};
use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;
use sidetone_turn::{Input, ReplyId};

/// The one who transfers enforces the deadline; this is added in case it does not.
const GRACE: Duration = Duration::from_secs(10);

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
                let done = tools.put_through(target, ring);
                let done = tokio::time::timeout(ring + GRACE, done).await;
                let done = done.unwrap_or_else(|_| Err("nobody answered".into()));
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
