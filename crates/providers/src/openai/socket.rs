//! A WebSocket that carries a provider's JSON events; each await has a deadline.

use std::time::Duration;

use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::Value;
use sidetone_dial as dial;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use super::error::ProviderError;
use super::http::{CONNECT_TIMEOUT, Provider, wait};
use super::refusal::{Refusal, Refused};

/// Longest time that sending a frame may take.
const WRITE_DEADLINE: Duration = Duration::from_secs(3);
/// Most bytes of one event: a second of audio has 64,000.
const EVENT_LIMIT: usize = 4 << 20;

/// See the module's documentation. Dropping it closes the connection.
pub(super) struct Socket(dial::Socket);

impl Socket {
    /// Connects to `path` of a provider.
    pub(super) async fn open(provider: &Provider, path: &str) -> Result<Self, ProviderError> {
        let (stage, host) = (provider.stage, &provider.host);
        let request = provider
            .socket(path)
            .ok_or_else(|| provider.garbage("an address that cannot be a socket's"))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(EVENT_LIMIT))
            .max_frame_size(Some(EVENT_LIMIT));
        // Boxed because it is large and rare.
        let opening = dial::websocket(request, Some(config)).boxed();
        match timeout(CONNECT_TIMEOUT, opening).await {
            Ok(Ok((socket, _))) => Ok(Self(socket)),
            Ok(Err(Error::Http(answer))) => {
                let refused = Refused {
                    status: answer.status().as_u16(),
                    retry_after: wait(answer.headers()),
                    refusal: Refusal::read(answer.body().as_deref().unwrap_or_default()),
                };
                Err(provider.refused(&refused, &Value::Null))
            }
            Ok(Err(_)) => Err(ProviderError::no_socket(stage, host)),
            Err(_) => {
                let what = "no answer to the opening of a socket";
                Err(ProviderError::timeout(stage, host, what, CONNECT_TIMEOUT))
            }
        }
    }

    /// Whether the event was sent in time.
    pub(super) async fn send(&mut self, event: &Value) -> bool {
        let frame = Frame::text(event.to_string());
        let sent = timeout(WRITE_DEADLINE, self.0.send(frame)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// The next event. `None` if the socket is closed. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            match self.0.next().await {
                Some(Ok(Frame::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return None,
                // The library answers pings.
                Some(Ok(_)) => {}
            }
        }
    }

    /// Closes the connection properly.
    pub(super) async fn close(mut self) {
        timeout(WRITE_DEADLINE, self.0.close(None)).await.ok();
    }
}
