//! Serves a router to untrusted clients. [`Server`] limits the number of connections, in total and per
//! [`Network`](sidetone_base::network::Network), and how long each may take to send a request's head and body, to stay
//! idle between two requests, and to accept a response. So a client that holds sockets open blocks nobody else.
//!
//! When places run short, connections without a request for two seconds lose theirs, the oldest first. If there are
//! none, a newcomer gets one of a few reserved places: health checks are answered there, and every other request is
//! told to come back later (503).
//!
//! HTTP/1 only: HTTP/2 and TLS belong to the proxy in front.

mod body;
mod connection;
pub mod descriptors;
mod io;
mod pace;
mod places;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use body::TooSlow;
pub use pace::Patience;
pub use places::Limits;

use places::{Admission, Id, Places};
use sidetone_base::clock;
use sidetone_base::network::{Block, Network};

/// The pause after the system refused to accept a connection: it is out of file descriptors or memory.
const NO_ACCEPT: Duration = Duration::from_millis(500);

/// The two ends of a request's connection; an extension of each request, in addition to axum's `ConnectInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client's address.
    pub peer: SocketAddr,
    /// The address that the client connected to. `None` if the socket no longer reported it.
    pub local: Option<SocketAddr>,
}

/// How a router is served.
#[derive(Clone, Debug)]
pub struct Server {
    /// How many connections are allowed.
    pub limits: Limits,
    /// How long each of them may take.
    pub patience: Patience,
    /// Proxies whose connections carry requests of many people: no limit per network applies to them.
    pub proxies: Vec<Block>,
    /// Paths that are served even if all places are taken.
    pub always: &'static [&'static str],
    /// The response to all other requests in that case.
    pub full: fn() -> Response,
    /// How long requests in progress may go on at shutdown.
    pub grace: Duration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            limits: Limits::of(descriptors::limit()),
            patience: Patience::default(),
            proxies: Vec::new(),
            always: &["/healthz", "/readyz"],
            full: || {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [(header::RETRY_AFTER, "5")],
                    "Too many connections; try again in 5 s.\n",
                )
                    .into_response()
            },
            grace: Duration::from_secs(10),
        }
    }
}

impl Server {
    /// Serves until `shutdown`, then lets requests in progress finish.
    ///
    /// # Errors
    /// None at present: if a connection cannot be accepted, that is logged and the next one awaited.
    pub async fn serve(
        self,
        listener: TcpListener,
        router: Router,
        shutdown: CancellationToken,
    ) -> std::io::Result<()> {
        let places = Arc::new(Mutex::new(Places::new(self.limits)));
        let (connections, end) = (TaskTracker::new(), CancellationToken::new());
        let _ended = end.clone().drop_guard();
        let grace = self.grace;
        let server = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_of_the_connection(&error) => continue,
                Err(error) => {
                    tracing::error!(%error, "no connection can be accepted");
                    let pause = tokio::time::sleep(NO_ACCEPT);
                    if shutdown.run_until_cancelled(pause).await.is_none() {
                        break;
                    }
                    continue;
                }
            };
            let Some((seat, reserved)) = server.seat(&places, peer) else {
                tracing::debug!("a connection was closed: all places are busy");
                continue;
            };
            let router = router.clone();
            let connection = connection::Connection {
                server: Arc::clone(&server),
                stop: shutdown.clone(),
                ends: ends(&stream, peer),
                reserved,
                seat,
            };
            let driven = connection.drive(stream, router);
            let end = end.clone();
            connections.spawn(async move {
                end.run_until_cancelled(driven).await;
            });
        }
        drop(listener);
        connections.close();
        if tokio::time::timeout(grace, connections.wait())
            .await
            .is_err()
        {
            tracing::info!(left = connections.len(), "requests under way are cut off");
        }
        Ok(())
    }

    /// A place for a newcomer, and whether it is a reserved one.
    fn seat(&self, places: &Arc<Mutex<Places>>, peer: SocketAddr) -> Option<(Seat, bool)> {
        let ip = peer.ip();
        let network =
            (!self.proxies.iter().any(|proxy| proxy.contains(ip))).then(|| Network::of(ip));
        let closed = CancellationToken::new();
        let admission = locked(places).enter(clock::now(), network, closed.clone());
        let (id, reserved) = match admission {
            Admission::Seat(id) => (id, false),
            Admission::Reserved(id) => (id, true),
            Admission::Refused => return None,
        };
        let places = Arc::clone(places);
        Some((Seat { id, places, closed }, reserved))
    }
}

/// A connection's place, until its socket is closed.
struct Seat {
    id: Id,
    places: Arc<Mutex<Places>>,
    /// Cancelled when the place is needed for another connection.
    closed: CancellationToken,
}

impl Seat {
    /// Records whether a request is in progress; if so, the place is not given away.
    fn is_busy(&self, busy: bool) {
        locked(&self.places).is_busy(self.id, busy, clock::now());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        locked(&self.places).leave(self.id);
    }
}

/// A panic while the lock was held leaves nothing half done.
fn locked(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ends(stream: &TcpStream, peer: SocketAddr) -> Ends {
    // Small events must be sent immediately.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    Ends {
        peer,
        local: stream.local_addr().ok(),
    }
}

/// Whether the error concerns only the new connection and says nothing about the next one.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(test)]
mod tests;
