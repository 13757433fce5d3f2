//! What the caller asked last, and when its words were known: what an answer's latency counts from.

use std::time::{Duration, Instant};

use sidetone_base::clock;
use sidetone_turn::{TurnId, UserTurn};

/// How long STT took for some words, and when they came.
#[derive(Debug, Clone, Copy)]
pub(super) struct SttTiming {
    pub(super) took: Duration,
    pub(super) at: Instant,
}

/// A turn that an answer can be measured by.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskedTurn {
    id: TurnId,
    /// Last voiced sample, or when it was typed.
    pub(super) ended_at: Instant,
    /// None where it was typed.
    pub(super) stt: Option<SttTiming>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The turn that ended last.
    turn: Option<AskedTurn>,
    /// The words that came last.
    stt: Option<SttTiming>,
}

impl Asked {
    /// Words came, so long after they were asked for.
    pub(super) fn transcribed(&mut self, took: Duration) {
        let at = clock::now();
        self.stt = Some(SttTiming { took, at });
    }

    /// The turn that ends next was typed.
    pub(super) fn typed(&mut self) {
        self.stt = None;
    }

    /// A turn has ended. False when the one that ended last has ended again.
    pub(super) fn turn_ended(&mut self, turn: &UserTurn) -> bool {
        let asked = AskedTurn {
            id: turn.id,
            ended_at: turn.ended_at,
            stt: self.stt,
        };
        let last = self.turn.replace(asked);
        last.is_none_or(|last| last.id != turn.id)
    }

    /// The caller left: an answer after it is back has no latency worth the name.
    pub(super) fn forget(&mut self) {
        self.turn = None;
    }

    /// The turn that ended last, if it is this one.
    pub(super) fn turn(&self, id: Option<TurnId>) -> Option<AskedTurn> {
        self.turn.filter(|turn| Some(turn.id) == id)
    }
}
