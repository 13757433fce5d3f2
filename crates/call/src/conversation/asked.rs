//! The caller's last turn and when its words were known: the starting point for an answer's latency.

use std::time::{Duration, Instant};

use sidetone_base::clock;
use sidetone_turn::{TurnId, UserTurn};

/// How long STT took, and when the words arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct SttTiming {
    pub(super) took: Duration,
    pub(super) at: Instant,
}

/// A turn that an answer's latency is measured from.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskedTurn {
    id: TurnId,
    /// Time of the last voiced sample, or of the typed message.
    pub(super) ended_at: Instant,
    /// `None` if it was typed.
    pub(super) stt: Option<SttTiming>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The last turn that ended.
    turn: Option<AskedTurn>,
    /// The last words that arrived.
    stt: Option<SttTiming>,
}

impl Asked {
    /// Words arrived, `took` after they were requested.
    pub(super) fn transcribed(&mut self, took: Duration) {
        let at = clock::now();
        self.stt = Some(SttTiming { took, at });
    }

    /// The next turn to end was typed.
    pub(super) fn typed(&mut self) {
        self.stt = None;
    }

    /// A turn has ended. `false` if it is the last ended turn, ending again.
    pub(super) fn turn_ended(&mut self, turn: &UserTurn) -> bool {
        let asked = AskedTurn {
            id: turn.id,
            ended_at: turn.ended_at,
            stt: self.stt,
        };
        let last = self.turn.replace(asked);
        last.is_none_or(|last| last.id != turn.id)
    }

    /// The caller left: the latency of an answer given after a return means nothing.
    pub(super) fn forget(&mut self) {
        self.turn = None;
    }

    /// The last ended turn. `None` if it is another one than `id`.
    pub(super) fn turn(&self, id: Option<TurnId>) -> Option<AskedTurn> {
        self.turn.filter(|turn| Some(turn.id) == id)
    }
}
