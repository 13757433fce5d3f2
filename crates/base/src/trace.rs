//! What a process tells of its work as spans: OpenTelemetry's words for what took how long, inside of what.
//! Whoever has done a piece of work hands it to the [`Tracer`], ended; the process sends it on.
//!
//! - **Off, it is nothing.** Without a collector a tracer samples nothing, and nobody makes a span.
//! - **Nobody waits.** The queue is bounded; a span that finds it full is dropped and counted.
//! - **Nothing personal.** An attribute is a number, a word of a closed list, a name from an operator's file, or an
//!   id that Sidetone or LiveKit has made: never a word, a name or a number of a caller.

mod parent;
mod sampler;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::metrics::{SpanFate, metrics};
pub use parent::Traceparent;
pub use sampler::Sampler;

/// Spans that wait to be sent: those of some 50 turns. More are dropped.
const QUEUE: usize = 2_048;

/// Names a trace: all that belongs to one call. It is the call's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(pub u128);

/// Names a span within its trace; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceId {
    /// The span of the trace that all others are inside of, known to whoever knows the trace.
    pub fn root(self) -> SpanId {
        SpanId(((self.0 >> 64) as u64).max(1))
    }
}

impl SpanId {
    /// One that no other span has.
    pub fn random() -> Self {
        Self(fastrand::u64(1..))
    }

    /// As it is sent.
    pub fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Where a span stands towards other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Work of our own.
    Internal,
    /// A request of somebody's, answered here.
    Server,
    /// A request of ours, answered elsewhere.
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
    /// Yes or no.
    Flag(bool),
}

/// Something that happened at one moment of a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When.
    pub at: SystemTime,
    /// What.
    pub name: &'static str,
    /// More of it.
    pub attributes: Vec<(&'static str, Value)>,
}

/// A piece of work that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What it belongs to.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// What it is inside of.
    pub parent: Option<SpanId>,
    /// A span of another trace that it belongs to as well.
    pub link: Option<(TraceId, SpanId)>,
    /// What kind of work it is.
    pub name: String,
    /// Who did it.
    pub kind: Kind,
    /// When it began.
    pub begun: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// What happened in it.
    pub moments: Vec<Moment>,
    /// It did not do what it was to do.
    pub failed: bool,
}

impl Span {
    /// A span of our own work, of which nothing more is known.
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

    /// Inside of another.
    #[must_use]
    pub fn inside(mut self, parent: SpanId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// With an attribute more.
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

/// Takes spans of this process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<On>>);

#[derive(Debug)]
struct On {
    sampler: Sampler,
    spans: mpsc::Sender<Span>,
}

impl Tracer {
    /// Takes nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// One whose spans come out of the receiver.
    pub fn new(sampler: Sampler) -> (Self, mpsc::Receiver<Span>) {
        let (spans, sent) = mpsc::channel(QUEUE);
        (Self(Some(Arc::new(On { sampler, spans }))), sent)
    }

    /// Whether spans of this trace are to be made, which was asked for by `parent`.
    pub fn samples(&self, trace: TraceId, parent: Option<&Traceparent>) -> bool {
        let on = self.0.as_ref();
        on.is_some_and(|on| {
            on.sampler
                .samples(trace, parent.map(|parent| parent.sampled))
        })
    }

    /// Hands a span on; it is dropped where too many wait.
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
