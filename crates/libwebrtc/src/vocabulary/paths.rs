//! The paths that media may take to the other side, and what became of them.
//!
//! Not part of the interface of LiveKit's crate: its callers try paths one by one to tell a user which port is blocked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The paths that a connection may try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paths {
    /// Directly to the other side, over UDP.
    pub udp: bool,
    /// Directly to the other side, over TCP (RFC 6544).
    pub tcp: bool,
    /// Through a TURN server.
    pub relay: bool,
}

impl Paths {
    /// Whatever works.
    pub const ALL: Self = Self::of(true, true, true);
    /// Over UDP only.
    pub const UDP: Self = Self::of(true, false, false);
    /// Over TCP only.
    pub const TCP: Self = Self::of(false, true, false);
    /// Through a TURN server only.
    pub const RELAY: Self = Self::of(false, false, true);

    const fn of(udp: bool, tcp: bool, relay: bool) -> Self {
        Self { udp, tcp, relay }
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self::ALL
    }
}

/// The path that media takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Directly, over UDP.
    Udp,
    /// Directly, over TCP.
    Tcp,
    /// Through a TURN server.
    Relay,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Relay => "relay",
        })
    }
}

/// What a connection has tried, and what it uses.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// Where the other side accepts media over UDP.
    pub udp: BTreeSet<SocketAddr>,
    /// Where it accepts media over TCP.
    pub tcp: BTreeSet<SocketAddr>,
    /// TURN servers that were asked, and why they cannot be used, if known.
    pub relays: BTreeMap<String, Option<String>>,
    /// The path in use.
    pub path: Option<Path>,
    /// Since when the other side's addresses are known but none answers.
    waiting_since: Option<Instant>,
}

/// Observes what the connections created with one configuration try.
#[derive(Debug, Default)]
pub struct PathWatch {
    tried: Mutex<Tried>,
    changed: Notify,
}

impl PathWatch {
    /// What has been tried so far.
    pub fn tried(&self) -> Tried {
        self.tried.lock().clone()
    }

    /// Waits until a connection has known the other side's addresses for `limit` without reaching one.
    pub async fn stuck(&self, limit: Duration) {
        loop {
            let changed = self.changed.notified();
            let since = self.tried.lock().waiting_since;
            match since {
                Some(since) => {
                    let over = tokio::time::sleep_until((since + limit).into());
                    tokio::select! {
                        () = over => return,
                        () = changed => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    pub(crate) fn note(&self, change: impl FnOnce(&mut Tried)) {
        change(&mut self.tried.lock());
        self.changed.notify_waiters();
    }
}

impl fmt::Display for Tried {
    /// What was tried, with ports, for a person who is to open one of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ways: Vec<String> = Vec::new();
        for (name, addresses) in [("UDP", &self.udp), ("TCP", &self.tcp)] {
            ways.extend(
                addresses
                    .iter()
                    .map(|address| format!("{name} to {address}")),
            );
        }
        for (url, reason) in &self.relays {
            let reason = reason.as_deref().unwrap_or("it leads nowhere");
            ways.push(format!("{url} ({reason})"));
        }
        if ways.is_empty() {
            return f.write_str("nothing: the other side names no address that may be tried");
        }
        f.write_str(&ways.join(", "))
    }
}

impl Tried {
    pub(crate) fn waits(&mut self, now: Instant) {
        self.path = None;
        self.waiting_since.get_or_insert(now);
    }

    pub(crate) fn reached(&mut self) {
        self.waiting_since = None;
    }
}
