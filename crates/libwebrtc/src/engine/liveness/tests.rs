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
    assert_eq!(liveness.due(), None);
    liveness
}

#[test]
fn a_loss_turns_into_failure_after_its_limit_and_not_before() {
    let start = clock::now();
    let mut liveness = connected(start);
    liveness.ice_changed(Reported::Disconnected, true, start);
    assert_eq!(liveness.connection(), PeerConnectionState::Disconnected);
    assert_eq!(liveness.due(), Some(start + LOST_LIMIT));
    // A repeated report does not extend the wait.
    liveness.ice_changed(Reported::Disconnected, true, start + 1000 * MS);
    assert!(!liveness.advance(start + LOST_LIMIT - MS));
    assert_eq!(liveness.connection(), PeerConnectionState::Disconnected);
    assert!(liveness.advance(start + LOST_LIMIT));
    assert_eq!(liveness.connection(), PeerConnectionState::Failed);
    assert_eq!(liveness.ice(), IceConnectionState::Failed);
    // Failure is reported once, and a loss after it is not news.
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
    // str0m reports lost pairs while it has none: this is still the same attempt.
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
    assert_eq!(liveness.due(), None);
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

#[test]
fn silence_is_a_loss_and_whatever_arrives_ends_it() {
    let start = clock::now();
    let mut liveness = connected(start);
    liveness.heard(start);
    assert_eq!(liveness.due(), Some(start + SILENT_LIMIT));
    assert!(!liveness.advance(start + SILENT_LIMIT - MS));
    assert_eq!(liveness.connection(), PeerConnectionState::Connected);
    let lost = start + SILENT_LIMIT;
    assert!(!liveness.advance(lost));
    assert_eq!(liveness.connection(), PeerConnectionState::Disconnected);
    assert_eq!(liveness.due(), Some(lost + LOST_LIMIT));
    assert!(liveness.heard(lost + LOST_LIMIT - MS));
    assert_eq!(liveness.connection(), PeerConnectionState::Connected);
    // The second silence lasts.
    let again = lost + LOST_LIMIT - MS + SILENT_LIMIT;
    assert!(!liveness.advance(again));
    assert!(liveness.advance(again + LOST_LIMIT));
    assert_eq!(liveness.connection(), PeerConnectionState::Failed);
    // Only an ICE restart revives a failed connection.
    assert!(!liveness.heard(again + LOST_LIMIT));
    assert_eq!(liveness.connection(), PeerConnectionState::Failed);
}
