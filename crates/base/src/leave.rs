//! PURE, but for [`LeaveOrder`]. How long a call may take to end: one deadline, given by whoever ends it,
//! of which each step has a share.

mod order;

use std::time::{Duration, Instant};

pub use order::LeaveOrder;

/// The most that all after the last words may take; half of a shorter budget.
const AFTER_WORDS: Duration = Duration::from_secs(5);

/// What is done when a call ends, in this order. A step that takes less than its share leaves the rest to
/// those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// What the agent is saying is heard.
    Words,
    /// Tools that run come to their end.
    Tools,
    /// What was said is written down, the recording closed, tools' servers ended: side by side.
    Record,
    /// LiveKit and the control plane are told that the job has ended.
    Report,
    /// The room is left.
    Room,
}

/// By when a call has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaveBy {
    from: Instant,
    end: Instant,
}

impl LeaveBy {
    /// For whoever can wait: ten seconds are for a sentence.
    pub const ASKED: Duration = Duration::from_secs(15);
    /// For LiveKit, which removes an agent three seconds after it has ended its job.
    pub const TERMINATED: Duration = Duration::from_millis(2_800);
    /// Where there is nothing left to say.
    pub const OVER: Duration = Duration::from_secs(8);

    /// A budget that begins now.
    pub fn within(now: Instant, budget: Duration) -> Self {
        Self {
            from: now,
            end: now + budget,
        }
    }

    /// The call has left then.
    pub fn end(self) -> Instant {
        self.end
    }

    /// When a step is over, done or not.
    pub fn until(self, step: Step) -> Instant {
        let all = self.end.saturating_duration_since(self.from);
        let after = AFTER_WORDS.min(all / 2);
        let tenths = match step {
            Step::Words => 0,
            Step::Tools => 3,
            Step::Record => 6,
            Step::Report => 8,
            Step::Room => 10,
        };
        self.end - after * (10 - tenths) / 10
    }

    /// The one that ends first.
    pub fn nearer(self, other: Self) -> Self {
        match other.end < self.end {
            true => other,
            false => self,
        }
    }
}

#[cfg(test)]
mod tests;
