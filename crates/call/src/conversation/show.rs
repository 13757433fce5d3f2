//! What the room and the log see of a call.

use super::{Caller, Conversation};
use crate::event::CallEvent;
use crate::providers::ProviderError;
use crate::transport::{AgentState, RoomCommand, Segment, Speaker};
use sidetone_base::clock;
use sidetone_turn::{Phase, ReplyId, TurnId};

impl Conversation {
    // --- what others see ---

    pub(super) fn show_state(&mut self) {
        let state = match (self.caller, self.turn.phase()) {
            (Caller::Expected { .. } | Caller::Lost { .. }, _) => AgentState::Idle,
            (_, Phase::Listening | Phase::UserSpeaking | Phase::Endpointing) => {
                AgentState::Listening
            }
            (_, Phase::Thinking) => AgentState::Thinking,
            (_, Phase::Speaking | Phase::Overlap | Phase::Held) => AgentState::Speaking,
        };
        if std::mem::replace(&mut self.state, state) != state {
            self.command(RoomCommand::SetState(state));
            let at = self.journal.offset(clock::now());
            self.journal.push(CallEvent::AgentState { at, state });
        }
    }

    pub(super) fn show_caller(&self, turn: TurnId, text: &str, is_final: bool) {
        let id = self.segment_id("c", turn.0);
        self.show(Segment {
            who: Speaker::Caller,
            id,
            text: text.to_owned(),
            is_final,
        });
    }

    pub(super) fn show_agent(&self, reply: ReplyId, text: String, is_final: bool) {
        let id = self.segment_id("a", reply.0);
        self.show(Segment {
            who: Speaker::Agent,
            id,
            text,
            is_final,
        });
    }

    /// The same for all pieces of a turn, and of no other turn of any call.
    pub(super) fn segment_id(&self, side: &str, number: u64) -> String {
        format!("SG_{}_{side}{number}", self.id.simple())
    }

    pub(super) fn show(&self, segment: Segment) {
        self.command(RoomCommand::Transcript(segment));
    }

    /// A room that does not take its commands loses them, rather than stop the conversation.
    pub(super) fn command(&self, command: RoomCommand) {
        if self.commands.try_send(command).is_err() {
            tracing::warn!(call = %self.id, "the room does not take its commands; one was dropped");
        }
    }

    /// What became of all that was said up to now, and what that took.
    pub(super) fn tell_figures(&mut self) {
        self.journal.push(CallEvent::Figures {
            figures: self.ledger.figures().clone(),
            taken: self.meter.taken(),
        });
    }

    pub(super) fn report(&mut self, error: ProviderError) {
        let ProviderError { stage, message, .. } = error;
        tracing::warn!(call = %self.id, stage = stage.as_str(), %message, "a stage failed");
        let at = self.journal.offset(clock::now());
        self.journal.push(CallEvent::Error { at, stage, message });
    }
}
