//! PURE, except [`LeaveOrder`]. How long a call may take to end: one deadline, set by whoever ends it, of which each
//! step gets a share.

mod order;

use std::time::{Duration, Instant};

pub use order::LeaveOrder;

/// The most time that all steps after the last words may take; half of a shorter budget.
const AFTER_WORDS: Duration = Duration::from_secs(5);

/// The steps of ending a call, in order. A step that takes less than its share leaves the rest to later steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The agent's current words are heard.
    Words,
    /// Running tools finish.
    Tools,
    /// What was said is recorded, the recording is closed, and the tools' servers are stopped, all in parallel.
    Record,
    /// LiveKit and the control plane are informed that the job has ended.
    Report,
    /// The agent leaves the room.
    Room,
}

/// The deadline by which a call has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaveBy {
    from: Instant,
    end: Instant,
}

impl LeaveBy {
    /// For a request that can wait: ten seconds are for a sentence.
    pub const ASKED: Duration = Duration::from_secs(15);
    /// For a call that another agent may take over: eight seconds for that one to come and for a pause, and
    /// [`Self::ASKED`] if there is none.
    pub const HANDED_OVER: Duration = Duration::from_secs(23);
    /// For LiveKit, which removes an agent three seconds after it has terminated its job.
    pub const TERMINATED: Duration = Duration::from_millis(2_800);
    /// For a call with nothing left to say.
    pub const OVER: Duration = Duration::from_secs(8);

    /// A budget that starts now.
    pub fn within(now: Instant, budget: Duration) -> Self {
        Self {
            from: now,
            end: now + budget,
        }
    }

    /// When the budget began.
    pub fn begins(self) -> Instant {
        self.from
    }

    /// The deadline of the whole call.
    pub fn end(self) -> Instant {
        self.end
    }

    /// The time at which a step is over, finished or not.
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

    /// The earlier of two deadlines.
    pub fn nearer(self, other: Self) -> Self {
        match other.end < self.end {
            true => other,
            false => self,
        }
    }
}

#[cfg(test)]
mod tests;
