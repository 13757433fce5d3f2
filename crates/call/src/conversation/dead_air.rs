//! Silence in the middle of a reply, and whose it is.

use std::time::Instant;

use super::Conversation;
use crate::part::Part;
use crate::providers::ProviderError;
use sidetone_turn::Phase;

/// What is to be heard of a reply yet.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Since when sound is; none while the model has not written a sentence.
    since: Option<Instant>,
    /// Sentences of the model, and those that have begun to sound.
    written: usize,
    sounding: usize,
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
    pub(super) fn asked(&mut self) {
        self.since = None;
    }

    /// The model has written a sentence.
    pub(super) fn written(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.written = self.written.saturating_add(1);
    }

    /// A sentence has begun to sound, or will never.
    pub(super) fn sounds(&mut self) {
        self.sounding += 1;
    }

    /// The sentence that sounded last begins anew.
    pub(super) fn sounds_anew(&mut self) {
        self.sounding = self.sounding.saturating_sub(1);
    }

    /// Whether sentences are written that have not begun to sound.
    fn owes_sound(&self) -> bool {
        self.sounding < self.written
    }
}

impl Conversation {
    /// When a reply that the caller hears, and whose sound is owed, has been silent for too long:
    /// no deadline of a tool runs that long. The last guard against an agent that seems to speak and
    /// does not. A model that has not begun has its own (`limits.llm`).
    pub(super) fn dead_air_by(&self) -> Option<Instant> {
        let reply = self.replies.live()?;
        let silent_since = reply.last_played()?.max(reply.owed().since?);
        let waits = self.turn.phase() == Phase::Speaking && !self.replies.playout.is_ready();
        let dead_air = self.cast.agent().limits.dead_air;
        (waits && !self.work.has_tools_running()).then(|| silent_since + dead_air)
    }

    /// Gives up a reply in whose middle nothing more comes.
    pub(super) fn dead_air(&mut self) {
        let is_in_sentence = self.replies.playout.is_in_sentence();
        let Some(reply) = self.replies.live_mut() else {
            return;
        };
        let id = reply.id();
        let (stage, what) = if reply.owed().owes_sound() || is_in_sentence {
            (Part::Tts, "sound")
        } else {
            (Part::Llm, "words")
        };
        reply.fail(stage);
        let silent = self.cast.agent().limits.dead_air;
        self.record.failure(ProviderError::new(
            stage,
            format!("no {what} in the middle of a reply for {silent:?} (limits.dead_air)"),
        ));
        self.reply_failed(id);
    }
}
