//! One JSON object per line: time, level, target, the call and its trace, the fields.

use std::fmt::{self, Debug};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

use super::shown;

/// The fields that name a call.
const CALL: [&str; 2] = ["call_id", "call"];

/// The call that a span belongs to.
struct CallOf(String);

/// Remembers which call each span belongs to.
pub(super) struct Calls;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Calls {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(call), Some(span)) = (fields.call(), context.span(id)) {
            span.extensions_mut().insert(CallOf(call));
        }
    }
}

/// Writes an event.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut line = json!({
            "timestamp": time,
            "level": metadata.level().as_str(),
            "target": metadata.target(),
        });
        let of_span = || {
            let mut spans = context.event_scope().into_iter().flatten();
            spans.find_map(|span| span.extensions().get::<CallOf>().map(|of| of.0.clone()))
        };
        if let Some(call) = fields.call().or_else(of_span) {
            if let Ok(id) = Uuid::parse_str(&call) {
                line["trace_id"] = id.simple().to_string().into();
            }
            line["call_id"] = call.into();
        }
        line["fields"] = Value::Object(fields.0);
        writeln!(out, "{line}")
    }
}

/// The fields of an event, as shown.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    /// The call that they name; removed, because it gets a field of its own.
    fn call(&mut self) -> Option<String> {
        let call = CALL.into_iter().find_map(|name| self.0.remove(name))?;
        call.as_str().map(str::to_owned)
    }

    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn add_text(&mut self, field: &Field, value: &str) {
        match shown::is_name(field.name()) {
            true => self.add(field, shown::name(value)),
            false => self.add(field, value),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add_text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        match shown::is_name(field.name()) {
            true => self.add_text(field, value.trim_matches('"')),
            false => self.add(field, value),
        }
    }
}
