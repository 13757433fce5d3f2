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
