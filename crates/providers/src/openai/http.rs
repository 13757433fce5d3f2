//! Settings of a stage, and its requests over shared keep-alive connections.

use sidetone_base::provider::{Address, Auth};
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{ClientBuilder, RequestBuilder, Response, Url, redirect};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::Request as SocketRequest;

use super::dialect::Dialects;
use super::error::{ProviderError, Stage};
use super::refusal::{Refusal, Refused};
use super::retry::RETRIES;

/// How long a connection may take to open.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an unused connection stays open: longer than the pauses of a conversation, so that a turn does not pay for
/// a new one.
const IDLE: Duration = Duration::from_secs(300);

/// A connection on which nothing is acknowledged for this long is dead: the network changed, or lost its state. HTTP/2
/// carries the requests of all calls over one, and would go on to use it for as long as the system waits.
const DEAD: Duration = Duration::from_secs(4);
/// When a connection that owes an answer is asked for a sign of life.
const DOUBTED: Duration = Duration::from_secs(2);

/// The longest that a provider may ask to be left alone: this long or longer is taken for nonsense.
const A_DAY: f64 = 86_400.0;

/// Most bytes read of an error or a transcript.
const BODY_LIMIT: usize = 1 << 20;

/// A key, kept out of every log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ApiKey(pub(super) String);

impl ApiKey {
    /// Takes the key as the provider issued it.
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
    /// `https://api.openai.com/v1` or another server's. A trailing `/` makes no difference; a query is sent with every
    /// request.
    pub base_url: String,
    /// Local servers need none.
    pub api_key: Option<ApiKey>,
    /// How the key is sent. `None` selects what the server is known to want.
    pub auth: Option<Auth>,
    /// Further headers of every request; their values are secrets.
    pub headers: Vec<(String, ApiKey)>,
    /// The model's name.
    pub model: String,
    /// How long one attempt may take to the first piece of its answer, and from each piece to the next. Most clients
    /// use 10 s; callers are less patient.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            api_key: None,
            auth: None,
            headers: Vec::new(),
            model: String::new(),
            timeout: Duration::from_secs(10),
        }
    }
}

/// Why a stage cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The base URL is invalid.
    #[error(
        "{stage}: base_url {url:?} is not a URL; write it like https://api.openai.com/v1 or \
         http://127.0.0.1:8080/v1"
    )]
    BaseUrl {
        /// The stage.
        stage: Stage,
        /// As configured.
        url: String,
    },
    /// A header cannot be sent.
    #[error(
        "{stage}: the header {name:?} has a name or a value that HTTP does not allow; set it again"
    )]
    Header {
        /// The stage.
        stage: Stage,
        /// Its name.
        name: String,
    },
    /// The key cannot be sent.
    #[error(
        "{stage}: the key has characters that no header may have (a line break?); set it again"
    )]
    Key {
        /// The stage.
        stage: Stage,
    },
}

/// The connections of all calls. Clones share them.
#[derive(Debug, Clone)]
pub struct Http {
    internet: reqwest::Client,
    /// The environment's proxy is for the internet, never for a server on this machine.
    loopback: reqwest::Client,
    dialects: Dialects,
}

impl Http {
    /// Opens no connection yet.
    ///
    /// # Errors
    /// If the TLS library cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        Ok(Self {
            internet: builder().build()?,
            loopback: builder().no_proxy().build()?,
            dialects: Dialects::default(),
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

fn builder() -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(Duration::from_secs(30))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(DOUBTED)
        .http2_keep_alive_timeout(DEAD - DOUBTED)
        .redirect(redirect::Policy::none());
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(DEAD);
    builder
}

/// The provider of one stage.
#[derive(Clone)]
pub(super) struct Provider {
    pub stage: Stage,
    pub model: String,
    pub timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// For messages: host and port, without path or user.
    pub host: String,
    client: reqwest::Client,
    pub(super) address: Address,
    headers: HeaderMap,
    /// What must not be shown of them.
    pub(super) secrets: Vec<ApiKey>,
    pub(super) dialects: Dialects,
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
            auth,
            headers: others,
            model,
            timeout,
        } = settings;
        let address = Address::parse(&base_url);
        let url = Url::parse(&base_url).ok();
        let (Some(address), Some(url)) = (address, url) else {
            return Err(SettingsError::BaseUrl {
                stage,
                url: base_url,
            });
        };
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        if let Some(ApiKey(key)) = api_key {
            let default = match address.is_azure() {
                true => Auth::ApiKey,
                false => Auth::Bearer,
            };
            let key = key.trim();
            let (name, value) = match auth.unwrap_or(default) {
                Auth::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
                Auth::ApiKey => (HeaderName::from_static("api-key"), key.to_owned()),
            };
            let value = secret(&value).ok_or(SettingsError::Key { stage })?;
            headers.insert(name, value);
            secrets.push(ApiKey::new(key));
        }
        for (name, value) in others {
            let parsed = HeaderName::try_from(&name).ok().zip(secret(&value.0));
            let (parsed, header) = parsed.ok_or(SettingsError::Header { stage, name })?;
            headers.insert(parsed, header);
            secrets.push(value);
        }
        Ok(Self {
            stage,
            model,
            timeout,
            retries: RETRIES,
            host: address.host.clone(),
            client: http.client_for(&url).clone(),
            address,
            headers,
            secrets,
            dialects: http.dialects.clone(),
        })
    }

    /// Whether this is OpenAI's own server.
    pub(super) fn is_openai(&self) -> bool {
        self.address.is_openai()
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        let request = self.client.post(self.address.at(path));
        request.headers(self.headers.clone())
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        let request = self.client.get(self.address.at(path));
        request.headers(self.headers.clone())
    }

    /// The request for a WebSocket at `path`.
    pub(super) fn socket(&self, path: &str) -> Option<SocketRequest<()>> {
        let mut request = self.address.socket_at(path).into_client_request().ok()?;
        request.headers_mut().extend(self.headers.clone());
        Some(request)
    }

    /// Opens a connection that the first real request then finds ready. The outcome does not matter: a server without
    /// `/models` answers 404 over a good connection.
    pub(super) async fn prewarm(&self) {
        let request = self.client.get(self.address.at("/models"));
        let request = request.headers(self.headers.clone());
        let warm = async {
            let response = request.send().await.ok()?;
            // An answer that is not read to its end makes the connection unusable for the next request.
            self.body(response).await.ok()
        };
        let _ = tokio::time::timeout(CONNECT_TIMEOUT, warm).await;
    }

    /// Sends once, and waits for the head of an answer, good or bad. To show a refusal's message, the caller must know
    /// what it may not repeat.
    pub(super) async fn try_once(
        &self,
        request: RequestBuilder,
    ) -> Result<Result<Response, Refused>, ProviderError> {
        let response = match tokio::time::timeout(self.timeout, request.send()).await {
            Ok(response) => response.map_err(|error| self.transport(&error))?,
            Err(_) => return Err(self.timed_out("no answer")),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(Ok(response));
        }
        let retry_after = wait(response.headers());
        // If the body does not arrive, the status says enough.
        let body = self.body(response).await.unwrap_or_default();
        Ok(Err(Refused {
            status: status.as_u16(),
            retry_after,
            refusal: Refusal::read(&body),
        }))
    }

    /// The next piece of an answer. `None` at its end.
    pub(super) async fn piece(
        &self,
        response: &mut Response,
    ) -> Result<Option<bytes::Bytes>, ProviderError> {
        match tokio::time::timeout(self.timeout, response.chunk()).await {
            Ok(piece) => piece.map_err(|error| self.transport(&error)),
            Err(_) => Err(self.timed_out("no next piece of its answer")),
        }
    }

    /// A whole answer, up to a size limit.
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

    pub(super) fn broken_off(&self) -> ProviderError {
        ProviderError::broken_off(self.stage, &self.host)
    }

    pub(super) fn timed_out(&self, what: &str) -> ProviderError {
        ProviderError::timeout(self.stage, &self.host, what, self.timeout)
    }

    /// For a request whose deadline came before its own timeout.
    pub(super) fn out_of_time(&self, now: Instant, deadline: Instant) -> ProviderError {
        ProviderError::timeout(self.stage, &self.host, "no answer", deadline - now)
    }
}

/// A header value that is kept out of logs.
fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(value.trim()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// How long a provider wants to be left alone (RFC 9110, 10.2.3).
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let milliseconds = text("retry-after-ms").and_then(seconds);
    if let Some(milliseconds) = milliseconds {
        return Some(milliseconds / 1000);
    }
    let asked = text("retry-after")?;
    seconds(asked).or_else(|| until(asked, text("date")?))
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    (0.0..A_DAY)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// From an answer's `Date` to the moment that it names: both are of the provider's clock, so ours may be wrong.
fn until(moment: &str, date: &str) -> Option<Duration> {
    let time = |text: &str| httpdate::parse_http_date(text.trim()).ok();
    let wait = time(moment)?
        .duration_since(time(date)?)
        .unwrap_or_default();
    (wait.as_secs_f64() < A_DAY).then_some(wait)
}

/// The media type in lower case, without parameters.
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
mod tests;
