//! PURE. OTLP's messages, as far as spans need them (opentelemetry-proto 1.x, `trace/v1`): one definition for Protobuf,
//! by the tags, and for JSON, by the names.

use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message as _;
use serde::{Serialize, Serializer};

use sidetone_base::trace::{self, Kind};
use sidetone_config::traces::Encoding;

/// The instrumentation scope of all spans.
const SCOPE: &str = "sidetone";
/// `STATUS_CODE_ERROR`
const ERROR: i32 = 2;

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

/// A process, as a collector sees it.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(serialize_with = "hex")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(serialize_with = "hex")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    #[serde(serialize_with = "hex", skip_serializing_if = "Vec::is_empty")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    #[serde(serialize_with = "text")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    #[serde(serialize_with = "text")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<Attribute>,
    #[prost(message, repeated, tag = "11")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Event>,
    #[prost(message, repeated, tag = "13")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    #[prost(message, optional, tag = "15")]
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[prost(fixed64, tag = "1")]
    #[serde(serialize_with = "text")]
    time_unix_nano: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "3")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(serialize_with = "hex")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(serialize_with = "hex")]
    span_id: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(transparent)]
struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, prost::Oneof, Serialize)]
enum Value {
    #[prost(string, tag = "1")]
    #[serde(rename = "stringValue")]
    Text(String),
    #[prost(bool, tag = "2")]
    #[serde(rename = "boolValue")]
    Flag(bool),
    #[prost(int64, tag = "3")]
    #[serde(rename = "intValue", serialize_with = "text")]
    Number(i64),
    #[prost(double, tag = "4")]
    #[serde(rename = "doubleValue")]
    Seconds(f64),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
}

/// A request with these spans: its content type, and its body.
pub(super) fn request(
    resource: &Resource,
    spans: &[trace::Span],
    encoding: Encoding,
) -> (&'static str, Vec<u8>) {
    let request = Request {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![ScopeSpans {
                scope: Some(Scope { name: SCOPE.into() }),
                spans: spans.iter().map(Span::from).collect(),
            }],
        }],
    };
    match encoding {
        Encoding::Protobuf => ("application/x-protobuf", request.encode_to_vec()),
        // Names, texts and numbers always serialize.
        Encoding::Json => (
            "application/json",
            serde_json::to_vec(&request).unwrap_or_default(),
        ),
    }
}

/// How many spans an answer reports as refused; 0 if it cannot be read.
pub(super) fn refused(body: &[u8], encoding: Encoding) -> u64 {
    let refused = match encoding {
        Encoding::Protobuf => Answer::decode(body)
            .ok()
            .and_then(|answer| Some(answer.partial_success?.rejected_spans)),
        Encoding::Json => serde_json::from_slice::<serde_json::Value>(body)
            .ok()
            .and_then(|answer| {
                let refused = &answer["partialSuccess"]["rejectedSpans"];
                let text = refused.as_str().and_then(|text| text.parse().ok());
                refused.as_i64().or(text)
            }),
    };
    refused
        .and_then(|refused| u64::try_from(refused).ok())
        .unwrap_or(0)
}

impl Resource {
    pub(super) fn new(attributes: impl Iterator<Item = (String, String)>) -> Self {
        let mut attributes: Vec<Attribute> = attributes
            .map(|(name, value)| attribute(name, trace::Value::Text(value)))
            .collect();
        attributes.sort_by(|one, other| one.key.cmp(&other.key));
        Self { attributes }
    }
}

impl From<&trace::Span> for Span {
    fn from(span: &trace::Span) -> Self {
        let link = |(trace, span): (trace::TraceId, trace::SpanId)| Link {
            trace_id: trace.0.to_be_bytes().into(),
            span_id: span.bytes().into(),
        };
        let event = |moment: &trace::Moment| Event {
            time_unix_nano: nanoseconds(moment.at),
            name: moment.name.into(),
            attributes: attributes(&moment.attributes),
        };
        Self {
            trace_id: span.trace.0.to_be_bytes().into(),
            span_id: span.id.bytes().into(),
            parent_span_id: span.parent.map(|id| id.bytes().into()).unwrap_or_default(),
            name: span.name.clone(),
            kind: match span.kind {
                Kind::Internal => 1,
                Kind::Server => 2,
                Kind::Client => 3,
            },
            start_time_unix_nano: nanoseconds(span.begun),
            end_time_unix_nano: nanoseconds(span.ended),
            attributes: attributes(&span.attributes),
            events: span.moments.iter().map(event).collect(),
            links: span.link.map(link).into_iter().collect(),
            status: span.failed.then_some(Status { code: ERROR }),
        }
    }
}

fn attributes(all: &[(&'static str, trace::Value)]) -> Vec<Attribute> {
    let all = all.iter();
    all.map(|(name, value)| attribute((*name).into(), value.clone()))
        .collect()
}

fn attribute(key: String, value: trace::Value) -> Attribute {
    let value = match value {
        trace::Value::Text(text) => Value::Text(text),
        trace::Value::Flag(flag) => Value::Flag(flag),
        trace::Value::Number(number) => Value::Number(number),
        trace::Value::Seconds(seconds) => Value::Seconds(seconds),
    };
    Attribute {
        key,
        value: Some(AnyValue { value: Some(value) }),
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Ids in JSON are hexadecimal in OTLP, not base64 as in Protobuf's JSON.
fn hex<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    to.serialize_str(&digits)
}

/// 64-bit numbers are strings in JSON.
fn text<S: Serializer>(number: impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&number)
}
