//! The only place that reads the clock. It deliberately duplicates the product's `clock`: this crate is to be published
//! by itself, so it uses nothing of the workspace.

use std::time::Instant;

/// Now, on tokio's clock, so that it follows the paused clock of tests.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Microseconds since the Unix epoch, for the timestamps of statistics.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the function the lint points to"
)]
pub(crate) fn wall_us() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as i64)
}

/// A past moment in milliseconds since the Unix epoch, for moments in statistics.
pub(crate) fn wall_ms_of(passed: Instant) -> f64 {
    let ago = now().saturating_duration_since(passed);
    wall_us() as f64 / 1e3 - ago.as_secs_f64() * 1e3
}
