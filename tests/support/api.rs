//! The control plane on a free port, and requests to it.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use livekit_api::access_token::AccessToken;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sidetone::agent::presence::introduce;
use sidetone_base::clock;
use sidetone_base::supervise::{Down, Supervisor};
use sidetone_config::env::{Env, LiveKit, NotConfigured};
use sidetone_config::folder::AgentNames;
use sidetone_control_plane::control::{Control, ControlConfig};
use sidetone_control_plane::http::auth::{Auth, Scope, api_key_entry};
use sidetone_control_plane::http::{AppState, HttpConfig, LiveKitSide, router, server};
use sidetone_http_server::Server;
use sidetone_store::Store;
use sidetone_store::workers::WorkerState;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use super::{KEY, SECRET};

pub const LOGIN_SECRET: &str = "the secret of the product's login";

pub struct Api {
    pub address: SocketAddr,
    pub store: Store,
    pub control: Option<Control>,
    pub client: reqwest::Client,
    /// The row of a worker that does not exist.
    worker: Uuid,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    supervisor: Supervisor,
    folder: std::path::PathBuf,
}

pub struct Setup {
    pub demo: bool,
    pub livekit: Result<LiveKit, NotConfigured>,
    pub http: HttpConfig,
    pub control: ControlConfig,
    pub server: Server,
    /// Calls that the row's worker would take: it does not exist, so nothing counts them down.
    pub places: usize,
    /// Additional variables: without them the login uses a shared secret and the database is SQLite.
    pub variables: Vec<(&'static str, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            demo: false,
            livekit: Ok(nowhere()),
            http: HttpConfig {
                agents: AgentNames::Fixed(["default".to_owned()].into()),
                cors_origins: vec!["https://shop.example".into()],
                ..Default::default()
            },
            control: ControlConfig::new("sidetone"),
            server: server(Vec::new()),
            places: 1_000,
            variables: vec![("SIDETONE_JWT_SECRET", LOGIN_SECRET.into())],
        }
    }
}

/// Valid keys for a server that does not exist.
pub fn nowhere() -> LiveKit {
    LiveKit::new("ws://127.0.0.1:9", KEY, SECRET)
}

impl Api {
    /// Call this first: LiveKit must know the webhook's address before it starts.
    pub async fn listener() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://{}/api/voice/webhook",
            listener.local_addr().unwrap()
        );
        (listener, url)
    }

    pub async fn start(setup: Setup) -> Self {
        Self::start_on(Self::listener().await.0, setup).await
    }

    pub async fn start_on(listener: TcpListener, setup: Setup) -> Self {
        let folder = std::env::temp_dir().join(format!("sidetone-http-{}", Uuid::new_v4()));
        let demo = setup.demo.to_string();
        let data = folder.display().to_string();
        let keys = [
            api_key_entry("t", &[Scope::Token], "key-token"),
            api_key_entry("a", &[Scope::Agent], "key-agent"),
            api_key_entry("h", &[Scope::History], "key-history"),
            api_key_entry("root", &[Scope::Admin], "key-admin"),
            // Six requests per minute.
            api_key_entry("slow", &[Scope::Admin], "key-slow") + ":6",
        ]
        .join(",");
        let env = Env::from_lookup(|name| match name {
            "SIDETONE_DATA_DIR" => Some(data.clone()),
            "SIDETONE_DEMO" => Some(demo.clone()),
            // A test may provide its own, in a file.
            "SIDETONE_API_KEYS" => {
                let mut names = setup.variables.iter().map(|(name, _)| *name);
                (!names.any(|name| name == "SIDETONE_API_KEYS_FILE")).then(|| keys.clone())
            }
            _ => {
                let mut variables = setup.variables.iter();
                variables
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| value.clone())
            }
        })
        .unwrap();
        let store = Store::open(&env.database).await.unwrap();
        let mut worker = introduce("sidetone", setup.places);
        if setup.places > 0 {
            worker.state = WorkerState::Ready;
            worker.seen_at += TimeDelta::days(1);
            store.worker_beat(&worker).await.unwrap();
        }
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut supervisor = Supervisor::new(shutdown.clone());
        let voice = setup.livekit.map(|livekit| {
            let control = Control::start(store.clone(), &livekit, setup.control, &mut supervisor);
            LiveKitSide { livekit, control }
        });
        let control = voice.as_ref().ok().map(|voice| voice.control.clone());
        let auth = Auth::new(&env).unwrap();
        let http = HttpConfig {
            tasks: supervisor.health(),
            ..setup.http
        };
        let state = AppState::new(store.clone(), voice, auth, http, None);
        let address = listener.local_addr().unwrap();
        let served = setup
            .server
            .serve(listener, router(state), shutdown.clone());
        tasks.spawn(async move { served.await.unwrap() });
        Self {
            address,
            store,
            control,
            client: reqwest::Client::new(),
            worker: worker.id,
            shutdown,
            tasks,
            supervisor,
            folder,
        }
    }

    /// Removes the row of the worker that does not exist.
    pub async fn no_worker(&self) {
        self.store.worker_gone(self.worker).await.unwrap();
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sends a request; returns status and JSON. Every error must be a valid problem document.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        credential: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, self.url(path));
        if let Some(credential) = credential {
            request = request.bearer_auth(credential);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        checked(request.send().await.unwrap()).await
    }

    /// The status of a response whose body is not awaited.
    pub async fn opened(&self, path: &str, credential: Option<&str>) -> u16 {
        let mut request = self.client.get(self.url(path));
        if let Some(credential) = credential {
            request = request.bearer_auth(credential);
        }
        request.send().await.unwrap().status().as_u16()
    }

    pub async fn post(&self, path: &str, credential: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, Some(credential), Some(body)).await
    }

    pub async fn get(&self, path: &str, credential: &str) -> (u16, Value) {
        self.call("GET", path, Some(credential), None).await
    }

    /// Posts an event as LiveKit does.
    pub async fn webhook(&self, body: &str, signature: &str) -> (u16, Value) {
        let request = self
            .client
            .post(self.url("/api/voice/webhook"))
            .header("content-type", "application/webhook+json")
            .header("authorization", signature)
            .body(body.to_owned());
        checked(request.send().await.unwrap()).await
    }

    /// The data folder.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Whether the database's files contain a word anywhere.
    pub fn holds(&self, word: &str) -> bool {
        std::fs::read_dir(&self.folder).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        })
    }

    pub async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let failed = self.supervisor.health().down(clock::now());
        assert_eq!(failed, Down::default());
        self.supervisor.ended().await;
        self.store.close().await;
        // With Postgres there is no folder.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub async fn checked(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let kind = headers
        .get("content-type")
        .map(|v| v.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers.contains_key("x-request-id"));
    if status >= 400 && kind.as_deref() != Some("application/json") {
        assert_eq!(
            kind.as_deref(),
            Some("application/problem+json"),
            "{status} {text}"
        );
        assert_eq!(json["status"], status, "{text}");
        assert_eq!(json["requestId"], headers["x-request-id"].to_str().unwrap());
        for field in ["type", "title", "detail"] {
            assert!(
                json[field].as_str().is_some_and(|text| !text.is_empty()),
                "{text}"
            );
        }
        for secret in [SECRET, LOGIN_SECRET, "stack", "panicked", "src/"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(
            status == 503 || status == 429,
            headers.contains_key("retry-after") || json["title"] == "Voice service not configured",
            "{text}"
        );
    }
    (status, json)
}

/// A token from the product's login.
pub fn user(id: &str, admin: bool) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, LOGIN_SECRET.as_bytes());
    jwt(json!({"alg": "HS256"}), &claims(id, admin), |signed| {
        ring::hmac::sign(&key, signed).as_ref().to_vec()
    })
}

/// The claims of a user's token from the product's login.
pub fn claims(id: &str, admin: bool) -> Value {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    let role = if admin { "admin" } else { "user" };
    json!({"sub": id, "name": id.to_uppercase(), "role": role, "exp": now + 600})
}

/// A token signed according to its header.
pub fn jwt(head: Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&head), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// LiveKit's signature of a webhook.
pub fn sign(body: &str, secret: &str) -> String {
    AccessToken::with_api_key(KEY, secret)
        .with_sha256(&STANDARD.encode(Sha256::digest(body.as_bytes())))
        .to_jwt()
        .unwrap()
}
