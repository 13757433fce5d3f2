//! The spans of a process, in OpenTelemetry's terms: what took how long, and inside of what. Whoever has done a piece
//! of work hands its finished span to the [`Tracer`]; the process exports it.
//!
//! - **No cost when off.** Without a collector a tracer samples nothing, and nobody creates a span.
//! - **Nobody waits.** The queue is bounded; a span that finds it full is dropped and counted.
//! - **Nothing personal.** An attribute is a number, a word from a closed list, a name from an operator's file, or an
//!   id that Sidetone or LiveKit has created: never a caller's words, name or number.

mod parent;
mod sampler;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::metrics::{SpanFate, metrics};
pub use parent::Traceparent;
pub use sampler::Sampler;

/// How many spans may wait to be sent: those of some 50 turns. Any more are dropped.
const QUEUE: usize = 2_048;

/// Identifies a trace: everything that belongs to one call. It is the call's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(pub u128);

/// Identifies a span within its trace; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceId {
    /// The trace's outermost span, known to whoever knows the trace.
    pub fn root(self) -> SpanId {
        SpanId(((self.0 >> 64) as u64).max(1))
    }
}

impl SpanId {
    /// A new, unique id.
    pub fn random() -> Self {
        Self(fastrand::u64(1..))
    }

    /// The bytes that are sent.
    pub fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A span's role towards other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Internal work.
    Internal,
    /// Somebody else's request, answered here.
    Server,
    /// Our request, answered elsewhere.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word of a closed list, a name from an operator's file, or an id.
    Text(String),
    /// A count, or milliseconds.
    Number(i64),
    /// Seconds.
    Seconds(f64),
    /// A boolean.
    Flag(bool),
}

/// Something that happened at one moment during a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When it happened.
    pub at: SystemTime,
    /// What happened.
    pub name: &'static str,
    /// Details.
    pub attributes: Vec<(&'static str, Value)>,
}

/// A finished piece of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace that it belongs to.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// The span that it is inside of.
    pub parent: Option<SpanId>,
    /// A span of another trace that it also belongs to.
    pub link: Option<(TraceId, SpanId)>,
    /// What kind of work it is.
    pub name: String,
    /// Its role towards other processes.
    pub kind: Kind,
    /// When it began.
    pub begun: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// Details.
    pub attributes: Vec<(&'static str, Value)>,
    /// What happened during it.
    pub moments: Vec<Moment>,
    /// Whether the work failed.
    pub failed: bool,
}

impl Span {
    /// A span of internal work, without further details.
    pub fn new(
        trace: TraceId,
        name: impl Into<String>,
        (begun, ended): (SystemTime, SystemTime),
    ) -> Self {
        Self {
            trace,
            id: SpanId::random(),
            parent: None,
            link: None,
            name: name.into(),
            kind: Kind::Internal,
            begun,
            ended: ended.max(begun),
            attributes: Vec::new(),
            moments: Vec::new(),
            failed: false,
        }
    }

    /// Sets the parent span.
    #[must_use]
    pub fn inside(mut self, parent: SpanId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// Accepts the spans of this process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<On>>);

#[derive(Debug)]
struct On {
    sampler: Sampler,
    spans: mpsc::Sender<Span>,
}

impl Tracer {
    /// A tracer that accepts nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// A tracer whose spans arrive at the receiver.
    pub fn new(sampler: Sampler) -> (Self, mpsc::Receiver<Span>) {
        let (spans, sent) = mpsc::channel(QUEUE);
        (Self(Some(Arc::new(On { sampler, spans }))), sent)
    }

    /// Whether to create spans for this trace, which was requested by `parent`.
    pub fn samples(&self, trace: TraceId, parent: Option<&Traceparent>) -> bool {
        let on = self.0.as_ref();
        on.is_some_and(|on| {
            on.sampler
                .samples(trace, parent.map(|parent| parent.sampled))
        })
    }

    /// Queues a span for sending; it is dropped if too many are waiting.
    pub fn take(&self, span: Span) {
        if let Some(on) = &self.0
            && on.spans.try_send(span).is_err()
        {
            metrics().process.spans(SpanFate::QueueFull).inc();
        }
    }
}

#[cfg(test)]
mod tests;
