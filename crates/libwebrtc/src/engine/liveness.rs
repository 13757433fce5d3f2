//! Whether the other side is there: the states of ICE and of the whole connection, from what ICE and DTLS report and
//! from how long the other side has been silent. PURE: time is an argument.

use std::time::{Duration, Instant};

use str0m::IceConnectionState as Reported;

use crate::vocabulary::states::{IceConnectionState, PeerConnectionState};

/// A connection on which nothing has arrived for this long is lost. The other side answers a check every second, in
/// addition to its own checks and media; str0m itself waits for 15 s.
pub(crate) const SILENT_LIMIT: Duration = Duration::from_secs(4);
/// A connection that has been lost for this long has failed. str0m itself never gives up; livekit resumes only on
/// failure.
pub(crate) const LOST_LIMIT: Duration = Duration::from_secs(5);
/// A connection that is not established by then has failed. livekit itself gives up after 15 s.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Liveness {
    ice: IceConnectionState,
    connection: PeerConnectionState,
    /// When the current state turns into failure.
    fails_at: Option<Instant>,
    /// When something last arrived.
    heard: Option<Instant>,
    /// Lost by silence, not because of a report by ICE.
    silent: bool,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            ice: IceConnectionState::New,
            connection: PeerConnectionState::New,
            fails_at: None,
            heard: None,
            silent: false,
        }
    }
}

impl Liveness {
    pub(crate) fn ice(&self) -> IceConnectionState {
        self.ice
    }

    pub(crate) fn connection(&self) -> PeerConnectionState {
        self.connection
    }

    /// When [`Liveness::advance`] is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.connection {
            PeerConnectionState::Connected => self.silent_at(),
            _ => self.fails_at,
        }
    }

    /// When something last arrived.
    pub(crate) fn last_heard(&self) -> Option<Instant> {
        self.heard
    }

    fn silent_at(&self) -> Option<Instant> {
        self.heard.map(|heard| heard + SILENT_LIMIT)
    }

    /// Something has arrived. Returns whether that ends a silence.
    pub(crate) fn heard(&mut self, now: Instant) -> bool {
        self.heard = Some(now);
        let ends = std::mem::take(&mut self.silent)
            && self.connection == PeerConnectionState::Disconnected;
        if ends {
            self.ice = IceConnectionState::Connected;
            self.connected();
        }
        ends
    }

    /// ICE and DTLS are up.
    pub(crate) fn connected(&mut self) {
        self.fails_at = None;
        self.connection = PeerConnectionState::Connected;
    }

    /// ICE has changed. `secured` says that DTLS is up: str0m reports the whole connection only once, so after an ICE
    /// restart it follows ICE.
    pub(crate) fn ice_changed(&mut self, reported: Reported, secured: bool, now: Instant) {
        let connected = self.connection == PeerConnectionState::Connected;
        match reported {
            Reported::New => {}
            // A restart checks new pairs while the old one stays in use.
            Reported::Checking if connected => {}
            Reported::Checking => {
                self.ice = IceConnectionState::Checking;
                self.connect_by(now + CONNECT_LIMIT);
            }
            Reported::Connected | Reported::Completed => {
                self.ice = match reported {
                    Reported::Completed => IceConnectionState::Completed,
                    _ => IceConnectionState::Connected,
                };
                if secured {
                    self.connected();
                } else {
                    self.connect_by(now + CONNECT_LIMIT);
                }
            }
            // A failed connection stays failed until ICE is restarted.
            Reported::Disconnected if self.connection == PeerConnectionState::Failed => {}
            Reported::Disconnected => {
                let limit = if connected { LOST_LIMIT } else { CONNECT_LIMIT };
                self.fail_by(now + limit);
                self.ice = IceConnectionState::Disconnected;
                if connected {
                    self.connection = PeerConnectionState::Disconnected;
                }
            }
        }
    }

    /// The other side has closed DTLS. Signalling may be about to say why, so this counts as a loss at first, and as a
    /// failure only if nothing follows.
    pub(crate) fn said_goodbye(&mut self, now: Instant) {
        self.fail_by(now + LOST_LIMIT);
        self.ice = IceConnectionState::Disconnected;
        self.connection = PeerConnectionState::Disconnected;
    }

    pub(crate) fn fail(&mut self) {
        self.fails_at = None;
        self.ice = IceConnectionState::Failed;
        self.connection = PeerConnectionState::Failed;
    }

    /// Advances the time. Returns whether the connection has failed.
    pub(crate) fn advance(&mut self, now: Instant) -> bool {
        let connected = self.connection == PeerConnectionState::Connected;
        if connected && self.silent_at().is_some_and(|at| at <= now) {
            self.silent = true;
            self.said_goodbye(now);
        }
        let failed = self.fails_at.is_some_and(|at| at <= now);
        if failed {
            self.fail();
        }
        failed
    }

    fn connect_by(&mut self, at: Instant) {
        self.fails_at = Some(at);
        self.connection = PeerConnectionState::Connecting;
    }

    /// Does not postpone an earlier deadline.
    fn fail_by(&mut self, at: Instant) {
        self.fails_at = Some(self.fails_at.map_or(at, |earlier| earlier.min(at)));
    }
}

#[cfg(test)]
mod tests;
