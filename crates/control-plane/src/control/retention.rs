//! Deletes personal data that is past its time.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use sidetone_store::{Store, StoreError};

const INTERVAL: Duration = Duration::from_secs(3_600);
const BATCH: i64 = 500;

/// Runs until `shutdown`, once an hour.
pub(super) async fn run(store: Store, days: u32, shutdown: CancellationToken) {
    loop {
        match purge(&store, days).await {
            Ok(0) => {}
            Ok(calls) => tracing::info!(calls, days, "personal data past its time deleted"),
            Err(error) => tracing::error!(%error, "personal data could not be deleted"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Deletes the personal data of calls older than `days`, and LiveKit's events of that age; gives
/// the number of calls.
///
/// # Errors
/// The database did not answer; what is left goes next time.
pub async fn purge(store: &Store, days: u32) -> Result<usize, StoreError> {
    let before = sidetone_store::now() - TimeDelta::days(i64::from(days));
    let mut deleted = 0;
    loop {
        let calls = store.expired_calls(before, BATCH).await?;
        deleted += store.delete_personal_data(&calls).await?;
        if calls.len() < BATCH as usize {
            store.forget_events(before).await?;
            return Ok(deleted);
        }
    }
}
