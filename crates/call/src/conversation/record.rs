//! The record of a call: what happened, in order, and the counts behind its figures.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::event::{
    AgentTurn, CallEvent, CallId, CallOutcome, EndReason, Receipt, ToolCalled, ToolStarted,
};
use crate::journal::Journal;
use crate::ledger::Ledger;
use crate::meter::Meter;
use crate::providers::ProviderError;
use crate::transport::Person;
use sidetone_base::clock;
use sidetone_base::leave::{LeaveBy, Step};
use sidetone_turn::{TurnId, UserTurn};

/// See the module's documentation.
pub struct Record {
    call: CallId,
    journal: Journal,
    /// The fate of every utterance and sentence.
    ledger: Ledger,
    /// What the call has used of its providers.
    meter: Meter,
    /// Turns of the caller that have ended.
    turns: u32,
    /// Words that were recorded of a turn that has not ended.
    saying: Option<(TurnId, String)>,
}

impl Record {
    pub(super) fn new(
        call: CallId,
        begun: Instant,
        events: mpsc::Sender<CallEvent>,
        meter: Meter,
    ) -> Self {
        Self {
            call,
            journal: Journal::new(events, begun, clock::wall_at(begun)),
            ledger: Ledger::default(),
            meter,
            turns: 0,
            saying: None,
        }
    }

    /// Whether events wait to be taken.
    pub fn is_waiting(&self) -> bool {
        self.journal.is_waiting()
    }

    /// Sends events on. Cancel safe; pending forever if there is no receiver.
    pub async fn deliver(&mut self) {
        self.journal.deliver().await;
    }

    /// The fate of every utterance and sentence.
    pub(super) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// What the call has used of its providers.
    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The offset of `time` from the start of the call.
    pub(super) fn offset(&self, time: Instant) -> Duration {
        self.journal.offset(time)
    }

    /// Records an event with the current offset.
    pub(super) fn now(&mut self, event: impl FnOnce(Duration) -> CallEvent) {
        let at = self.journal.offset(clock::now());
        self.journal.push(event(at));
    }

    /// These words of the caller's are recognised; their turn is not over.
    pub(super) fn caller_says(&mut self, turn_id: TurnId, text: &str, by: Option<Person>) {
        let saying = Some((turn_id, text.to_owned()));
        if self.saying == saying {
            return;
        }
        self.saying = saying;
        let text = text.to_owned();
        self.now(|at| CallEvent::CallerSaying {
            at,
            turn_id,
            text,
            by,
        });
    }

    /// What was recognised of a turn that did not end as one is no part of the conversation.
    pub(super) fn caller_said_nothing(&mut self, turn_id: TurnId) {
        if self.saying.take_if(|(id, _)| *id == turn_id).is_some() {
            self.now(|at| CallEvent::CallerSaying {
                at,
                turn_id,
                text: String::new(),
                by: None,
            });
        }
    }

    /// A turn of the caller has ended; unless `new`, it is an earlier turn that went on.
    pub(super) fn caller_turn(&mut self, turn: &UserTurn, by: Option<Person>, new: bool) {
        self.turns += u32::from(new);
        self.saying = None;
        self.journal.push(CallEvent::CallerTurn {
            turn_id: turn.id,
            text: turn.text.clone(),
            by,
            started_at: self.journal.offset(turn.started_at),
            ended_at: self.journal.offset(turn.ended_at),
        });
    }

    /// What was heard of a reply so far.
    pub(super) fn agent_turn(&mut self, turn: AgentTurn) {
        self.journal.push(CallEvent::AgentTurn(turn));
    }

    /// A tool is about to run, once this is stored.
    pub(super) fn tool_starts(&mut self, tool: ToolStarted, receipt: Receipt) {
        self.journal.push(CallEvent::ToolStarted(tool, receipt));
    }

    /// A tool has run.
    pub(super) fn tool(&mut self, tool: ToolCalled) {
        self.journal.push(CallEvent::ToolCall(tool));
    }

    /// A stage failed.
    pub(super) fn failure(&mut self, error: ProviderError) {
        let ProviderError { stage, message, .. } = error;
        tracing::warn!(call = %self.call, stage = stage.as_str(), %message, "a stage failed");
        self.now(|at| CallEvent::Error { at, stage, message });
    }

    /// Records the figures up to now.
    pub(super) fn figures(&mut self) {
        self.journal.push(CallEvent::Figures {
            figures: self.ledger.figures().clone(),
            taken: self.meter.taken(),
        });
    }

    /// The call is over: nothing more is recorded. Returns how long it lasted.
    pub(super) fn ended(&mut self, reason: EndReason) -> Duration {
        self.ledger.over();
        // Nobody goes on with a call that is over.
        if let Some((turn, _)) = self.saying.clone().filter(|_| !reason.is_taken_over()) {
            self.caller_said_nothing(turn);
        }
        self.figures();
        let duration = self.journal.offset(clock::now());
        self.journal.push(CallEvent::Ended {
            at: duration,
            reason,
        });
        duration
    }

    /// Sends what is left, as long as the time for leaving allows.
    pub(super) async fn close(
        self,
        reason: EndReason,
        duration: Duration,
        by: LeaveBy,
    ) -> CallOutcome {
        let events_lost = self.journal.flush(by.until(Step::Record)).await;
        if events_lost > 0 {
            tracing::error!(call = %self.call, events_lost, "the stored call is incomplete");
        }
        CallOutcome {
            reason,
            duration,
            turns: self.turns,
            events_lost,
            leave_by: by,
        }
    }
}
