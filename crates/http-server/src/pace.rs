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
    /// For all that waits to be taken, from when the peer first took nothing, beside the time that it takes at
    /// [`SLOWEST`].
    pub slow: Duration,
}

/// Bytes a second at which an answer may be taken for as long as it is.
const SLOWEST: u64 = 8 * 1024;

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            slow: Duration::from_secs(60),
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
    behind: Option<Behind>,
}

/// Something that is sent waits for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Behind {
    since: Instant,
    /// Bytes that the peer has taken since then.
    taken: u64,
}

impl Pace {
    pub(super) fn begun(patience: Patience, now: Instant) -> Self {
        Self {
            patience,
            phase: Phase::Head(now),
            stalled: None,
            behind: None,
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

    /// The peer took so many bytes of what is sent, or (none) nothing.
    pub(super) fn wrote(&mut self, taken: Option<usize>, now: Instant) -> bool {
        let before = *self;
        match taken {
            Some(bytes) => {
                self.stalled = None;
                if let Some(behind) = &mut self.behind {
                    behind.taken += bytes as u64;
                }
            }
            None => {
                self.stalled.get_or_insert(now);
                let (since, taken) = (now, 0);
                self.behind.get_or_insert(Behind { since, taken });
            }
        }
        *self != before
    }

    /// The peer has taken all that was sent so far.
    pub(super) fn caught_up(&mut self) -> bool {
        self.behind.take().is_some()
    }

    /// When the connection will be closed unless something happens before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let Patience {
            head,
            idle,
            write,
            slow,
            ..
        } = self.patience;
        let phase = match self.phase {
            Phase::Head(since) => Some(since + head),
            Phase::Idle(since) => Some(since + idle),
            Phase::Busy => None,
        };
        let stalled = self.stalled.map(|since| since + write);
        let behind = self
            .behind
            .map(|Behind { since, taken }| since + slow + Duration::from_secs(taken / SLOWEST));
        phase.into_iter().chain(stalled).chain(behind).min()
    }
}

#[cfg(test)]
mod tests;
