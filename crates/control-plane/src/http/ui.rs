//! The web pages: the call element's script, the page for trying the agent, the admin pages. Built by `web/` and
//! embedded in the binary, each at its own path, so no request reaches a file system.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::AppState;
use super::auth::{Principal, Right};
use super::error::Problem;

/// A file of `web/dist`; `build.rs` writes the table.
#[derive(Clone, Copy, Debug)]
struct File {
    name: &'static str,
    body: &'static [u8],
    gzip: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/ui_files.rs"));

/// The content security policy of all pages; the browser tests of `web/` apply it, too.
const POLICY: &str = include_str!("../../../../web/csp.txt");

/// Served in place of the pages by a binary that was built without them.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sidetone</title>\
    <h1>Sidetone is running</h1><p>Its web pages are not in this binary. Build them with \
    <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code>, then build Sidetone again. \
    <p>The API works without them: <a href=\"docs\">its description</a>.";

/// What the pages are told.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UiSettings {
    /// The agent of calls that request none.
    pub default_agent: Option<String>,
    /// Names of the voices.
    pub voices: Vec<String>,
    /// The voice selected at first.
    pub default_voice: String,
    /// What the page suggests to ask the default agent.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub questions: &'static [&'static str],
    /// LiveKit's address for browsers (`wss://…`); pages may connect to it and to no other.
    #[serde(skip)]
    pub livekit_url: Option<String>,
    /// The recording bucket's address; the admin pages play recordings from it.
    #[serde(skip)]
    pub bucket_url: Option<String>,
}

/// What the page for trying the agent offers.
#[derive(Debug, Serialize)]
struct Offer<'a> {
    /// Names of the agents that a call of this visitor may request.
    agents: BTreeSet<String>,
    #[serde(flatten)]
    settings: &'a UiSettings,
}

/// `GET /ui/config.json`: strangers see the agents that users may choose, and who may choose any sees all.
async fn offer(
    State(state): State<AppState>,
    asking: Result<Principal, Problem>,
    settings: UiSettings,
) -> Response {
    let chooses = |asking: Principal| !asking.is_end_user() && asking.may(Right::SpawnAgent);
    let agents = match asking.is_ok_and(chooses) {
        true => state.config().agents.now(),
        false => state.config().agents.open_to_users(),
    };
    let settings = &settings;
    Json(Offer { agents, settings }).into_response()
}

/// The pages at `/`, `/admin/…`, `/assets/…` and `/sidetone-call.js`.
pub(super) fn routes(settings: UiSettings) -> Router<AppState> {
    let policy = policy(
        settings.livekit_url.as_deref(),
        settings.bucket_url.as_deref(),
    );
    let mut router = Router::new().route(
        "/ui/config.json",
        get(
            async move |state: State<AppState>, asking: Result<Principal, Problem>| {
                offer(state, asking, settings).await
            },
        ),
    );
    for file in FILES {
        let page = Page::new(*file, &policy);
        let handler = async move |headers: HeaderMap| page.answer(&headers);
        router = router.route(&path(file.name), get(handler));
    }
    if FILES.iter().all(|file| file.name != "index.html") {
        let page = Page::new(
            File {
                name: "index.html",
                body: NOT_BUILT.as_bytes(),
                gzip: None,
            },
            &policy,
        );
        router = router.route(
            "/",
            get(async move |headers: HeaderMap| page.answer(&headers)),
        );
    }
    router
}

/// Pages have names without endings: `index.html` is `/`, `calls.html` is `/admin/calls`.
fn path(name: &str) -> String {
    match name.strip_suffix(".html") {
        Some("index") => "/".into(),
        Some(page) => format!("/admin/{page}"),
        None => format!("/{name}"),
    }
}

/// A page may connect to its own server and to LiveKit's, over WebSocket and (to learn why it was rejected) HTTP;
/// LiveKit Cloud redirects clients to a region's host. Recordings are redirects to their bucket.
fn policy(livekit_url: Option<&str>, bucket_url: Option<&str>) -> HeaderValue {
    let plain = |host: &str| !host.contains(|c: char| c.is_whitespace() || ";,/'".contains(c));
    let bucket = bucket_url
        .and_then(|url| url.split_once("://"))
        .map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or_default()))
        .filter(|(_, host)| plain(host))
        .map(|(scheme, host)| format!(" {scheme}://{host}"))
        .unwrap_or_default();
    let livekit = livekit_url
        .and_then(|url| url.trim_end_matches('/').split_once("://"))
        .filter(|(_, host)| plain(host))
        .map(|(scheme, host)| {
            let (ws, http) = match scheme {
                "ws" | "http" => ("ws", "http"),
                _ => ("wss", "https"),
            };
            let cloud = if host.ends_with(".livekit.cloud") {
                " wss://*.livekit.cloud https://*.livekit.cloud"
            } else {
                ""
            };
            format!("{ws}://{host} {http}://{host}{cloud}")
        })
        .unwrap_or_default();
    let text = POLICY
        .trim()
        .replace("{livekit}", &livekit)
        .replace("{bucket}", &bucket);
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// A file with its headers.
#[derive(Clone, Debug)]
struct Page {
    file: File,
    tag: String,
    policy: HeaderValue,
}

impl Page {
    fn new(file: File, policy: &HeaderValue) -> Self {
        let digest = Sha256::digest(file.body);
        let tag = digest[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let policy = policy.clone();
        Self { file, tag, policy }
    }

    fn answer(&self, request: &HeaderMap) -> Response {
        let gzip = self.file.gzip.filter(|_| takes_gzip(request));
        // An ETag belongs to one encoding (RFC 9110 §8.8.3.3).
        let tag = format!(
            "\"{}{}\"",
            self.tag,
            if gzip.is_some() { "-gz" } else { "" }
        );
        let fresh = request
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|known| known.trim().trim_start_matches("W/") == tag);
        let mut response = match (fresh, gzip) {
            (true, _) => StatusCode::NOT_MODIFIED.into_response(),
            (false, Some(gzip)) => {
                ([(header::CONTENT_ENCODING, "gzip")], Body::from(gzip)).into_response()
            }
            (false, None) => Body::from(self.file.body).into_response(),
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        for (name, value) in [
            (header::CONTENT_TYPE, self.content_type()),
            // Revalidated each time, and answered with 304 if unchanged: a new release takes effect at once.
            (header::CACHE_CONTROL, "no-cache"),
            (header::VARY, "accept-encoding"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "no-referrer"),
            (
                HeaderName::from_static("permissions-policy"),
                "microphone=(self), camera=(), geolocation=()",
            ),
            // Other sites may use the element's script.
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                self.shared_with(),
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }

    fn shared_with(&self) -> &'static str {
        if self.file.name == "sidetone-call.js" {
            "cross-origin"
        } else {
            "same-origin"
        }
    }

    fn content_type(&self) -> &'static str {
        match self.file.name.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("json") => "application/json",
            _ => "application/octet-stream",
        }
    }
}

/// Whether the request accepts gzip (RFC 9110 §12.5.3): names it, and not with `q=0`.
fn takes_gzip(request: &HeaderMap) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let named = parts.next() == Some("gzip");
            let refused = parts
                .any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
            named && !refused
        })
}

#[cfg(test)]
mod tests;
