use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::subscriber::with_default;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Collects the lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

const CALL: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
const TELEPHONE: &str = "call-_+4930123456_x7";
const MADE: &str = "support-0f8fad5bd9cb469fa16570867728950e";

fn log_a_call() {
    tracing::warn!(room = TELEPHONE, "before it is known which call it is");
    of_call(CALL.parse().unwrap()).in_scope(|| {
        tracing::warn!(room = %MADE, tries = 3, good = true, "a stage failed");
        tracing::info!(call = %"another", identity = ?"ann", "named by itself");
    });
}

#[test]
fn a_line_of_json_names_call_and_trace_and_nobody() {
    let lines = Lines::default();
    let layer = fmt::layer().with_writer(lines.clone());
    let subscriber = tracing_subscriber::registry()
        .with(Calls)
        .with(layer.event_format(JsonLines));
    with_default(subscriber, log_a_call);
    let text = lines.text();
    let read: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read[0].get("call_id"), None);
    assert!(read[0]["fields"]["room"].as_str().unwrap().starts_with('#'));
    assert_eq!(read[1]["call_id"], CALL);
    assert_eq!(read[1]["trace_id"], CALL.replace('-', ""));
    assert_eq!(read[1]["level"], "WARN");
    let fields = &read[1]["fields"];
    assert_eq!(fields["message"], "a stage failed");
    assert_eq!(
        (&fields["room"], &fields["tries"]),
        (&MADE.into(), &3.into())
    );
    assert_eq!(read[2]["call_id"], "another", "the event's own word counts");
    assert!(
        !text.contains("4930123456") && !text.contains("ann\""),
        "{text}"
    );
}

/// What these make of a log for people.
fn for_people(logs: impl FnOnce()) -> String {
    let lines = Lines::default();
    let layer = fmt::layer()
        .with_writer(lines.clone())
        .compact()
        .with_ansi(false)
        .fmt_fields(fmt::format::debug_fn(shown::text).delimited(" "));
    with_default(tracing_subscriber::registry().with(layer), logs);
    lines.text()
}

#[test]
fn a_strangers_text_never_begins_a_line_of_the_log() {
    let written = "a\n2026-11-30 ERROR forged\u{1b}[2K\r\u{2028}é";
    let text = for_people(|| tracing::warn!(id = %written, "no answer to {written}"));
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.trim_end().contains(char::is_control), "{text:?}");
    let shown = r"a\n2026-11-30 ERROR forged\u{1b}[2K\r\u{2028}é";
    assert_eq!(text.matches(shown).count(), 2, "{text}");
}

#[test]
fn a_line_for_people_names_the_call_and_nobody() {
    let text = for_people(log_a_call);
    let failed = text.lines().nth(1).unwrap();
    assert!(
        failed.contains("a stage failed") && failed.contains("tries=3"),
        "{failed}"
    );
    assert!(failed.contains(CALL) && failed.contains(MADE), "{failed}");
    assert!(
        !text.contains("4930123456") && !text.contains("ann\""),
        "{text}"
    );
}
