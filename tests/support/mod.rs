//! What the tests of the control plane share.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

pub mod livekit;

use std::time::Duration;

/// Polls until `check` gives something; panics after `secs`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    secs: u64,
    mut check: impl FnMut() -> F,
) -> T {
    let polled = tokio::time::timeout(Duration::from_secs(secs), async {
        loop {
            if let Some(value) = check().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    });
    polled
        .await
        .unwrap_or_else(|_| panic!("not within {secs} s: {what}"))
}
