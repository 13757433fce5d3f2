//! Helpers that the control plane's tests share.

pub mod api;
pub mod heap;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sidetone_config::env::LiveKit;
use sidetone_testkit::LiveKitServer;
use sidetone_testkit::livekit_server::Options;

/// The API key of every LiveKit server in these tests.
pub const KEY: &str = "APItest";
pub const SECRET: &str = "a-secret-of-at-least-thirty-two-characters";

/// A real livekit-server that posts its webhooks to `webhook`; an empty room closes soon.
pub async fn livekit(webhook: Option<String>) -> LiveKitServer {
    let options = Options {
        webhook_urls: webhook.into_iter().collect(),
        empty_timeout: Some(Duration::from_secs(10)),
        departure_timeout: Some(Duration::from_secs(1)),
        key: Some((KEY.into(), SECRET.into())),
        ..Options::default()
    };
    LiveKitServer::start_with(options).await.unwrap()
}

pub fn credentials(server: &LiveKitServer) -> LiveKit {
    LiveKit::new(
        server.url.clone(),
        server.api_key.clone(),
        &server.api_secret,
    )
}

/// Where `make tools` installs programs.
pub fn tools() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap());
    cache
        .unwrap_or_else(|| home().join(".cache"))
        .join("sidetone/tools")
}

/// Polls until `check` returns something; panics after `secs`.
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

/// Sends a process the signal with this name.
pub fn signal(process: u32, name: &str) {
    let process = process.to_string();
    let sent = Command::new("kill").args(["-s", name, &process]).status();
    assert!(sent.unwrap().success(), "kill -s {name} {process}");
}

/// The claims of a token, not verified.
pub fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let body = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(body)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// LiveKit's room service.
pub fn rooms(livekit: &sidetone_config::env::LiveKit) -> livekit_api::services::room::RoomClient {
    let key = livekit.keys.first();
    livekit_api::services::room::RoomClient::with_api_key(
        &livekit.host,
        &key.id,
        &key.secret.expose(),
    )
}
