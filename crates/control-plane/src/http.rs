//! The control plane over HTTP.
//!
//! `router` gives the routes, `serve` runs them on a listener until shutdown.

pub mod address;
pub mod agent;
pub mod auth;
pub mod commands;
mod cookie;
mod docs;
pub mod error;
pub mod events;
mod extract;
mod frame;
pub mod health;
pub mod history;
pub mod jwt;
pub mod limits;
pub mod listen;
pub mod live;
pub mod machine;
pub mod metrics;
pub mod outbound;
pub mod prefix;
pub mod recording;
mod repeat;
pub mod session;
pub mod streams;
pub mod token;
mod traced;
pub mod ui;
pub mod users;
mod vacancy;
pub mod webhook;
mod wishes;
pub mod workers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, post};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::timeout::TimeoutLayer;
use uuid::Uuid;

use crate::control::Control;
use auth::{Auth, Principal};
use error::Problem;
pub use extract::{Client, Here, WholeBody};
use frame::REQUEST_ID;
use limits::{Buckets, Limit, Rate};
use sidetone_base::WorkerStatus;
use sidetone_base::clock;
use sidetone_base::network::Block;
use sidetone_base::supervise::TaskHealth;
use sidetone_base::trace::Tracer;
use sidetone_config::allowance::UserLimits;
use sidetone_config::env::{LiveKit, NotConfigured};
use sidetone_config::folder::AgentNames;
use sidetone_http_server::Server;
use sidetone_recording::Recordings;
use sidetone_store::allowance::Allowance;
use sidetone_store::sessions::SessionRow;
use sidetone_store::{DispatchMetadata, Store};
use streams::Streams;
use ui::UiSettings;

/// Largest body of a request; webhooks may be larger (metadata of 64 KiB and more).
const BODY_LIMIT: usize = 64 * 1024;
const WEBHOOK_LIMIT: usize = 2 * 1024 * 1024;
/// Longest time a request may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// Time that requests under way have at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// LiveKit's side of the control plane.
#[derive(Clone, Debug)]
pub struct LiveKitSide {
    /// Address and keys.
    pub livekit: LiveKit,
    /// Background work.
    pub control: Control,
}

/// How the HTTP side behaves.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Browsers' origins that may call; empty: same origin only.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Block>,
    /// Names of agent files a request may ask for.
    pub agents: AgentNames,
    /// What the web pages are told; none: there are no pages.
    pub pages: Option<UiSettings>,
    /// Where recordings are; none: in another process, without a bucket.
    pub recordings: Option<Recordings>,
    /// The process's background tasks, for `/readyz`.
    pub tasks: TaskHealth,
    /// Told which agent a token awaits, for a worker in this process to warm what it needs; while it is
    /// full, nothing is warmed.
    pub awaited: Option<mpsc::Sender<DispatchMetadata>>,
    /// Streams of events end when this is cancelled, so that the server can.
    pub closing: CancellationToken,
    /// How long a token opens its room.
    pub token_ttl: Duration,
    /// POSTs of one user: they cost a room and an agent.
    pub write_rate: Rate,
    /// All requests of one address, but for those with an API key, which has a rate of its own.
    pub address_rate: Rate,
    /// How many calls one user may have.
    pub allowance: Allowance,
    /// Takes spans of requests that belong to a backend's trace.
    pub tracer: Tracer,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            agents: AgentNames::default(),
            pages: None,
            recordings: None,
            tasks: TaskHealth::default(),
            awaited: None,
            closing: CancellationToken::new(),
            token_ttl: Duration::from_secs(600),
            write_rate: Rate::a_minute(UserLimits::default().requests_a_minute),
            address_rate: Rate {
                burst: 200.0,
                per_second: 50.0,
            },
            allowance: allowance(&UserLimits::default()),
            tracer: Tracer::off(),
        }
    }
}

/// How many calls one user may have.
pub fn allowance(limits: &UserLimits) -> Allowance {
    let most = |limit: Option<u32>| limit.map_or(i64::MAX, i64::from);
    Allowance {
        unjoined: most(limits.tokens),
        at_once: most(limits.calls),
    }
}

/// What the handlers share; cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    voice: Result<LiveKitSide, NotConfigured>,
    auth: Auth,
    config: HttpConfig,
    worker: Option<watch::Receiver<WorkerStatus>>,
    keys: Mutex<Buckets>,
    writes: Mutex<Buckets>,
    addresses: Mutex<Buckets>,
    streams: Streams,
}

impl AppState {
    /// State for [`router`]. `worker` is the status of a worker in this process, if there is one.
    pub fn new(
        store: Store,
        voice: Result<LiveKitSide, NotConfigured>,
        auth: Auth,
        config: HttpConfig,
        worker: Option<watch::Receiver<WorkerStatus>>,
    ) -> Self {
        Self(Arc::new(Shared {
            store,
            voice,
            auth,
            keys: Mutex::new(Buckets::new(config.write_rate)),
            writes: Mutex::new(Buckets::new(config.write_rate)),
            addresses: Mutex::new(Buckets::new(config.address_rate)),
            streams: live::streams(),
            config,
            worker,
        }))
    }

    fn store(&self) -> &Store {
        &self.0.store
    }

    fn config(&self) -> &HttpConfig {
        &self.0.config
    }

    fn voice(&self) -> Result<&LiveKitSide, Problem> {
        self.0.voice.as_ref().map_err(|error| error.clone().into())
    }

    /// The session of a request's cookie, unless it is over.
    async fn session(&self, headers: &HeaderMap) -> Result<Option<SessionRow>, Problem> {
        match cookie::token(headers) {
            Some(token) => Ok(self.store().session(&token, sidetone_store::now()).await?),
            None => Ok(None),
        }
    }

    /// Counts a request of a user that changes something.
    fn limit_user(&self, who: &str) -> Result<(), Problem> {
        let taken = held(&self.0.writes).take(clock::now(), who);
        taken.map_err(|seconds| Problem::too_many(Limit::User, seconds))
    }

    /// Counts a request of a backend for one of its users, which has not counted as that user's yet. Those
    /// whom nobody knows share no limit.
    fn limit_user_of(&self, principal: &Principal, user_id: &str) -> Result<(), Problem> {
        match principal {
            Principal::Key { name, .. } if !user_id.is_empty() => {
                self.limit_user(&format!("key:{name} user:{user_id}"))
            }
            Principal::Key { .. } | Principal::User { .. } => Ok(()),
        }
    }
}

/// All routes: the API's, and those of the web pages where there are any.
pub fn router(state: AppState) -> Router {
    let pages = state.config().pages.clone();
    let origins = state.config().cors_origins.clone();
    let is_allowed = move |origin: &HeaderValue, _: &Parts| {
        origins.iter().any(|allowed| origin == allowed.as_str())
    };
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(is_allowed))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([REQUEST_ID.clone(), header::RETRY_AFTER])
        .max_age(Duration::from_secs(3_600));
    let webhook = post(webhook::receive)
        .get(webhook::health)
        .layer(DefaultBodyLimit::max(WEBHOOK_LIMIT));
    Router::new()
        .route("/api/voice/token", post(token::create).get(token::status))
        .route("/api/voice/agent", post(agent::spawn).get(agent::list))
        .route("/api/voice/call", post(outbound::call))
        .route(
            "/api/voice/agent/{roomName}",
            axum::routing::delete(agent::end),
        )
        .route(
            "/api/voice/calls/{callId}/commands",
            post(commands::command),
        )
        .route("/api/voice/calls/{callId}/events", get(events::events))
        .route("/api/voice/calls/{callId}/listen", post(listen::listen))
        .route("/api/voice/live", get(live::live))
        .route("/api/voice/history", get(history::list))
        .route(
            "/api/voice/history/stats/series",
            get(history::series::series),
        )
        .route(
            "/api/voice/history/{callId}",
            get(history::call::one).delete(history::call::delete),
        )
        .route("/api/voice/history/{callId}/recording", get(recording::get))
        .route(
            "/api/voice/history/{callId}/recording/pause",
            post(recording::pause),
        )
        .route(
            "/api/voice/history/{callId}/recording/resume",
            post(recording::resume),
        )
        .route(
            "/api/voice/session",
            post(session::sign_in)
                .get(session::who)
                .delete(session::sign_out),
        )
        .route("/api/voice/sessions", get(session::list))
        .route(
            "/api/voice/sessions/{sessionId}",
            axum::routing::delete(session::revoke),
        )
        .route("/api/voice/users/{userId}", delete(users::erase))
        .route("/api/voice/users/{userId}/export", get(users::export))
        .route("/api/voice/workers", get(workers::list))
        .route("/api/voice/workers/{workerId}/drain", post(workers::drain))
        .route("/api/voice/webhook", webhook)
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::scrape))
        .route("/openapi.json", get(docs::openapi))
        .route("/docs", get(docs::page))
        .merge(pages.map_or_else(Router::new, ui::routes))
        .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            DEADLINE,
        ))
        .layer(middleware::from_fn_with_state(state.clone(), limit_address))
        .layer(cors)
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(frame::frame))
        .with_state(state)
}

/// Serves until `shutdown`, then lets requests under way end. See [`server`].
///
/// # Errors
/// The listener broke.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    server(Vec::new()).serve(listener, router, shutdown).await
}

/// The server of the control plane, where connections of `proxies` carry many people's requests.
pub fn server(proxies: Vec<Block>) -> Server {
    Server {
        proxies,
        full,
        grace: SHUTDOWN_GRACE,
        ..Server::default()
    }
}

/// What is told when there are too many connections: outside of the router, so framed here.
fn full() -> Response {
    let problem = Problem {
        retry_after: Some(5),
        ..Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many connections",
            "There are too many connections. Try again in a few seconds.",
        )
    };
    let id = Uuid::now_v7().to_string();
    frame::framed(problem.render(&id), &id)
}

async fn limit_address(
    State(state): State<AppState>,
    Client(client): Client,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    // A backend speaks for many users from one address.
    if let Some((key, rate)) = state.0.auth.limits_of_key(request.headers()) {
        let taken = held(&state.0.keys).take_at(clock::now(), &key, rate);
        taken.map_err(|seconds| Problem::too_many(Limit::Key, seconds))?;
    } else if !webhook::is_signed(&state, &request) {
        let taken = held(&state.0.addresses).take(clock::now(), &client.to_string());
        taken.map_err(|seconds| Problem::too_many(Limit::Address, seconds))?;
    }
    Ok(next.run(request).await)
}

/// Buckets, to be counted in. A panic while they were held leaves nothing half done.
fn held(buckets: &Mutex<Buckets>) -> MutexGuard<'_, Buckets> {
    buckets.lock().unwrap_or_else(PoisonError::into_inner)
}
