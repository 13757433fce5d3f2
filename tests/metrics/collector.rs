//! A collector of spans: keeps the posts of OTLP over HTTP unchanged.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// A post.
#[derive(Clone)]
pub struct Post {
    pub kind: String,
    pub key: String,
    pub body: Vec<u8>,
}

/// The collector; dropping it stops it.
pub struct Collector {
    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub url: String,
    posts: Arc<Mutex<Vec<Post>>>,
    _serving: Option<AbortOnDropHandle<()>>,
}

impl Collector {
    /// Starts a collector that accepts everything.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// Starts a collector at the address of another.
    pub async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let posts = Arc::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&posts));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            posts,
            _serving: Some(AbortOnDropHandle::new(serving)),
        }
    }

    /// An address where no collector listens.
    pub async fn nowhere() -> Self {
        let mut collector = Self::start().await;
        collector._serving = None;
        collector
    }

    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    /// All spans that were posted as JSON.
    pub fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for post in self
            .posts()
            .iter()
            .filter(|post| post.kind == "application/json")
        {
            let body: Value = serde_json::from_slice(&post.body).unwrap();
            for resource in body["resourceSpans"].as_array().unwrap() {
                for scope in resource["scopeSpans"].as_array().unwrap() {
                    spans.extend(scope["spans"].as_array().unwrap().iter().cloned());
                }
            }
        }
        spans
    }
}

async fn take(
    State(posts): State<Arc<Mutex<Vec<Post>>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name: &str| {
        let value = headers.get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    posts.lock().unwrap().push(Post {
        kind: header("content-type"),
        key: header("x-collector-key"),
        body: body.into(),
    });
    StatusCode::OK
}

/// An attribute of a span, as text.
pub fn attribute(span: &Value, name: &str) -> Option<String> {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|attribute| attribute["key"] == name)?;
    let value = found["value"].as_object().unwrap().values().next().unwrap();
    Some(
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned),
    )
}

/// A trace in readable form: when each span began, how long it took, and its parent; docs/traces.md shows one.
pub fn tree(spans: &[Value]) -> String {
    let time = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    let begun = |span: &Value| time(span, "startTimeUnixNano");
    let Some(zero) = spans.iter().map(begun).min() else {
        return String::new();
    };
    let mut lines = String::new();
    let mut open: Vec<(&Value, usize)> = Vec::new();
    let inside = |parent: Option<&Value>| {
        let mut found: Vec<&Value> = spans
            .iter()
            .filter(|span| span.get("parentSpanId") == parent)
            .collect();
        found.sort_by_key(|span| std::cmp::Reverse(begun(span)));
        found
    };
    open.extend(inside(None).into_iter().map(|span| (span, 0)));
    while let Some((span, depth)) = open.pop() {
        let took = (time(span, "endTimeUnixNano") - begun(span)) as f64 / 1e9;
        let from = (begun(span) - zero) as f64 / 1e9;
        let name = format!("{}{}", "  ".repeat(depth), span["name"].as_str().unwrap());
        lines += &format!("{name:<34}{from:7.2} s{took:7.2} s\n");
        let children = inside(Some(&span["spanId"]));
        open.extend(children.into_iter().map(|child| (child, depth + 1)));
    }
    lines
}
