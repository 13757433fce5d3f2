//! Sends spans to a collector: OTLP over HTTP, in Protobuf or JSON. No call waits for it. Batches are sent one after
//! the other; while the collector is unavailable, the tracer's queue fills, and spans that do not fit are dropped and
//! counted.

mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use sidetone_base::clock;
use sidetone_base::metrics::{SpanFate, metrics};
use sidetone_base::trace::{Span, Tracer};
use sidetone_config::traces::Traces;

/// Spans per request.
const BATCH: usize = 512;
/// Longest time that a span waits for others.
const EVERY: Duration = Duration::from_secs(2);
/// Pauses before a batch is sent again; after the last it is dropped.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];
/// Longest pause that a collector may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Most bytes of an answer that are read: it says how many spans were refused, and why.
const ANSWER: usize = 16 * 1024;

/// Sends the spans of a [`Tracer`]; cheap to clone.
#[derive(Clone, Debug)]
pub struct Exporter {
    collector: Arc<Collector>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Where spans go.
#[derive(Debug)]
struct Collector {
    client: Client,
    traces: Traces,
    resource: wire::Resource,
}

/// What has not been sent yet.
#[derive(Debug)]
struct Waiting {
    spans: mpsc::Receiver<Span>,
    batch: Vec<Span>,
    /// The last batch was dropped.
    is_away: bool,
}

/// Why a batch was not accepted.
#[derive(Debug)]
enum Failure {
    /// It may be accepted later.
    Again(String, Option<Duration>),
    /// It never will be.
    Refused(String),
}

impl Exporter {
    /// A tracer and the exporter of its spans; without a collector, a tracer that takes none.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub fn new(traces: Option<&Traces>) -> anyhow::Result<(Tracer, Option<Self>)> {
        let Some(traces) = traces else {
            return Ok((Tracer::off(), None));
        };
        let client = Client::builder()
            .timeout(traces.timeout)
            // The headers may contain a key.
            .redirect(redirect::Policy::none())
            .build()
            .context("setting up the client for OTEL_EXPORTER_OTLP_ENDPOINT")?;
        let (tracer, spans) = Tracer::new(traces.sampler);
        let exporter = Self {
            collector: Arc::new(Collector {
                client,
                resource: resource(&traces.resource),
                traces: traces.clone(),
            }),
            waiting: Arc::new(Mutex::new(Waiting {
                spans,
                batch: Vec::with_capacity(BATCH),
                is_away: false,
            })),
        };
        Ok((tracer, Some(exporter)))
    }

    /// Sends until `stop`. What is still waiting then is left to [`Exporter::end`].
    pub async fn run(self, stop: CancellationToken) {
        let mut waiting = self.waiting.lock().await;
        stop.run_until_cancelled(self.send_all(&mut waiting)).await;
    }

    /// Never ends.
    async fn send_all(&self, waiting: &mut Waiting) {
        loop {
            waiting.fill().await;
            let fate = self.collector.deliver(&waiting.batch).await;
            waiting.settle(fate);
        }
    }

    /// Sends what is waiting, until the deadline at the latest. For use once nothing makes spans any more.
    pub async fn end(self, until: Instant) {
        let mut waiting = self.waiting.lock().await;
        while waiting.fill_at_once() {
            let sent = self.collector.send(&waiting.batch);
            let fate = match timeout_at(until.into(), sent).await {
                Ok(Ok(refused)) => Ok(refused),
                Ok(Err(Failure::Refused(why))) => Err((SpanFate::Refused, why)),
                Ok(Err(Failure::Again(why, _))) => Err((SpanFate::Unreachable, why)),
                Err(_) => Err((SpanFate::Unreachable, "the process ends".into())),
            };
            waiting.settle(fate);
        }
    }
}

impl Waiting {
    /// Waits for spans, and a little for more of them.
    async fn fill(&mut self) {
        if self.batch.is_empty() {
            match self.spans.recv().await {
                Some(span) => self.batch.push(span),
                // Nobody makes spans any more.
                None => std::future::pending().await,
            }
        }
        let until = clock::now() + EVERY;
        while let room @ 1.. = BATCH.saturating_sub(self.batch.len()) {
            let more = self.spans.recv_many(&mut self.batch, room);
            match timeout_at(until.into(), more).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Takes the available spans. `false` if there are none.
    fn fill_at_once(&mut self) -> bool {
        while self.batch.len() < BATCH
            && let Ok(span) = self.spans.try_recv()
        {
            self.batch.push(span);
        }
        !self.batch.is_empty()
    }

    /// The batch is finished: this many of it were refused, or all of it is dropped.
    fn settle(&mut self, fate: Result<u64, (SpanFate, String)>) {
        let (all, process) = (self.batch.len() as u64, &metrics().process);
        match fate {
            Ok(refused) => {
                let refused = refused.min(all);
                process.spans(SpanFate::Sent).inc_by(all - refused);
                process.spans(SpanFate::Refused).inc_by(refused);
                if std::mem::take(&mut self.is_away) {
                    tracing::info!("the collector takes spans again");
                }
            }
            Err((fate, why)) => {
                process.spans(fate).inc_by(all);
                if !std::mem::replace(&mut self.is_away, true) {
                    tracing::warn!(
                        spans = all,
                        "spans are dropped: {why}; check OTEL_EXPORTER_OTLP_ENDPOINT"
                    );
                }
            }
        }
        self.batch.clear();
    }
}

impl Collector {
    /// Sends a batch, with retries if they may help. Returns how many spans of it were refused.
    async fn deliver(&self, batch: &[Span]) -> Result<u64, (SpanFate, String)> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.send(batch).await {
                Ok(refused) => return Ok(refused),
                Err(Failure::Refused(why)) => return Err((SpanFate::Refused, why)),
                Err(Failure::Again(why, wanted)) => match pauses.next() {
                    Some(pause) => sleep(wanted.unwrap_or(pause).min(LONGEST_PAUSE)).await,
                    None => return Err((SpanFate::Unreachable, why)),
                },
            }
        }
    }

    async fn send(&self, batch: &[Span]) -> Result<u64, Failure> {
        let (kind, body) = wire::request(&self.resource, batch, self.traces.encoding);
        let mut headers: HeaderMap = self.headers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let post = self.client.post(self.traces.endpoint.clone());
        let answer = post.headers(headers).body(body).send().await;
        let answer = answer.map_err(|error| {
            let (error, mut why) = (error.without_url(), String::new());
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = cause {
                why = format!("{why}{}{error}", if why.is_empty() { "" } else { ": " });
                cause = error.source();
            }
            Failure::Again(why, None)
        })?;
        let status = answer.status();
        let why = format!("the collector answers {status}");
        match status {
            _ if status.is_success() => Ok(self.refused(answer).await),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Failure::Again(why, pause(&answer))),
            _ => Err(Failure::Refused(why)),
        }
    }

    fn headers(&self) -> HeaderMap {
        let read = |(name, value): &(String, sidetone_config::secret::Secret)| {
            let mut value = HeaderValue::from_str(&value.expose()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
        };
        self.traces.headers.iter().filter_map(read).collect()
    }

    /// How many spans of an accepted batch were refused.
    async fn refused(&self, mut answer: Response) -> u64 {
        let mut body = Vec::new();
        while let Ok(Some(piece)) = answer.chunk().await {
            if body.len() + piece.len() > ANSWER {
                return 0;
            }
            body.extend_from_slice(&piece);
        }
        wire::refused(&body, self.traces.encoding)
    }
}

/// How long a collector wants to be left alone.
fn pause(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// This process: the operator's attributes, and those known without them.
fn resource(said: &[(String, String)]) -> wire::Resource {
    let known = HashMap::from([
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", Uuid::new_v4().to_string()),
    ]);
    let is_new = |name: &str| !said.iter().any(|(said, _)| said == name);
    let known = known.into_iter().filter(|(name, _)| is_new(name));
    let known = known.map(|(name, value)| (name.to_owned(), value));
    wire::Resource::new(said.iter().cloned().chain(known))
}

#[cfg(test)]
mod tests;
