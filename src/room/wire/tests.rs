use std::sync::atomic::{AtomicU32, Ordering};

use livekit_api::access_token::{AccessToken, VideoGrants};

use super::*;

/// Refuses so many times with this, then connects.
struct Network {
    refusals: u32,
    error: TransportError,
    asked: AtomicU32,
}

struct Open;

#[async_trait]
impl WsConnection for Open {
    async fn send(&self, _: Vec<u8>) -> Result<(), TransportError> {
        Ok(())
    }
    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        Ok(None)
    }
    async fn close(&self) {}
}

#[async_trait]
impl WsClient for Network {
    async fn connect(
        &self,
        _: String,
        _: Vec<Header>,
        _: u64,
    ) -> Result<WsConnectResult, TransportError> {
        if self.asked.fetch_add(1, Ordering::Relaxed) < self.refusals {
            return Err(self.error.clone());
        }
        Ok(WsConnectResult {
            connection: Arc::new(Open),
        })
    }
}

fn network(refusals: u32, error: TransportError) -> (Arc<Network>, Wires) {
    let network = Arc::new(Network {
        refusals,
        error,
        asked: AtomicU32::new(0),
    });
    (network.clone(), Wires(network))
}

async fn connect(wires: &Wires, room: &str) -> Result<Arc<dyn WsConnection>, TransportError> {
    let grants = VideoGrants {
        room: room.to_owned(),
        ..VideoGrants::default()
    };
    let token = AccessToken::with_api_key("key", "a secret of the length that LiveKit asks for")
        .with_identity("agent")
        .with_grants(grants)
        .to_jwt()
        .unwrap();
    let header = Header {
        name: "Authorization".into(),
        value: format!("Bearer {token}"),
    };
    let connected = wires.connect("wss://livekit".into(), vec![header], 5_000);
    connected.await.map(|result| result.connection)
}

fn unreachable() -> TransportError {
    TransportError::Connection("network is unreachable".into())
}

#[tokio::test(start_paused = true)]
async fn one_attempt_to_come_back_lasts_while_the_network_is_away() {
    let (_, first) = network(0, unreachable());
    let wire = connect(&first, "comes back").await.unwrap();
    drop(wire);
    let (away, wires) = network(8, unreachable());
    let begin = Instant::now();
    connect(&wires, "comes back").await.unwrap();
    assert_eq!(away.asked.load(Ordering::Relaxed), 9);
    assert_eq!(begin.elapsed(), 8 * AGAIN);
    // One that is over gives way to the client's next.
    let (_, wires) = network(u32::MAX, unreachable());
    let begin = Instant::now();
    assert!(connect(&wires, "comes back").await.is_err());
    assert!(begin.elapsed() >= Duration::from_millis(4_500));
    assert!(begin.elapsed() <= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_first_join_are_told_at_once() {
    let (_, first) = network(0, unreachable());
    connect(&first, "refused").await.unwrap();
    let (server, wires) = network(9, TransportError::Http { status: 503 });
    assert!(connect(&wires, "refused").await.is_err());
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
    let (server, wires) = network(9, unreachable());
    assert!(connect(&wires, "never joined").await.is_err());
    assert_eq!(server.asked.load(Ordering::Relaxed), 1);
}
