//! LiveKit's signalling socket, opened like all our sockets: the transport of LiveKit's client uses the environment's
//! proxy, but ignores for which hosts it must not be used (`NO_PROXY`).

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use livekit_net::{Header, TransportError, WsConnection};
use sidetone_dial as dial;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};

/// An open socket.
pub(super) struct Socket {
    writer: Mutex<SplitSink<dial::Socket, Message>>,
    reader: Mutex<SplitStream<dial::Socket>>,
}

impl Socket {
    /// Opens a socket, within a deadline.
    pub(super) async fn open(
        url: &str,
        headers: &[Header],
        within: Duration,
    ) -> Result<Self, TransportError> {
        let bad = |what: String| TransportError::Other(what);
        let mut request = url.into_client_request().map_err(told)?;
        for Header { name, value } in headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|e| bad(e.to_string()))?;
            let value = HeaderValue::try_from(value.as_str()).map_err(|e| bad(e.to_string()))?;
            request.headers_mut().insert(name, value);
        }
        let opened = timeout(within, Box::pin(dial::websocket(request, None))).await;
        let (socket, _) = opened.map_err(|_| TransportError::Timeout)?.map_err(told)?;
        let (writer, reader) = socket.split();
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }
}

/// Translates an error for LiveKit's client: by the status it distinguishes a rejection from an unreachable server.
fn told(error: Error) -> TransportError {
    match error {
        Error::Http(response) => TransportError::Http {
            status: response.status().as_u16(),
        },
        error => TransportError::Connection(error.to_string()),
    }
}

#[async_trait]
impl WsConnection for Socket {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        let frame = Message::Binary(frame.into());
        self.writer.lock().await.send(frame).await.map_err(told)
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let mut reader = self.reader.lock().await;
        loop {
            match reader.next().await {
                Some(Ok(Message::Binary(frame))) => return Ok(Some(frame.into())),
                // The library answers pings when something is read or sent next.
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Text(_) | Message::Frame(_),
                )) => {}
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Err(error)) if is_closed(&error) => return Ok(None),
                Some(Err(error)) => return Err(told(error)),
            }
        }
    }

    async fn close(&self) {
        // No goodbye is needed if the other side has gone already.
        self.writer.lock().await.close().await.ok();
    }
}

/// Whether the server closed its side, in whatever way.
fn is_closed(error: &Error) -> bool {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => true,
        Error::Protocol(error) => *error == ProtocolError::ResetWithoutClosingHandshake,
        // TLS without its closing message.
        Error::Io(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}
