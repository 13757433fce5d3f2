use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use sidetone_base::trace::{Kind, Moment, Sampler, SpanId, TraceId, Traceparent};
use sidetone_config::traces::Encoding;

use super::*;

/// [`spans`] as written by OpenTelemetry's own library: scripts/otlp_fixture.py.
const REQUEST: &[u8] = include_bytes!("../../../fixtures/otlp/request.binpb");

fn id(text: &str) -> (TraceId, SpanId) {
    let parent: Traceparent = format!("00-{text}-01").parse().unwrap();
    (parent.trace, parent.span)
}

fn spans() -> Vec<Span> {
    let at = |ns: u64| UNIX_EPOCH + Duration::from_nanos(1_800_000_000_000_000_000 + ns);
    let (trace, first) = id("000102030405060708090a0b0c0d0e0f-0001020304050607");
    let (_, second) = id("000102030405060708090a0b0c0d0e0f-0102030405060708");
    let call = Span {
        id: first,
        link: Some(id("101112131415161718191a1b1c1d1e1f-08090a0b0c0d0e0f")),
        moments: vec![Moment {
            at: at(1_000_000_000),
            name: "stage_failed",
            attributes: vec![("sidetone.stage", "llm".into())],
        }],
        ..Span::new(trace, "invoke_agent default", (at(0), at(1_500_000_000)))
    };
    let seconds = sidetone_base::trace::Value::Seconds(0.25);
    let call = call
        .with("gen_ai.agent.name", "default")
        .with("gen_ai.usage.input_tokens", 300_u64)
        .with("gen_ai.response.time_to_first_chunk", seconds)
        .with("sidetone.interrupted", false);
    let chat = Span {
        id: second,
        kind: Kind::Client,
        failed: true,
        ..Span::new(trace, "chat thinks", (at(1), at(2)))
    };
    vec![call, chat.inside(first)]
}

fn process() -> wire::Resource {
    let said = [("service.name", "sidetone"), ("team", "blue")];
    wire::Resource::new(
        said.map(|(name, value)| (name.into(), value.into()))
            .into_iter(),
    )
}

#[test]
fn spans_are_written_as_opentelemetry_writes_them() {
    let (kind, body) = wire::request(&process(), &spans(), Encoding::Protobuf);
    assert_eq!(kind, "application/x-protobuf");
    assert_eq!(body, REQUEST);
}

#[test]
fn json_has_names_hexadecimal_ids_and_numbers_as_text() {
    let (kind, body) = wire::request(&process(), &spans(), Encoding::Json);
    assert_eq!(kind, "application/json");
    let body: Value = serde_json::from_slice(&body).unwrap();
    let resource = &body["resourceSpans"][0];
    assert_eq!(
        resource["resource"]["attributes"][1],
        json!({"key": "team", "value": {"stringValue": "blue"}})
    );
    let spans = &resource["scopeSpans"][0]["spans"];
    let call = json!({
        "traceId": "000102030405060708090a0b0c0d0e0f",
        "spanId": "0001020304050607",
        "name": "invoke_agent default",
        "kind": 1,
        "startTimeUnixNano": "1800000000000000000",
        "endTimeUnixNano": "1800000001500000000",
        "attributes": [
            {"key": "gen_ai.agent.name", "value": {"stringValue": "default"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "300"}},
            {"key": "gen_ai.response.time_to_first_chunk", "value": {"doubleValue": 0.25}},
            {"key": "sidetone.interrupted", "value": {"boolValue": false}},
        ],
        "events": [{
            "timeUnixNano": "1800000001000000000",
            "name": "stage_failed",
            "attributes": [{"key": "sidetone.stage", "value": {"stringValue": "llm"}}],
        }],
        "links": [{"traceId": "101112131415161718191a1b1c1d1e1f", "spanId": "08090a0b0c0d0e0f"}],
    });
    assert_eq!(spans[0], call);
    assert_eq!(spans[1]["parentSpanId"], "0001020304050607");
    assert_eq!(spans[1]["status"], json!({"code": 2}));
}

#[test]
fn an_answer_says_how_many_spans_were_refused() {
    // partial_success (1) { rejected_spans (1) = 3 }
    assert_eq!(
        wire::refused(&[0x0a, 0x02, 0x08, 0x03], Encoding::Protobuf),
        3
    );
    let json = |text: &str| wire::refused(text.as_bytes(), Encoding::Json);
    assert_eq!(json(r#"{"partialSuccess": {"rejectedSpans": "3"}}"#), 3);
    assert_eq!(json(r#"{"partialSuccess": {"rejectedSpans": 3}}"#), 3);
    for nothing in [
        "",
        "{}",
        "not found",
        r#"{"partialSuccess": {"rejectedSpans": -1}}"#,
    ] {
        assert_eq!(json(nothing), 0, "{nothing}");
        assert_eq!(wire::refused(nothing.as_bytes(), Encoding::Protobuf), 0);
    }
}

/// A collector at an address, as the variables configure it.
fn exporter(endpoint: &str) -> (Tracer, Exporter) {
    let traces = Traces {
        endpoint: endpoint.parse().unwrap(),
        headers: Vec::new(),
        encoding: Encoding::Json,
        timeout: Duration::from_secs(5),
        resource: vec![("service.name".into(), "sidetone".into())],
        sampler: Sampler::default(),
    };
    let (tracer, exporter) = Exporter::new(Some(&traces)).unwrap();
    (tracer, exporter.unwrap())
}

fn count(fate: SpanFate) -> u64 {
    metrics().process.spans(fate).get()
}

#[tokio::test]
async fn a_process_that_ends_waits_for_a_dead_collector_no_longer_than_it_may() {
    // It accepts connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (tracer, exporter) = exporter(&format!("http://{}", silent.local_addr().unwrap()));
    for span in spans() {
        tracer.take(span);
    }
    let before = count(SpanFate::Unreachable);
    exporter
        .end(clock::now() + Duration::from_millis(100))
        .await;
    assert_eq!(count(SpanFate::Unreachable) - before, 2);
}

#[test]
fn without_a_collector_there_is_nothing_to_run() {
    let (tracer, exporter) = Exporter::new(None).unwrap();
    assert!(exporter.is_none() && !tracer.samples(TraceId(1), None));
}
