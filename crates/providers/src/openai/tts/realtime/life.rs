//! When a socket takes no further sentences, and when it is closed. PURE.

use std::time::{Duration, Instant};

/// OpenAI ends a session after 60 minutes; a socket in use is replaced long before.
const RECYCLE: Duration = Duration::from_secs(20 * 60);
/// A socket is closed after this long without use, which is longer than the pauses of a conversation. A sentence that
/// takes this long will never end.
const IDLE: Duration = Duration::from_secs(300);

/// How old a socket is, and when it was last used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    begun: Instant,
    used: Instant,
    /// Since when it takes no further sentences.
    retired: Option<Instant>,
}

/// What is to be done with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing before this time.
    Nothing(Instant),
    /// It takes no further sentences. With `replace`, another is opened in its place.
    Retire { replace: bool },
    /// It is closed.
    Close,
}

impl Life {
    /// It opens now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            begun: now,
            used: now,
            retired: None,
        }
    }

    /// A sentence begins, or was cancelled.
    pub(super) fn used(&mut self, now: Instant) {
        self.used = now;
    }

    /// It takes no further sentences.
    pub(super) fn retire(&mut self, now: Instant) {
        self.retired.get_or_insert(now);
    }

    /// What is to be done. `idle` means that no sentence is in progress.
    pub(super) fn due(&self, now: Instant, idle: bool) -> Due {
        let unused = self.used + IDLE;
        match self.retired {
            Some(_) if idle => Due::Close,
            Some(since) if now >= since + IDLE => Due::Close,
            Some(since) => Due::Nothing(since + IDLE),
            None if now >= self.begun + RECYCLE => Due::Retire {
                replace: now < unused,
            },
            None if idle && now >= unused => Due::Retire { replace: false },
            None if idle => Due::Nothing(unused.min(self.begun + RECYCLE)),
            None => Due::Nothing(self.begun + RECYCLE),
        }
    }
}

#[cfg(test)]
mod tests;
