//! The caller: whether somebody is there and may be heard.

use super::before::Before;
use crate::transport::Mismatch;
use sidetone_base::audio::Pcm;
use sidetone_turn::Owed;

/// The one caller of a call.
#[derive(Debug, Default)]
pub(super) struct Caller {
    is_here: bool,
    was_here: bool,
    /// The caller asked not to be heard.
    unheard: bool,
    /// Caller and agent differ in encryption: the agent can only write.
    mismatch: Option<Mismatch>,
    before: Before,
}

impl Caller {
    /// Nobody has joined yet. `resumes` is what is owed to a caller whom another agent has greeted, and maybe handed over.
    pub(super) fn after(resumes: Option<Option<Owed>>, is_handed_over: bool) -> Self {
        Self {
            before: Before::after(resumes, is_handed_over),
            ..Self::default()
        }
    }

    pub(super) fn is_here(&self) -> bool {
        self.is_here
    }

    /// Whether the caller has joined at least once.
    pub(super) fn has_come(&self) -> bool {
        self.was_here
    }

    /// Whether the caller asked not to be heard.
    pub(super) fn is_unheard(&self) -> bool {
        self.unheard
    }

    /// Why caller and agent cannot hear each other. `None` if they can.
    pub(super) fn mismatch(&self) -> Option<Mismatch> {
        self.mismatch
    }

    /// What the caller said before the agent could hear.
    pub(super) fn before(&mut self) -> &mut Before {
        &mut self.before
    }

    /// The caller joined or came back. `true` the first time.
    pub(super) fn joined(&mut self) -> bool {
        self.is_here = true;
        !std::mem::replace(&mut self.was_here, true)
    }

    /// The caller left, and may come back.
    pub(super) fn left(&mut self) {
        self.is_here = false;
    }

    /// The caller asks not to be heard, or to be heard again.
    pub(super) fn set_unheard(&mut self, unheard: bool) {
        self.unheard = unheard;
    }

    /// Caller and agent differ in encryption, for the rest of the call.
    pub(super) fn differs(&mut self, mismatch: Mismatch) {
        self.mismatch = Some(mismatch);
    }

    /// Takes a frame of the microphone. `true` if it is part of the conversation; before the caller has joined it is
    /// only kept.
    pub(super) fn is_heard(&mut self, frame: &Pcm<16_000>) -> bool {
        if !self.was_here {
            self.before.heard(frame);
        }
        self.is_here && !self.unheard
    }
}
