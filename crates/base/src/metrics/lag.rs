//! How late the runtime comes to what is due.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::metrics;
use crate::clock;

/// Time between two looks.
const EVERY: Duration = Duration::from_millis(100);

/// Looks until `stop` how late a timer is served: for as long, calls' loops wait for a thread, too.
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
