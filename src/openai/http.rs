//! Settings of a stage, and its requests over shared, kept-alive connections.

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, Url, redirect};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::Request as SocketRequest;

use super::error::{ProviderError, Stage};
use super::retry::RETRIES;

/// How long a connection may take to open.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an unused connection stays open: longer than the pauses of a conversation, so that
/// a turn does not pay for a new one.
const IDLE: Duration = Duration::from_secs(300);

/// Most bytes read of an error or a transcript.
const BODY_LIMIT: usize = 1 << 20;

/// A key, kept out of every log.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes the key as the provider gave it.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// Where a stage's provider is and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `https://api.openai.com/v1` or another server's; a `/` at the end makes no difference.
    pub base_url: String,
    /// Sent as a bearer token; local servers need none.
    pub api_key: Option<ApiKey>,
    /// The model's name.
    pub model: String,
    /// How long one try may take to the first piece of its answer, and any further piece after
    /// the one before. 10 s in most clients; a caller waits less patiently.
    pub timeout: Duration,
}

/// Why a stage cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The base URL is not one.
    #[error(
        "{stage}: base_url {url:?} is not a URL; write it like https://api.openai.com/v1 or \
         http://127.0.0.1:8080/v1"
    )]
    BaseUrl {
        /// Whose.
        stage: Stage,
        /// As given.
        url: String,
    },
    /// The key cannot be sent.
    #[error("{stage}: the key has characters that no key has (a line break?); set it again")]
    Key {
        /// Whose.
        stage: Stage,
    },
}

/// The connections of all calls. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Http {
    internet: reqwest::Client,
    /// The environment's proxy is for the internet, never for a server on this machine.
    loopback: reqwest::Client,
    /// Sockets for speech, and what servers of speech were found not to take.
    pub(super) speech: super::tts::Shared,
}

impl Http {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_idle_timeout(IDLE)
                .tcp_keepalive(Duration::from_secs(30))
                .tcp_nodelay(true)
                .redirect(redirect::Policy::none())
        };
        Ok(Self {
            internet: builder().build()?,
            loopback: builder().no_proxy().build()?,
            speech: super::tts::Shared::default(),
        })
    }

    fn client_for(&self, url: &Url) -> &reqwest::Client {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if loopback {
            &self.loopback
        } else {
            &self.internet
        }
    }
}

/// A request that failed.
pub(super) struct Failed {
    pub error: ProviderError,
    /// The answer's, where there was one.
    pub status: Option<u16>,
    pub body: Vec<u8>,
}

impl From<ProviderError> for Failed {
    fn from(error: ProviderError) -> Self {
        Self {
            error,
            status: None,
            body: Vec::new(),
        }
    }
}

/// Who is asked, for what, with which key: the same for the same answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ProviderKey {
    base: String,
    model: String,
    authorization: Option<HeaderValue>,
}

/// One stage's provider.
#[derive(Clone)]
pub(super) struct Provider {
    pub stage: Stage,
    pub model: String,
    pub timeout: Duration,
    /// Tries after the first one.
    pub retries: u32,
    /// For messages: host and port, without path or user.
    pub host: String,
    client: reqwest::Client,
    base: String,
    authorization: Option<HeaderValue>,
}

impl Provider {
    pub(super) fn new(
        stage: Stage,
        http: &Http,
        settings: Settings,
    ) -> Result<Self, SettingsError> {
        let Settings {
            base_url,
            api_key,
            model,
            timeout,
        } = settings;
        let parsed = Url::parse(&base_url).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
        });
        let url = parsed.ok_or(SettingsError::BaseUrl {
            stage,
            url: base_url,
        })?;
        let authorization = api_key
            .map(|ApiKey(key)| {
                let mut value = HeaderValue::try_from(format!("Bearer {}", key.trim()))
                    .map_err(|_| SettingsError::Key { stage })?;
                value.set_sensitive(true);
                Ok(value)
            })
            .transpose()?;
        let host = url.host_str().unwrap_or_default();
        let host = url
            .port()
            .map_or(host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self {
            stage,
            model,
            timeout,
            retries: RETRIES,
            host,
            client: http.client_for(&url).clone(),
            base: url.as_str().trim_end_matches('/').to_owned(),
            authorization,
        })
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.authorized(self.client.post(format!("{}{path}", self.base)))
    }

    /// For a WebSocket at `path`.
    pub(super) fn socket(&self, path: &str) -> Option<SocketRequest<()>> {
        // `http` becomes `ws`, `https` `wss`.
        let address = format!("ws{}{path}", self.base.strip_prefix("http")?);
        let mut request = address.into_client_request().ok()?;
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        Some(request)
    }

    pub(super) fn key(&self) -> ProviderKey {
        ProviderKey {
            base: self.base.clone(),
            model: self.model.clone(),
            authorization: self.authorization.clone(),
        }
    }

    /// OpenAI's own server.
    pub(super) fn is_openai(&self) -> bool {
        self.host == "api.openai.com"
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        }
    }

    /// Opens a connection that the first real request then finds ready. What comes of it does
    /// not matter: a server without `/models` answers 404 over a good connection.
    pub(super) async fn prewarm(&self) {
        let request = self.authorized(self.client.get(format!("{}/models", self.base)));
        let warm = async {
            // Read to the end, else the connection cannot be used again.
            request.send().await?.bytes().await
        };
        let _ = tokio::time::timeout(CONNECT_TIMEOUT, warm).await;
    }

    /// Sends, and waits for the head of a good answer.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        self.attempt(request).await.map_err(|failed| failed.error)
    }

    /// As [`Provider::send`]; the body of an answer that is not good is kept.
    pub(super) async fn attempt(&self, request: RequestBuilder) -> Result<Response, Failed> {
        let response = match tokio::time::timeout(self.timeout, request.send()).await {
            Ok(response) => response.map_err(|error| self.transport(&error))?,
            Err(_) => return Err(self.timed_out("no answer").into()),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
        // The status says enough when its body does not come.
        let body = self.body(response).await.unwrap_or_default();
        let status = status.as_u16();
        let error = ProviderError::status(self.stage, &self.host, status, retry_after, &body);
        Err(Failed {
            error,
            status: Some(status),
            body,
        })
    }

    /// The next piece of an answer, `None` at its end.
    pub(super) async fn piece(
        &self,
        response: &mut Response,
    ) -> Result<Option<bytes::Bytes>, ProviderError> {
        match tokio::time::timeout(self.timeout, response.chunk()).await {
            Ok(piece) => piece.map_err(|error| self.transport(&error)),
            Err(_) => Err(self.timed_out("no next piece of its answer")),
        }
    }

    /// A whole answer, as long as it is of a sensible size.
    pub(super) async fn body(&self, mut response: Response) -> Result<Vec<u8>, ProviderError> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece(&mut response).await? {
            if body.len() + piece.len() > BODY_LIMIT {
                return Err(self.garbage("more than 1 MiB of an answer that has a few lines"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    pub(super) fn transport(&self, error: &reqwest::Error) -> ProviderError {
        ProviderError::transport(self.stage, &self.host, error)
    }

    pub(super) fn garbage(&self, what: &str) -> ProviderError {
        ProviderError::garbage(self.stage, &self.host, what)
    }

    pub(super) fn timed_out(&self, what: &str) -> ProviderError {
        ProviderError::timeout(self.stage, &self.host, what, self.timeout)
    }

    /// For a request whose deadline came before its own timeout.
    pub(super) fn out_of_time(&self, now: Instant, deadline: Instant) -> ProviderError {
        ProviderError::timeout(self.stage, &self.host, "no answer", deadline - now)
    }
}

/// Seconds, as providers send them; the date form of RFC 9110, 10.2.3 is not in use there.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let seconds: f64 = value.to_str().ok()?.trim().parse().ok()?;
    (0.0..86_400.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// The media type without its parameters, in small letters.
pub(super) fn media_type(response: &Response) -> Option<String> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
