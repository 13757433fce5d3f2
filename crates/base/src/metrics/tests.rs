use std::collections::BTreeSet;

use super::names::{NAMES, Names};
use super::{CallState, Fault, Metrics};

/// The value of a series, as a scraper reads it.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| {
        let rest = line.strip_prefix(series);
        rest.is_some_and(|rest| rest.starts_with(' '))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn what_is_declared_is_shown_in_the_text_format() {
    let metrics = Metrics::new();
    let talking = metrics.calls.enter(CallState::Talking);
    let provider = metrics.providers.of("llm", "default", "a-model");
    provider.requests.inc();
    provider.failed(Fault::Limited);
    let text = metrics.text();
    assert!(text.contains("# TYPE sidetone_provider_requests_total counter"));
    assert!(text.contains("# TYPE sidetone_heard_seconds histogram"));
    assert!(text.contains("# TYPE sidetone_worker_load gauge"));
    assert_eq!(value(&text, "sidetone_calls{state=\"talking\"}"), Some(1.0));
    let errors = |fault| {
        let labels = format!("fault=\"{fault}\",provider=\"default\",stage=\"llm\"");
        value(
            &text,
            &format!("sidetone_provider_errors_total{{{labels}}}"),
        )
    };
    assert_eq!(errors("limited"), Some(1.0));
    assert_eq!(errors("sick"), Some(0.0), "it stands at 0 before the first");
    drop(talking);
    let text = metrics.text();
    assert_eq!(value(&text, "sidetone_calls{state=\"talking\"}"), Some(0.0));
    assert!(value(&text, "process_resident_memory_bytes") > Some(1e6));
}

#[test]
fn a_name_that_nobody_has_seen_becomes_other_when_there_are_too_many() {
    let names = Names::default();
    let all: Vec<String> = (0..NAMES + 10).map(|n| format!("agent-{n}")).collect();
    let labels: BTreeSet<&str> = all.iter().map(|name| names.label(name)).collect();
    assert_eq!(labels.len(), NAMES + 1);
    assert!(labels.contains("other"));
    assert_eq!(names.label("agent-0"), "agent-0", "known ones stay");
    assert_eq!(Names::default().label(&"x".repeat(500)), "other");
}

/// A metric whose name ends unlike others of its type is misread by people and by tools.
#[test]
fn names_say_their_type() {
    for family in Metrics::new().register.gather() {
        let (name, kind) = (family.name().to_owned(), family.get_field_type());
        let counts = kind == prometheus::proto::MetricType::COUNTER;
        assert_eq!(name.ends_with("_total"), counts, "{name} is a {kind:?}");
        assert!(!family.help().is_empty(), "{name}");
    }
}
