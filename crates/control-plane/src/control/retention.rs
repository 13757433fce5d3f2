//! Deletes personal data when its retention time is over.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use sidetone_store::{Store, StoreError};

const INTERVAL: Duration = Duration::from_secs(3_600);
const BATCH: i64 = 500;
/// Days that LiveKit's events are kept at most. Once processed they only serve to recognise repetitions, and to find
/// out what arrived when; LiveKit repeats an event for minutes.
const EVENT_DAYS: u32 = 30;

/// Runs until `shutdown`, once an hour.
pub(super) async fn run(store: Store, days: Option<u32>, shutdown: CancellationToken) {
    loop {
        match purge(&store, days).await {
            Ok(Purged {
                calls: 0,
                events: 0,
            }) => {}
            Ok(Purged { calls, events }) => {
                tracing::info!(calls, events, "personal data past its time deleted");
            }
            Err(error) => tracing::error!(%error, "personal data could not be deleted"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Calls whose personal data was deleted.
    pub calls: usize,
    /// Events of LiveKit, besides those of these calls.
    pub events: u64,
}

/// Deletes the personal data of calls older than `days` (`None`: of no calls), LiveKit's events older than that or
/// than [`EVENT_DAYS`], and expired idempotency records.
/// # Errors
/// The database did not respond; the rest is deleted next time.
pub async fn purge(store: &Store, days: Option<u32>) -> Result<Purged, StoreError> {
    let before = |days: u32| sidetone_store::now() - TimeDelta::days(i64::from(days));
    let mut purged = Purged::default();
    while let Some(days) = days {
        let calls = store.expired_calls(before(days), BATCH).await?;
        purged.calls += store.delete_personal_data(&calls).await?;
        if calls.len() < BATCH as usize {
            break;
        }
    }
    store.forget_requests(sidetone_store::now()).await?;
    let events = days.map_or(EVENT_DAYS, |days| days.min(EVENT_DAYS));
    purged.events = store.forget_events(before(events)).await?;
    Ok(purged)
}
