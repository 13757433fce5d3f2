//! Silence in the middle of a reply, and whose it is.

use std::time::Instant;

use super::Conversation;
use crate::event::Stage;
use crate::providers::ProviderError;
use sidetone_base::clock;
use sidetone_turn::{Phase, ReplyId};

/// What is to be heard of a reply yet.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Since when sound is; none while the model has not written a sentence.
    since: Option<Instant>,
    /// Sentences of the model, and those that have begun to sound.
    written: usize,
    pub(super) sounding: usize,
}

impl Owed {
    /// Words that are known.
    pub(super) fn words(now: Instant) -> Self {
        Self {
            since: Some(now),
            written: usize::MAX,
            sounding: 0,
        }
    }

    /// The model is to write; what it has written before is not owed any more.
    fn asked(&mut self) {
        self.since = None;
    }

    fn written(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.written = self.written.saturating_add(1);
    }
}

impl Conversation {
    pub(super) fn model_asked(&mut self, id: ReplyId) {
        let reply = self.reply.as_mut().filter(|reply| reply.id == id);
        if let Some(reply) = reply {
            reply.owed.asked();
        }
    }

    pub(super) fn sentence_written(&mut self, id: ReplyId) {
        let reply = self.reply.as_mut().filter(|reply| reply.id == id);
        if let Some(reply) = reply {
            reply.owed.written(clock::now());
        }
    }

    /// When a reply that the caller hears, and whose sound is owed, has been silent for too long:
    /// no deadline of a tool runs that long. The last guard against an agent that seems to speak and
    /// does not. A model that has not begun has its own (`limits.llm`).
    pub(super) fn dead_air_by(&self) -> Option<Instant> {
        let reply = self.reply.as_ref()?;
        let (_, last) = reply.played?;
        let silent_since = last.max(reply.owed.since?);
        let waits = self.turn.phase() == Phase::Speaking && !self.playout.is_ready();
        (waits && self.tools_running == 0).then(|| silent_since + self.agent.limits.dead_air)
    }

    /// Gives up a reply in whose middle nothing more comes.
    pub(super) fn dead_air(&mut self) {
        let Some(reply) = &mut self.reply else {
            return;
        };
        let id = reply.id;
        let owes_sound = reply.owed.sounding < reply.owed.written || self.playout.is_in_sentence();
        let (stage, what) = if owes_sound {
            (Stage::Tts, "sound")
        } else {
            (Stage::Llm, "words")
        };
        reply.failed = Some(stage);
        let silent = self.agent.limits.dead_air;
        self.report(ProviderError::new(
            stage,
            format!("no {what} in the middle of a reply for {silent:?} (limits.dead_air)"),
        ));
        self.reply_failed(id);
    }
}
