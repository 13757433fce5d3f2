//! Serves one connection, and closes it when it takes too long.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::body::{Timed, Until};
use super::io::Watched;
use super::pace::{Pace, Patience};
use super::{Ends, Seat, Server};
use sidetone_base::clock;

/// The largest head of a request; a larger one is answered with 431.
const HEAD_LIMIT: usize = 32 * 1024;

/// A connection that has a place.
pub(super) struct Connection {
    pub(super) server: Arc<Server>,
    pub(super) stop: CancellationToken,
    pub(super) ends: Ends,
    /// Whether only the paths that are always served are served here.
    pub(super) reserved: bool,
    pub(super) seat: Seat,
}

/// A request in progress; its response is over when this is dropped.
struct UnderWay {
    pace: watch::Sender<Pace>,
    seat: Arc<Seat>,
}

impl UnderWay {
    fn new(pace: watch::Sender<Pace>, seat: Arc<Seat>) -> Self {
        pace.send_modify(Pace::asked);
        seat.is_busy(true);
        Self { pace, seat }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.pace.send_modify(|pace| pace.answered(clock::now()));
        self.seat.is_busy(false);
    }
}

impl Connection {
    /// Serves the connection to its end.
    pub(super) async fn drive(self, stream: TcpStream, router: Router) {
        let Self {
            server,
            stop,
            ends,
            reserved,
            seat,
        } = self;
        let patience = server.patience;
        let seat = Arc::new(seat);
        let (pace, mut paced) = watch::channel(Pace::begun(patience, clock::now()));
        let socket = Watched {
            stream,
            pace: pace.clone(),
            _seat: Arc::clone(&seat),
        };
        let served = Arc::clone(&seat);
        let service = service_fn(move |request: Request<Incoming>| {
            let under_way = UnderWay::new(pace.clone(), Arc::clone(&served));
            let (server, router) = (Arc::clone(&server), router.clone());
            async move {
                let path = request.uri().path();
                let answer = if reserved && !server.always.contains(&path) {
                    (server.full)()
                } else {
                    ask(router, request, ends, &server.patience).await
                };
                let mut answer = answer.map(|body| Until {
                    body,
                    _over: under_way,
                });
                if reserved {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(header::CONNECTION, close);
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Disabled, because our own deadline distinguishes a slow head from an idle connection.
            .header_read_timeout(None)
            .max_buf_size(HEAD_LIMIT)
            .keep_alive(!reserved)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut is_ending = false;
        loop {
            let deadline = paced.borrow_and_update().deadline();
            let late = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                () = seat.closed.cancelled() => {
                    tracing::debug!("an idle connection was closed to make room for another");
                    return;
                }
                () = late => {
                    tracing::debug!("a connection took too long and was closed");
                    return;
                }
                Ok(()) = paced.changed() => {}
                () = stop.cancelled(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

async fn ask(
    mut router: Router,
    request: Request<Incoming>,
    ends: Ends,
    patience: &Patience,
) -> Response<Body> {
    let mut request = request.map(|body| Body::new(Timed::new(body, patience.body)));
    request.extensions_mut().insert(ConnectInfo(ends.peer));
    request.extensions_mut().insert(ends);
    match router.call(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}
