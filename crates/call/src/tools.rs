//! Carries out the HTTP requests that agents' files describe: tools, and the lookup before a call.
//!
//! The model and the caller choose the arguments, so these must not be able to choose the server: host and scheme
//! come from the file, values are escaped, redirects lead only to hosts that the file names, and private addresses
//! are refused when names are resolved, so that a name cannot resolve differently between check and connection (DNS
//! rebinding).

mod guard;
pub mod mcp;

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Response, Url};
use serde_json::{Value, json};

use sidetone_dial as dial;

use sidetone_config::request::HttpRequest;
use sidetone_config::template;

/// Bytes read of an answer; the rest is cut off.
const MAX_BYTES: usize = 256 * 1024;
/// Characters of an answer shown to the model.
const MAX_CHARS: usize = 4000;
const MAX_REDIRECTS: usize = 3;
const CONNECT: Duration = Duration::from_secs(3);
const PRIVATE: &str = "the address is private, which this tool may not use";

/// HTTP clients: one that reaches everything, one for public addresses only, and one for what the environment names a
/// proxy for.
#[derive(Clone)]
pub struct HttpTools {
    anywhere: Client,
    public: Client,
    by_proxy: Client,
}

impl HttpTools {
    /// Connections are shared by all calls of the process.
    /// # Errors
    /// TLS cannot be initialised.
    pub fn new() -> reqwest::Result<Self> {
        let client = || {
            Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT)
        };
        Ok(Self {
            anywhere: client().no_proxy().build()?,
            public: client()
                .no_proxy()
                .dns_resolver(guard::PublicOnly)
                .build()?,
            by_proxy: client().build()?,
        })
    }

    /// The client for an address.
    async fn client(&self, url: &Url, allow_private: bool) -> Result<&Client, String> {
        if !allow_private && guard::names_private_address(url) {
            return Err(PRIVATE.into());
        }
        if !dial::has_proxy(url.as_str()) {
            return Ok(match allow_private {
                true => &self.anywhere,
                false => &self.public,
            });
        }
        // The proxy resolves names for us. Where they lead from here is checked all the same; names that only the
        // proxy knows are its responsibility.
        if !allow_private && guard::leads_to_private_address(url).await {
            return Err(PRIVATE.into());
        }
        Ok(&self.by_proxy)
    }

    /// Sends a request and returns what the model is shown of the answer.
    /// # Errors
    /// What went wrong, worded for the model: no secrets, no addresses.
    pub async fn call(
        &self,
        request: &HttpRequest,
        values: &Value,
        arguments: &Value,
    ) -> Result<String, String> {
        let (status, body) = self.ask(request, values, arguments).await?;
        Ok(shorten(match shown(request, status, body)? {
            Value::String(text) => text,
            body => body.to_string(),
        }))
    }

    /// Sends an agent's `[lookup]` and returns what `{{ lookup }}` is: the answer, or what its `result` makes of it. JSON
    /// that `result` makes stays JSON, so that its fields can be named.
    /// # Errors
    /// As [`HttpTools::call`].
    pub async fn look_up(&self, request: &HttpRequest, values: &Value) -> Result<Value, String> {
        let (status, body) = self.ask(request, values, &Value::Null).await?;
        Ok(match (&request.result, shown(request, status, body)?) {
            (Some(_), Value::String(text)) => match serde_json::from_str(&text) {
                Ok(json @ (Value::Object(_) | Value::Array(_))) => json,
                _ => Value::String(text),
            },
            (_, body) => body,
        })
    }

    /// Sends a request and returns the answer's status and body: JSON, or text.
    async fn ask(
        &self,
        request: &HttpRequest,
        values: &Value,
        arguments: &Value,
    ) -> Result<(u16, Value), String> {
        let limit = request.timeout;
        tokio::time::timeout(limit, self.send(request, values, arguments))
            .await
            .unwrap_or_else(|_| Err(format!("the server did not answer within {limit:?}")))
    }

    async fn send(
        &self,
        request: &HttpRequest,
        values: &Value,
        arguments: &Value,
    ) -> Result<(u16, Value), String> {
        let mut known = values.clone();
        known["args"] = arguments.clone();
        let wrong = |(_, message): (usize, String)| format!("the address is wrong: {message}");
        let url = template::fill_url(&request.url, &known).map_err(wrong)?;
        let mut url = Url::parse(&url).map_err(|error| format!("the address is wrong: {error}"))?;
        let rest = rest_of(request, arguments);
        if !request.method.has_body() {
            for (name, value) in &rest {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                url.query_pairs_mut().append_pair(name, &text);
            }
        }
        let mut headers = headers(request, &mut known)?;
        let own = url.origin();
        for _ in 0..=MAX_REDIRECTS {
            let client = self.client(&url, request.allow_private).await?;
            let method = reqwest::Method::from_bytes(request.method.as_str().as_bytes())
                .map_err(|_| "no such method".to_owned())?;
            let mut sent = client.request(method, url.clone()).headers(headers.clone());
            if request.method.has_body() {
                sent = sent.json(&rest);
            }
            let response = sent.send().await.map_err(|error| unreachable(&error))?;
            if !response.status().is_redirection() {
                return read(response).await;
            }
            url = next(&response, &url, request)?;
            if url.origin() != own {
                // Secrets are meant for the origin that the file names: another port of the host, or plain HTTP on
                // the same one, may belong to somebody else.
                headers = HeaderMap::new();
            }
        }
        Err(format!(
            "the server redirected more than {MAX_REDIRECTS} times"
        ))
    }
}

/// What a request's `result` shows of an answer; without one it is the body.
fn shown(request: &HttpRequest, status: u16, body: Value) -> Result<Value, String> {
    let Some(result) = &request.result else {
        return Ok(body);
    };
    template::fill(result, &json!({"status": status, "body": body}))
        .map(Value::String)
        .map_err(|(_, message)| format!("the template `result` failed: {message}"))
}

/// Arguments that the URL does not contain.
fn rest_of(request: &HttpRequest, arguments: &Value) -> serde_json::Map<String, Value> {
    let used = template::variables(&request.url);
    let is_used = |name: &str| {
        used.iter()
            .filter_map(|used| used.strip_prefix("args."))
            .any(|used| used.split('.').next() == Some(name))
    };
    let all = arguments.as_object().cloned().unwrap_or_default();
    all.into_iter().filter(|(name, _)| !is_used(name)).collect()
}

fn headers(request: &HttpRequest, known: &mut Value) -> Result<HeaderMap, String> {
    let secrets = request.secrets.iter();
    known["secret"] = secrets
        .map(|(name, secret)| (name.clone(), Value::from(&*secret.expose())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let wrong = || format!("the header {name} cannot be sent");
        let filled = template::fill(value, known).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(&filled).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?,
            value,
        );
    }
    if let Some(secrets) = known.as_object_mut() {
        secrets.remove("secret");
    }
    Ok(headers)
}

/// Where a redirect leads, if it is allowed.
fn next(response: &Response, from: &Url, request: &HttpRequest) -> Result<Url, String> {
    if request.method.as_str() != "GET" {
        return Err(format!(
            "the server redirected a {} request, which is not followed",
            request.method.as_str()
        ));
    }
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|to| to.to_str().ok());
    let to = location.and_then(|to| from.join(to).ok());
    let to = to.ok_or("the server redirected without a valid Location")?;
    let host = to.host_str().unwrap_or_default();
    let known = from.host_str() == Some(host) || request.hosts.iter().any(|known| known == host);
    let safe = to.scheme() == "https" || (to.scheme() == "http" && request.allow_private);
    if known && safe {
        Ok(to)
    } else {
        Err("the server redirected to a host that this tool may not use".into())
    }
}

async fn read(mut response: Response) -> Result<(u16, Value), String> {
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| unreachable(&error))?
    {
        bytes.extend_from_slice(&piece);
        if bytes.len() >= MAX_BYTES {
            bytes.truncate(MAX_BYTES);
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if !status.is_success() {
        let text: String = text.chars().take(200).collect();
        return Err(format!("the server answered {}: {text}", status.as_u16()));
    }
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok((status.as_u16(), body))
}

fn unreachable(error: &reqwest::Error) -> String {
    // The error's own text contains the URL, which may include what a caller said.
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<guard::Private>() {
            return PRIVATE.into();
        }
        cause = error.source();
    }
    if error.is_connect() {
        "the server cannot be reached".into()
    } else {
        "the connection to the server failed".into()
    }
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}… (cut off)", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
