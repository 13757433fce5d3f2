//! When a failed request is worth another try, and how long to wait before it.

use std::time::{Duration, Instant};

use super::error::ProviderError;
use crate::clock;

/// Tries after the first one, as livekit-agents' `APIConnectOptions` has them.
pub const RETRIES: u32 = 3;

/// Wait before the first retry; it doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// How long to wait before the next try, or `None` when there should be none.
///
/// `jitter` in 0..1 spreads the waits of many calls that failed together over half their length
/// (AWS Architecture Blog, "Exponential Backoff And Jitter": equal jitter).
fn delay(failures: u32, retries: u32, error: &ProviderError, jitter: f32) -> Option<Duration> {
    if !error.transient || failures > retries {
        return None;
    }
    let backoff = FIRST_DELAY * 2u32.pow(failures - 1);
    let spread = backoff.mul_f32(0.5 + 0.5 * jitter);
    Some(error.retry_after.map_or(spread, |asked| asked.max(spread)))
}

/// Runs `attempt` until it succeeds, fails for good, or the next try would begin after
/// `deadline`. An attempt has its own time limit; at the deadline it is dropped as well.
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
        // What went wrong before says more than that there was no time left.
        Err(_) => Err(last.unwrap_or_else(out_of_time)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::{ErrorKind, Stage};
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> ProviderError {
        let retry_after = retry_after.map(Duration::from_secs);
        let refusal = super::super::refusal::Refusal::default();
        ProviderError::status(Stage::Llm, "host", status, retry_after, &refusal, "")
    }

    #[test]
    fn waits_double_with_jitter_and_end_after_three() {
        let error = status(500, None);
        let waits =
            |jitter| [1, 2, 3, 4].map(|n| delay(n, RETRIES, &error, jitter).map(|d| d.as_millis()));
        assert_eq!(waits(1.0), [Some(100), Some(200), Some(400), None]);
        assert_eq!(waits(0.0), [Some(50), Some(100), Some(200), None]);
    }

    #[test]
    fn the_providers_own_wish_is_honoured_and_other_faults_are_final() {
        assert_eq!(
            delay(1, RETRIES, &status(429, Some(2)), 0.5),
            Some(Duration::from_secs(2))
        );
        assert_eq!(
            delay(1, RETRIES, &status(429, Some(0)), 1.0).map(|d| d.as_millis()),
            Some(100)
        );
        assert_eq!(delay(1, RETRIES, &status(401, None), 0.5), None);
        assert_eq!(delay(1, RETRIES, &status(400, None), 0.5), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_deadline_is_not_begun() {
        let began = clock::now();
        let deadline = began + Duration::from_secs(1);
        let result: Result<(), _> = with_retries(
            RETRIES,
            deadline,
            || unreachable!(),
            async || Err(status(429, Some(2))),
        )
        .await;
        assert_eq!(result.unwrap_err().kind, ErrorKind::RateLimited);
        assert_eq!(clock::now(), began);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_deadline_the_attempt_is_dropped_and_the_earlier_cause_told() {
        let began = clock::now();
        let deadline = began + Duration::from_secs(1);
        let mut attempts = 0;
        let result: Result<(), _> = with_retries(
            RETRIES,
            deadline,
            || unreachable!(),
            || {
                attempts += 1;
                let first = attempts == 1;
                async move {
                    if first {
                        Err(status(503, None))
                    } else {
                        std::future::pending().await
                    }
                }
            },
        )
        .await;
        assert_eq!(result.unwrap_err().kind, ErrorKind::Server);
        assert_eq!(clock::now() - began, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn it_succeeds_in_the_end() {
        let deadline = clock::now() + Duration::from_secs(5);
        let mut attempts = 0;
        let result = with_retries(
            RETRIES,
            deadline,
            || unreachable!(),
            || {
                attempts += 1;
                let n = attempts;
                async move { if n < 4 { Err(status(500, None)) } else { Ok(n) } }
            },
        )
        .await;
        assert_eq!(result.unwrap(), 4);
    }
}
