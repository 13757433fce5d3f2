//! When a failed request is worth another attempt, and how long to wait before it.

use std::time::{Duration, Instant};

use super::error::ProviderError;
use sidetone_base::clock;

/// Attempts after the first, as in livekit-agents' `APIConnectOptions`.
pub const RETRIES: u32 = 3;

/// Wait before the first retry; it doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// How long to wait before the next attempt, or `None` if there should be none.
///
/// `jitter` in 0..1 spreads the waits of many calls that failed together over half their length (AWS Architecture Blog,
/// "Exponential Backoff And Jitter": equal jitter).
fn delay(failures: u32, retries: u32, error: &ProviderError, jitter: f32) -> Option<Duration> {
    if !error.transient || failures > retries {
        return None;
    }
    let backoff = FIRST_DELAY * 2u32.pow(failures - 1);
    let spread = backoff.mul_f32(0.5 + 0.5 * jitter);
    Some(error.retry_after.map_or(spread, |asked| asked.max(spread)))
}

/// Runs `attempt` until it succeeds, fails for good, or the next attempt would begin after `deadline`. An attempt has
/// its own time limit; at the deadline it is dropped as well.
pub(super) async fn with_retries<T, Attempt>(
    retries: u32,
    deadline: Instant,
    out_of_time: impl FnOnce() -> ProviderError,
    mut attempt: impl FnMut() -> Attempt,
) -> Result<T, ProviderError>
where
    Attempt: Future<Output = Result<T, ProviderError>>,
{
    let mut last = None;
    let tries = async {
        let mut failures = 0;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            failures += 1;
            match delay(failures, retries, &error, fastrand::f32()) {
                Some(wait) if clock::now() + wait < deadline => {
                    tracing::debug!(stage = %error.stage, kind = ?error.kind, failures, ?wait, "retry");
                    last = Some(error);
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(error),
            }
        }
    };
    match tokio::time::timeout_at(deadline.into(), tries).await {
        Ok(result) => result,
        // The earlier failure says more than that time has run out.
        Err(_) => Err(last.unwrap_or_else(out_of_time)),
    }
}

#[cfg(test)]
mod tests;
