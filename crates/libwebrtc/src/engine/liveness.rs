//! Whether the other side is there: the states of ICE and of the whole
//! connection, from what ICE and DTLS report and from how long they have been
//! silent. Pure: time comes in as an argument.

use std::time::{Duration, Instant};

use str0m::IceConnectionState as Reported;

use crate::peer_connection::{IceConnectionState, PeerConnectionState};

/// A connection that has been lost this long has failed. str0m itself never
/// gives up; livekit resumes only on failure.
pub(crate) const LOST_LIMIT: Duration = Duration::from_secs(5);
/// A connection that has not come about in this time has failed. livekit
/// itself gives up after 15 s.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Liveness {
    ice: IceConnectionState,
    connection: PeerConnectionState,
    /// When the present state turns into failure.
    fails_at: Option<Instant>,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            ice: IceConnectionState::New,
            connection: PeerConnectionState::New,
            fails_at: None,
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
    pub(crate) fn fails_at(&self) -> Option<Instant> {
        self.fails_at
    }

    /// ICE and DTLS are up for the first time.
    pub(crate) fn connected(&mut self) {
        self.fails_at = None;
        self.connection = PeerConnectionState::Connected;
    }

    /// ICE has changed. `secured` tells that DTLS is up: str0m reports the
    /// whole connection once only, so after an ICE restart it follows ICE.
    pub(crate) fn ice_changed(&mut self, reported: Reported, secured: bool, now: Instant) {
        let connected = self.connection == PeerConnectionState::Connected;
        match reported {
            Reported::New => {}
            // A restart checks new pairs while the old one carries on.
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
            // What has failed stays so until ICE is restarted.
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

    /// The other side has closed DTLS. Why, signalling may be about to tell:
    /// so this is a loss at first, and a failure only if nothing follows.
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

    /// Moves time forward. Answers whether the connection has failed by it.
    pub(crate) fn advance(&mut self, now: Instant) -> bool {
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

    /// A deadline that runs already is not put off.
    fn fail_by(&mut self, at: Instant) {
        self.fails_at = Some(self.fails_at.map_or(at, |earlier| earlier.min(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::clock;

    const MS: Duration = Duration::from_millis(1);

    fn connected(now: Instant) -> Liveness {
        let mut liveness = Liveness::default();
        liveness.ice_changed(Reported::Checking, false, now);
        liveness.ice_changed(Reported::Connected, false, now);
        assert_eq!(liveness.connection(), PeerConnectionState::Connecting);
        liveness.connected();
        liveness.ice_changed(Reported::Completed, true, now);
        assert_eq!(liveness.ice(), IceConnectionState::Completed);
        assert_eq!(liveness.connection(), PeerConnectionState::Connected);
        assert_eq!(liveness.fails_at(), None);
        liveness
    }

    #[test]
    fn a_loss_turns_into_failure_after_its_limit_and_not_before() {
        let start = clock::now();
        let mut liveness = connected(start);
        liveness.ice_changed(Reported::Disconnected, true, start);
        assert_eq!(liveness.connection(), PeerConnectionState::Disconnected);
        assert_eq!(liveness.fails_at(), Some(start + LOST_LIMIT));
        // Hearing of it again does not put it off.
        liveness.ice_changed(Reported::Disconnected, true, start + 1000 * MS);
        assert!(!liveness.advance(start + LOST_LIMIT - MS));
        assert_eq!(liveness.connection(), PeerConnectionState::Disconnected);
        assert!(liveness.advance(start + LOST_LIMIT));
        assert_eq!(liveness.connection(), PeerConnectionState::Failed);
        assert_eq!(liveness.ice(), IceConnectionState::Failed);
        // Failure is told once, and a loss after it is no news.
        liveness.ice_changed(Reported::Disconnected, true, start + LOST_LIMIT);
        assert!(!liveness.advance(start + 100 * LOST_LIMIT));
        assert_eq!(liveness.ice(), IceConnectionState::Failed);
    }

    #[test]
    fn a_loss_that_ends_in_time_is_forgotten() {
        let start = clock::now();
        let mut liveness = connected(start);
        liveness.ice_changed(Reported::Disconnected, true, start);
        liveness.ice_changed(Reported::Connected, true, start + LOST_LIMIT - MS);
        assert_eq!(liveness.connection(), PeerConnectionState::Connected);
        assert!(!liveness.advance(start + 100 * LOST_LIMIT));
    }

    #[test]
    fn a_connection_that_never_comes_about_fails() {
        let start = clock::now();
        let mut liveness = Liveness::default();
        assert!(!liveness.advance(start + CONNECT_LIMIT), "nobody has tried");
        liveness.ice_changed(Reported::Checking, false, start);
        assert_eq!(liveness.connection(), PeerConnectionState::Connecting);
        // str0m tells of lost pairs while it has none: still the same attempt.
        liveness.ice_changed(Reported::Disconnected, false, start + 10_000 * MS);
        assert_eq!(liveness.connection(), PeerConnectionState::Connecting);
        assert!(!liveness.advance(start + CONNECT_LIMIT - MS));
        assert!(liveness.advance(start + CONNECT_LIMIT));
    }

    #[test]
    fn ice_without_dtls_is_not_a_connection() {
        let start = clock::now();
        let mut liveness = Liveness::default();
        liveness.ice_changed(Reported::Completed, false, start);
        assert_eq!(liveness.connection(), PeerConnectionState::Connecting);
        assert!(liveness.advance(start + CONNECT_LIMIT));
    }

    #[test]
    fn an_ice_restart_revives_what_failed_and_leaves_what_works_alone() {
        let start = clock::now();
        let mut liveness = connected(start);
        liveness.ice_changed(Reported::Checking, true, start);
        assert_eq!(liveness.connection(), PeerConnectionState::Connected);
        liveness.fail();
        liveness.ice_changed(Reported::Checking, true, start);
        assert_eq!(liveness.connection(), PeerConnectionState::Connecting);
        liveness.ice_changed(Reported::Connected, true, start);
        assert_eq!(liveness.connection(), PeerConnectionState::Connected);
        assert_eq!(liveness.fails_at(), None);
    }

    #[test]
    fn a_goodbye_is_a_loss_first() {
        let start = clock::now();
        let mut liveness = connected(start);
        liveness.said_goodbye(start);
        assert_eq!(liveness.connection(), PeerConnectionState::Disconnected);
        assert!(!liveness.advance(start + LOST_LIMIT - MS));
        assert!(liveness.advance(start + LOST_LIMIT));
    }
}
