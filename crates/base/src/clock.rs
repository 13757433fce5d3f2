//! The only module that reads a clock. Pure cores take `now` as an argument; drivers get it here.

use std::time::{Instant, SystemTime};

/// Monotonic time for deadlines and playout. It is tokio's clock, so that a test that pauses tokio's time runs a whole
/// call instantly.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Wall-clock time, for what is stored and shown to people.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// The wall-clock time of a past moment.
pub fn wall_at(moment: Instant) -> SystemTime {
    wall() - now().saturating_duration_since(moment)
}
