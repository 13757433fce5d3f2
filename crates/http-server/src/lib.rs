//! Serves a router to strangers. [`Server`] bounds how many connections there are, in all and of one
//! [`Network`](sidetone_base::network::Network), and how long each may take over a request's head and body, between two requests, and
//! over taking an answer. So whoever holds sockets open holds nothing else up.
//!
//! When places run short, connections that have made no request for two seconds lose theirs, oldest
//! first. Where there are none, a newcomer gets one of a few reserved places: there health checks are
//! answered, and everything else is told to come back (503).
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

/// Pause after the system refused to hand a connection over: it is out of file descriptors or memory.
const NO_ACCEPT: Duration = Duration::from_millis(500);

/// The two ends of a request's connection; an extension of each request, beside axum's `ConnectInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Whoever connected.
    pub peer: SocketAddr,
    /// Where they connected to; none when the socket no longer told.
    pub local: Option<SocketAddr>,
}

/// How a router is served.
#[derive(Clone, Debug)]
pub struct Server {
    /// How many connections there may be.
    pub limits: Limits,
    /// How long they may take.
    pub patience: Patience,
    /// Proxies whose connections carry many people's requests: no limit by address holds for them.
    pub proxies: Vec<Block>,
    /// Paths that are answered also when all places are taken.
    pub always: &'static [&'static str],
    /// What all other requests are told then.
    pub full: fn() -> Response,
    /// Time that requests under way have at shutdown.
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
    /// Serves until `shutdown`, then lets requests under way end.
    ///
    /// # Errors
    /// None at present: a connection that cannot be accepted is logged and the next one awaited.
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
    /// Cancelled when the place is needed for another.
    closed: CancellationToken,
}

impl Seat {
    /// Whether a request is under way: then the place is not given to another.
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
    // Small events must leave at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    Ends {
        peer,
        local: stream.local_addr().ok(),
    }
}

/// The newcomer's fault, which says nothing of the next one.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(test)]
mod tests;
