//! Logs: to standard error, as text for people or JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// What is logged when `SIDETONE_LOG` says nothing: our own info, others' warnings. Transcripts
/// are never logged at these levels.
const DEFAULT_FILTER: &str = "warn,sidetone=info,sidetone_models=info";

/// Starts logging. `SIDETONE_LOG` takes tracing's filter directives ("sidetone=debug");
/// `SIDETONE_LOG_FORMAT=json` writes one JSON object a line. A filter that cannot be read is
/// told on standard error and the default used.
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
    let to_stderr = fmt::layer().with_writer(std::io::stderr);
    // A second start (tests in one process) keeps the first.
    let _ = if json {
        registry.with(to_stderr.json()).try_init()
    } else {
        registry
            .with(
                to_stderr
                    .compact()
                    .with_ansi(std::io::stderr().is_terminal()),
            )
            .try_init()
    };
}
