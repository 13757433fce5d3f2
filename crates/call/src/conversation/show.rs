//! What the room sees of a call: the agent's state, both sides' words, and commands.

use std::time::Instant;

use tokio::sync::mpsc;
use tokio::time::timeout_at;

use super::Conversation;
use crate::event::{CallEvent, CallId};
use crate::transport::{AgentState, RoomCommand, Segment, Speaker};
use sidetone_turn::{Phase, ReplyId, TurnId};

/// What goes to the room.
pub(super) struct ToRoom {
    call: CallId,
    commands: mpsc::Sender<RoomCommand>,
    state: AgentState,
    /// Words of the open turn that were shown, and are not settled.
    interim: Option<(TurnId, String)>,
    /// Words that came as a message in the room.
    written: Option<String>,
}

impl ToRoom {
    pub(super) fn new(call: CallId, commands: mpsc::Sender<RoomCommand>) -> Self {
        Self {
            call,
            commands,
            state: AgentState::Initializing,
            interim: None,
            written: None,
        }
    }

    /// The caller wrote this in the room: whoever is there has the message, and the writer's client shows it.
    /// Sent once more, as a caption, it would stand there twice.
    pub(super) fn caller_wrote(&mut self, text: &str) {
        self.written = Some(text.to_owned());
    }

    /// A room that does not take its commands loses them, rather than stop the conversation.
    pub(super) fn command(&self, command: RoomCommand) {
        if self.commands.try_send(command).is_err() {
            tracing::warn!(call = %self.call, "the room is too slow for its commands; one was dropped");
        }
    }

    /// Shows the agent's state. False when it was shown before.
    fn state(&mut self, state: AgentState) -> bool {
        let is_new = std::mem::replace(&mut self.state, state) != state;
        if is_new {
            self.command(RoomCommand::SetState(state));
        }
        is_new
    }

    /// Shows the words of the caller's open turn so far.
    pub(super) fn caller_so_far(&mut self, turn: TurnId, by: Option<&str>, text: &str) {
        let interim = Some((turn, text.to_owned()));
        if self.interim != interim {
            self.caller(turn, by, text, false);
            self.interim = interim;
        }
    }

    /// Shows the words of a turn that has ended.
    pub(super) fn caller_said(&mut self, turn: TurnId, by: Option<&str>, text: &str) {
        if self.written.take_if(|written| written == text).is_some() {
            return;
        }
        self.caller(turn, by, text, true);
        self.interim = None;
    }

    /// Words that were shown of a turn and came to nothing, such as a backchannel, are not shown as
    /// unsettled any more.
    pub(super) fn caller_turn_closed(&mut self, turn: TurnId, by: Option<&str>) {
        if let Some((_, text)) = self.interim.take_if(|(id, _)| *id == turn) {
            self.caller(turn, by, &text, true);
        }
    }

    fn caller(&self, turn: TurnId, by: Option<&str>, text: &str, is_final: bool) {
        self.command(RoomCommand::Transcript(Segment {
            who: Speaker::Caller,
            by: by.map(str::to_owned),
            id: self.segment('c', turn.0),
            text: text.to_owned(),
            is_final,
        }));
    }

    /// Shows the next words that were heard of a reply, or that it is over.
    pub(super) fn agent(&self, reply: ReplyId, text: String, is_final: bool) {
        self.words('a', reply, text, is_final);
    }

    /// Shows words of the agent that cannot be spoken.
    pub(super) fn notice(&self, reply: ReplyId, text: String) {
        self.words('n', reply, text, true);
    }

    fn words(&self, side: char, reply: ReplyId, text: String, is_final: bool) {
        self.command(RoomCommand::Transcript(Segment {
            who: Speaker::Agent,
            by: None,
            id: self.segment(side, reply.0),
            text,
            is_final,
        }));
    }

    /// The same for all pieces of a turn, and of no other turn of any call.
    fn segment(&self, side: char, number: u64) -> String {
        format!("SG_{}_{side}{number}", self.call.simple())
    }

    /// Leaves. The room may be gone already; either way the call lets go of it now.
    pub(super) async fn leave(&self, until: Instant) {
        let leave = self.commands.send(RoomCommand::Leave);
        timeout_at(until.into(), leave).await.ok();
    }
}

impl Conversation {
    pub(super) fn show_state(&mut self) {
        let state = match self.turn.phase() {
            _ if !self.caller.is_here() || self.hand.is_muted() => AgentState::Idle,
            Phase::Listening | Phase::UserSpeaking | Phase::Endpointing => AgentState::Listening,
            Phase::Thinking => AgentState::Thinking,
            Phase::Speaking | Phase::Overlap | Phase::Held => AgentState::Speaking,
        };
        if self.to_room.state(state) {
            self.record.now(|at| CallEvent::AgentState { at, state });
        }
    }
}
