//! How long a connection may take over each thing it does, pure.

use std::time::{Duration, Instant};

/// How long a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a request's head, from its first byte; of the first request, from the connection's beginning.
    pub head: Duration,
    /// For a request's whole body, from when it is asked for.
    pub body: Duration,
    /// Between two requests. Longer than the minute after which proxies let go of a connection: whoever
    /// lets go first must be the one that asks.
    pub idle: Duration,
    /// While not a byte of an answer is taken.
    pub write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
        }
    }
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A request's head is awaited or under way, since then.
    Head(Instant),
    /// A request is answered.
    Busy,
    /// An answer is over since then, and nothing has come after it.
    Idle(Instant),
}

/// The pace of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    patience: Patience,
    phase: Phase,
    /// The peer takes nothing of what is sent since then.
    stalled: Option<Instant>,
}

impl Pace {
    pub(super) fn begun(patience: Patience, now: Instant) -> Self {
        Self {
            patience,
            phase: Phase::Head(now),
            stalled: None,
        }
    }

    /// Bytes came. The first of a request begins its head; more of them buy no time.
    pub(super) fn read(&mut self, now: Instant) -> bool {
        let begins = matches!(self.phase, Phase::Idle(_));
        if begins {
            self.phase = Phase::Head(now);
        }
        begins
    }

    /// A request's head is whole.
    pub(super) fn asked(&mut self) {
        self.phase = Phase::Busy;
    }

    /// Its answer is over.
    pub(super) fn answered(&mut self, now: Instant) {
        self.phase = Phase::Idle(now);
    }

    /// The peer took some of what is sent, or (false) nothing.
    pub(super) fn wrote(&mut self, some: bool, now: Instant) -> bool {
        let stalled = match (some, self.stalled) {
            (true, _) => None,
            (false, since) => since.or(Some(now)),
        };
        let changed = stalled != self.stalled;
        self.stalled = stalled;
        changed
    }

    /// When the connection is closed, if nothing happens before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let Patience {
            head, idle, write, ..
        } = self.patience;
        let phase = match self.phase {
            Phase::Head(since) => Some(since + head),
            Phase::Idle(since) => Some(since + idle),
            Phase::Busy => None,
        };
        let stalled = self.stalled.map(|since| since + write);
        phase.into_iter().chain(stalled).min()
    }
}

#[cfg(test)]
mod tests;
