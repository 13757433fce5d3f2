//! How late the runtime serves timers.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::metrics;
use crate::clock;

/// The interval between two measurements.
const EVERY: Duration = Duration::from_millis(100);

/// Measures until `stop` how late a timer is served: calls' loops wait for a thread just as long.
pub async fn watch_lag(stop: CancellationToken) {
    loop {
        let due = clock::now() + EVERY;
        let sleep = tokio::time::sleep_until(due.into());
        if stop.run_until_cancelled(sleep).await.is_none() {
            return;
        }
        let late = clock::now().saturating_duration_since(due);
        metrics().process.loop_lag.observe(late.as_secs_f64());
    }
}
