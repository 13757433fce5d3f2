//! An agent whose worker is silent is asked whether it lives, and replaced if it does not answer.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use super::{Guardian, Output, Phase};

/// Whether a suspected agent lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered.
    Alive,
    /// It did not answer, or is not in the room.
    Dead {
        /// A person waits.
        people: bool,
    },
    /// It lives, and hands the call over to another one.
    Yields,
    /// LiveKit or the store did not respond, or somebody else has acted.
    Unknown,
}

impl Guardian {
    /// Whether the agent lives is asked at once, unless an asking for another is under way.
    pub(super) fn suspected(&mut self, now: Instant, room: String, epoch: i64) {
        // Another control plane may have asked for it.
        self.adopt(now, room.clone(), true);
        if let Some(watch) = self.watches.get_mut(&room)
            && !matches!(watch.phase, Phase::Asking | Phase::Confirming { .. })
            && watch.spared_until <= now
        {
            watch.phase = Phase::Confirming { epoch };
            self.outputs.push_back(Output::Confirm(room, epoch));
        }
    }

    pub(super) fn confirmed(&mut self, now: Instant, room: &str, verdict: Verdict) {
        let Some(watch) = self.watches.get_mut(room) else {
            return;
        };
        let Phase::Confirming { epoch } = watch.phase else {
            return;
        };
        let again = |after| {
            let until = now + after;
            if watch.seen {
                Phase::Present { until }
            } else {
                Phase::Waiting { until }
            }
        };
        match verdict {
            Verdict::Alive => {
                watch.phase = again(self.config.look_again);
                watch.spared_until = now + self.config.spare;
            }
            Verdict::Unknown => {
                watch.phase = again(self.config.patience);
                watch.spared_until = now + self.config.spare;
            }
            Verdict::Dead { people: true } => {
                watch.trouble = Some("the agent's worker is gone".into());
                self.ask(room, Some(epoch));
            }
            Verdict::Yields => self.ask(room, Some(epoch)),
            // A look shows whether the call is over, or all are on their way back to a server that was
            // restarted.
            Verdict::Dead { people: false } => {
                let until = now + self.config.patience;
                watch.phase = Phase::Waiting { until };
            }
        }
    }
}

/// The delay of a room within `over`, different for each room and attempt.
pub(super) fn spread(room: &str, attempt: u32, over: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (room, attempt).hash(&mut hasher);
    let part = u32::try_from(hasher.finish() % 1_000).unwrap_or_default();
    over * part / 1_000
}
