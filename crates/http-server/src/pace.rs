//! How long a connection may take for each thing it does. PURE.

use std::time::{Duration, Instant};

/// How long a connection may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a request's head, from its first byte; for the first request, from the start of the connection.
    pub head: Duration,
    /// For a request's whole body, from the first read.
    pub body: Duration,
    /// Between two requests. Longer than the minute after which proxies drop an idle connection: the requesting side
    /// must be the first to close.
    pub idle: Duration,
    /// While the client accepts no byte of a response.
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

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A request's head has been awaited or arriving since this time.
    Head(Instant),
    /// A request is being answered.
    Busy,
    /// A response ended at this time, and nothing has arrived since.
    Idle(Instant),
}

/// The pace of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    patience: Patience,
    phase: Phase,
    /// Since when the client has accepted no data.
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

    /// Bytes arrived. The first byte of a request starts its head; more bytes do not extend the deadline.
    pub(super) fn read(&mut self, now: Instant) -> bool {
        let begins = matches!(self.phase, Phase::Idle(_));
        if begins {
            self.phase = Phase::Head(now);
        }
        begins
    }

    /// A request's head is complete.
    pub(super) fn asked(&mut self) {
        self.phase = Phase::Busy;
    }

    /// Its response is over.
    pub(super) fn answered(&mut self, now: Instant) {
        self.phase = Phase::Idle(now);
    }

    /// The client accepted some data, or (false) none.
    pub(super) fn wrote(&mut self, some: bool, now: Instant) -> bool {
        let stalled = match (some, self.stalled) {
            (true, _) => None,
            (false, since) => since.or(Some(now)),
        };
        let changed = stalled != self.stalled;
        self.stalled = stalled;
        changed
    }

    /// When the connection will be closed unless something happens before.
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
