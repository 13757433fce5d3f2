//! What operators see of a process as it happens: logs, and spans for a collector ([`otlp`]).
//!
//! Logs go to standard error, as text for people or JSON for machines. They name calls, never people: no words of a
//! conversation and no users. A room or an identity that Sidetone has not created is replaced by a sign ([`shown`]),
//! because a room of LiveKit's SIP bridge has the caller's number in its name. Everything logged during a call names it
//! ([`of_call`]), in JSON as `call_id`, next to its `trace_id`: the same 128 bits, as OpenTelemetry writes them.

mod json;
pub mod otlp;
mod shown;

use std::io::IsTerminal;

use tracing::Span;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};
use uuid::Uuid;

use json::{Calls, JsonLines};

/// The filter if `SIDETONE_LOG` is not set: info for Sidetone, warnings for everything else. Transcripts are never
/// logged at these levels.
const DEFAULT_FILTER: &str = "warn,sidetone=info,sidetone_models=info";

/// Starts logging. `SIDETONE_LOG` takes tracing's filter directives ("sidetone=debug"); `SIDETONE_LOG_FORMAT=json`
/// writes one JSON object per line. An invalid filter is reported on standard error and the default used.
pub fn start() {
    let filter = match std::env::var("SIDETONE_LOG") {
        Ok(directives) => EnvFilter::try_new(&directives).unwrap_or_else(|error| {
            eprintln!(
                "SIDETONE_LOG={directives:?} is not a filter ({error}); \
                 use directives such as \"sidetone=debug\". Using {DEFAULT_FILTER:?}."
            );
            EnvFilter::new(DEFAULT_FILTER)
        }),
        Err(_) => EnvFilter::new(DEFAULT_FILTER),
    };
    let json = std::env::var("SIDETONE_LOG_FORMAT").is_ok_and(|format| format == "json");
    let registry = tracing_subscriber::registry().with(filter);
    // A second start (tests in one process) keeps the first.
    let _ = if json {
        let lines = fmt::layer().event_format(JsonLines);
        registry
            .with(Calls)
            .with(lines.with_writer(std::io::stderr))
            .try_init()
    } else {
        let lines = fmt::layer().compact();
        let lines = lines.fmt_fields(fmt::format::debug_fn(shown::text).delimited(" "));
        registry
            .with(
                lines
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(std::io::stderr),
            )
            .try_init()
    };
}

/// Everything logged within this span is attributed to this call.
pub fn of_call(call_id: Uuid) -> Span {
    tracing::error_span!(target: "sidetone", "call", %call_id)
}

#[cfg(test)]
mod tests;
