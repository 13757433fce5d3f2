//! What the tests of the control plane share.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

pub mod api;
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

/// The claims of a token, unchecked.
pub fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let body = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(body)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// LiveKit's room service.
pub fn rooms(livekit: &sidetone::config::env::LiveKit) -> livekit_api::services::room::RoomClient {
    livekit_api::services::room::RoomClient::with_api_key(
        &livekit.host,
        &livekit.api_key,
        livekit.api_secret.expose(),
    )
}
