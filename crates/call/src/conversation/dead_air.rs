//! Detects silence in the middle of a reply, and whether the agent is to blame for it.

use std::time::Instant;

use super::Conversation;
use crate::part::Part;
use crate::providers::ProviderError;
use sidetone_turn::Phase;

/// What of a reply is still to be heard.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Since when audio is due. `None` while the model has not written a sentence.
    since: Option<Instant>,
    /// Sentences that the model has written, and those that have begun to play.
    written: usize,
    sounding: usize,
}

impl Owed {
    /// The words are known already.
    pub(super) fn words(now: Instant) -> Self {
        Self {
            since: Some(now),
            written: usize::MAX,
            sounding: 0,
        }
    }

    /// The model is asked; its earlier sentences are no longer owed.
    pub(super) fn asked(&mut self) {
        self.since = None;
    }

    /// The model has written a sentence.
    pub(super) fn written(&mut self, now: Instant) {
        self.since.get_or_insert(now);
        self.written = self.written.saturating_add(1);
    }

    /// A sentence has begun to play, or never will.
    pub(super) fn sounds(&mut self) {
        self.sounding += 1;
    }

    /// The sentence that began last starts over.
    pub(super) fn sounds_anew(&mut self) {
        self.sounding = self.sounding.saturating_sub(1);
    }

    /// Whether there are written sentences that have not begun to play.
    fn owes_sound(&self) -> bool {
        self.sounding < self.written
    }
}

impl Conversation {
    /// When a committed reply whose audio is due counts as dead: longer than any tool's deadline. The last guard
    /// against an agent that seems to speak and does not. A model that has not begun has its own deadline
    /// (`limits.llm`).
    pub(super) fn dead_air_by(&self) -> Option<Instant> {
        let reply = self.replies.live()?;
        let silent_since = reply.last_played()?.max(reply.owed().since?);
        let waits = self.turn.phase() == Phase::Speaking && !self.replies.playout.is_ready();
        let dead_air = self.cast.agent().limits.dead_air;
        (waits && !self.work.has_tools_running()).then(|| silent_since + dead_air)
    }

    /// Gives up a reply that has stopped in the middle.
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
