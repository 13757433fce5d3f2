//! The agent's side: the live reply, its audio, and what was said last.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::reply::Reply;
use crate::apology::Apology;
use crate::event::AgentTurn;
use crate::flow::Flow;
use crate::playout::{PastReply, Playout};
use crate::providers::Tts;
use crate::reply_item::{ReplyItem, ReplyOut};
use crate::speech_text::{Pronunciations, SpeechText};
use sidetone_config::agent::AgentConfig;
use sidetone_turn::ReplyId;

/// The state of the agent's side. Some fields are public so that the loop can borrow them separately.
pub struct Replies {
    /// The live reply, at most one.
    live: Option<Reply>,
    /// The audio on its way to the room.
    pub playout: Playout,
    /// Detects breaks in that audio.
    pub(super) flow: Flow,
    /// Said when a stage fails.
    pub apology: Apology,
    /// The normaliser from written to spoken text, in its state at the start of a reply.
    speech_text: SpeechText,
    items: mpsc::Sender<(ReplyId, ReplyItem)>,
    /// What was heard of the last reply that was heard at all.
    said: String,
    /// The last finished reply, as it was recorded.
    past: Option<Past>,
    /// A reply that answers nothing of the caller's, such as the question whether anybody is there.
    unasked: Option<ReplyId>,
}

/// A finished reply.
struct Past {
    turn: AgentTurn,
    /// When its last frame was sent.
    last: Instant,
    sound: PastReply,
}

impl Replies {
    /// Nothing has been said yet. The tasks of replies send their `items` to the loop.
    pub(super) fn new(agent: &AgentConfig, items: mpsc::Sender<(ReplyId, ReplyItem)>) -> Self {
        Self {
            live: None,
            playout: Playout::default(),
            flow: Flow::default(),
            apology: Apology::new(agent.apology.clone()),
            speech_text: speech_text(agent),
            items,
            said: String::new(),
            past: None,
            unasked: None,
        }
    }

    /// Uses this agent's voice from the next reply on.
    pub(super) fn configure(&mut self, agent: &AgentConfig, tts: &Arc<dyn Tts>) {
        self.speech_text = speech_text(agent);
        self.apology = Apology::new(agent.apology.clone());
        self.apology.prepare(tts);
    }

    pub(super) fn speech_text(&self) -> SpeechText {
        self.speech_text.clone()
    }

    /// The sender to the loop, for the task of a reply.
    pub(super) fn out(&self, id: ReplyId) -> ReplyOut {
        ReplyOut {
            id,
            items: self.items.clone(),
        }
    }

    /// Starts a new reply. Nothing of it is heard before it is committed.
    pub(super) fn begin(&mut self, reply: Reply) {
        self.playout.begin(reply.id(), false);
        self.flow.rests();
        self.live = Some(reply);
    }

    pub(super) fn live(&self) -> Option<&Reply> {
        self.live.as_ref()
    }

    pub(super) fn live_mut(&mut self) -> Option<&mut Reply> {
        self.live.as_mut()
    }

    /// The live reply. `None` if it is another one: items for it are stale.
    pub(super) fn get(&mut self, id: ReplyId) -> Option<&mut Reply> {
        self.live.as_mut().filter(|reply| reply.id() == id)
    }

    /// Drops the live reply and its unplayed audio; `turn` is how it was recorded, if it was.
    pub(super) fn over(&mut self, turn: Option<AgentTurn>) {
        let said = self.playout.heard();
        if !said.is_empty() {
            self.said = said;
        }
        let last = self.live.take().and_then(|reply| reply.last_played());
        if let (Some(turn), Some(last), Some(sound)) = (turn, last, self.playout.past()) {
            self.past = Some(Past { turn, last, sound });
        }
        self.playout.clear();
    }

    /// What was played after `since` was not heard. Returns the last finished reply as it must be recorded now, if it
    /// was playing then.
    pub(super) fn not_heard(&mut self, since: Instant) -> Option<AgentTurn> {
        let unheard = |last: Instant| last.saturating_duration_since(since);
        if let Some(last) = self.live.as_ref().and_then(Reply::last_played) {
            self.playout.take_back(unheard(last));
        }
        let mut past = self.past.take_if(|past| past.last > since)?;
        past.turn.text_heard = past.sound.take_back(unheard(past.last));
        past.turn.unfinished = true;
        self.said.clone_from(&past.turn.text_heard);
        Some(past.turn)
    }

    /// Whether this reply is the live one.
    pub(super) fn is_live(&self, id: ReplyId) -> bool {
        self.live.as_ref().is_some_and(|reply| reply.id() == id)
    }

    /// Whether a reply is being said, or is about to be.
    pub(super) fn has_floor(&self) -> bool {
        self.live.as_ref().is_some_and(Reply::is_committed)
    }

    /// What the caller heard last.
    pub(super) fn last_heard(&self) -> String {
        let heard = self.playout.heard();
        match heard.is_empty() {
            true => self.said.clone(),
            false => heard,
        }
    }

    /// The next reply, with this id, answers nothing of the caller's.
    pub(super) fn begins_unasked(&mut self, id: ReplyId) {
        self.unasked = Some(id);
    }

    /// The live reply. `None` if it answers the caller.
    pub(super) fn unasked(&mut self) -> Option<&mut Reply> {
        let unasked = self.unasked;
        self.live.as_mut().filter(|r| unasked == Some(r.id()))
    }

    /// Whether the caller still counts as silent during the live reply: it is a question about the silence, or a
    /// goodbye.
    pub(super) fn keeps_silence(&self) -> bool {
        let is_ours = |reply: &Reply| self.unasked == Some(reply.id()) || reply.hangs_up();
        self.live.as_ref().is_some_and(is_ours)
    }
}

fn speech_text(agent: &AgentConfig) -> SpeechText {
    let pronunciations = Pronunciations::new(&agent.pronunciations);
    SpeechText::new(agent.language.as_deref(), pronunciations)
}
